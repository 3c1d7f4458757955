"""Switching off: what the model says, loses and writes without some of its heads and MLPs.

Nothing is kept between two calls. The page says which parts are off and asks for the next piece of
what takes long: of the sweep as many parts as fit the time, of the written text a few tokens.

Shapes: T time, V vocabulary.
"""

from __future__ import annotations

import math
import re
import time

import torch
import torch.nn.functional as F
from torch import Tensor

from llm.config import ModelConfig, SamplingConfig
from llm.inside.ablation import Means, Part, ablated, losses_without, mean_outputs, parts_of
from llm.sampler import checked_ids, generate, reading
from llm.ui import inputs
from llm.ui.attention.passes import Passes
from llm.ui.panel import Answer, Request, View
from llm.ui.prompt import finite, named, packed, window
from llm.ui.subject import Loaded

CALL_SECONDS = 0.15
"""How long one call of the sweep goes on; a part that was begun is finished."""
LIGHT = 3e11
"""Operations of a sweep that begins unasked: a few seconds on a laptop."""
TOP = 8
"""Likeliest tokens, before and after, whose bars are drawn."""
WRITTEN = 40
"""Tokens written after the prompt."""
CHUNK = 8
"""Tokens written in one call. They share a seed, so this number is part of what a seed means."""
TEMPERATURE = 0.8
_PART = re.compile(r"(\d{1,4})\.(\d{1,4}|mlp)")


def build_switch_off(passes: Passes) -> View:
    """The view and its endpoints."""

    @passes.subjects.answers.of
    def compare_parts(request: Request) -> Answer:
        """Next tokens and the loss of every token, with all parts on and with some off."""
        loaded = passes.subjects.of(request)
        ids, note = window(loaded, inputs.text(request, "prompt"))
        if not ids:
            return {"tokens": []}
        off = _parts(request, loaded.config)
        before_TV = _logits(loaded, ids)
        with ablated(loaded.model, off, _means(request, loaded, ids) if off else None):
            after_TV = _logits(loaded, ids) if off else before_TV
        return {
            "tokens": named(loaded.tokenizer, ids),
            "note": note,
            "step": loaded.step,
            "layers": loaded.config.n_layer,
            "heads": loaded.config.n_head,
            "vocabulary": loaded.config.vocab_size,
            "off": [f"{layer}.{'mlp' if head is None else head}" for layer, head in off],
            "before": packed(_nats(before_TV, ids)),
            "after": packed(_nats(after_TV, ids)),
            "next": _next_tokens(before_TV[-1], after_TV[-1], loaded),
            "light": 2 * loaded.config.n_params * len(ids) * len(parts_of(loaded.config)) < LIGHT,
        }

    @passes.subjects.answers.of
    def sweep_parts(request: Request) -> Answer:
        """The mean loss with each part off alone, from part number `first` on, for a bounded time."""
        loaded = passes.subjects.of(request)
        ids, _ = window(loaded, inputs.text(request, "prompt"))
        parts = parts_of(loaded.config)
        first = inputs.whole(request, "first", 0, len(parts) - 1)
        deadline = time.monotonic() + CALL_SECONDS
        losses: list[float] = []
        for loss in losses_without(loaded.model, ids, parts[first:], _means(request, loaded, ids)):
            if not math.isfinite(loss):
                raise ValueError("Without one of its parts this model answers NaN; choose an earlier moment.")
            losses.append(loss)
            if time.monotonic() > deadline:
                break
        return {"first": first, "losses": losses, "total": len(parts)}

    @passes.subjects.answers.of
    def write_without(request: Request) -> Answer:
        """The next tokens after the prompt and the `ids` written since, with some parts off."""
        loaded = passes.subjects.of(request)
        prompt, _ = window(loaded, inputs.text(request, "prompt"))
        if not prompt:
            raise ValueError("There is nothing to go on from; write a prompt at the top.")
        written = _written(request, loaded.config)
        seed = inputs.whole(request, "seed", 0, 2**31, 1)
        # Each call draws with a seed of its own, the same with parts on and off.
        config = SamplingConfig(temperature=TEMPERATURE, max_new_tokens=CHUNK, seed=seed + len(written))
        off, eot_id = _parts(request, loaded.config), loaded.tokenizer.eot_id
        with ablated(loaded.model, off, _means(request, loaded, prompt) if off else None):
            new = [choice.id for choice in generate(loaded.model, prompt + written, config, eot_id=eot_id)]
        ended = new[-1] == eot_id or len(written) + len(new) >= WRITTEN
        kept = written + [id for id in new if id != eot_id]
        return {"ids": kept, "text": loaded.tokenizer.decode(kept), "ended": ended, "of": WRITTEN}

    return View("Switch off", [compare_parts, sweep_parts, write_without])


def _parts(request: Request, config: ModelConfig) -> list[Part]:
    """The parts that are off, from "0.3_2.mlp"; those that this model lacks are left out."""
    text, parts = inputs.text(request, "off", default=""), set[Part]()
    for name in filter(None, text.split("_")):
        found = _PART.fullmatch(name)
        if not found:
            raise ValueError("What is switched off must look like 0.3_2.mlp: layer.head, or layer.mlp.")
        parts.add(Part(int(found[1]), None if found[2] == "mlp" else int(found[2])))
    return [part for part in parts_of(config) if part in parts]


def _means(request: Request, loaded: Loaded, ids: list[int]) -> Means | None:
    """What stands in for a part that is off: its own mean over the prompt, or None for zeros."""
    how = inputs.choice(request, "how", ("zero", "mean"), default="zero")
    return mean_outputs(loaded.model, ids) if how == "mean" else None


def _written(request: Request, config: ModelConfig) -> list[int]:
    written = request.get("ids", [])
    if not isinstance(written, list) or len(written) >= WRITTEN or not all(type(id) is int for id in written):
        raise ValueError(f"After the prompt there is room for {WRITTEN} tokens; draw again to start anew.")
    return checked_ids(written, config.vocab_size) if written else []


def _logits(loaded: Loaded, ids: list[int]) -> Tensor:
    with reading(loaded.model):
        return finite(loaded.model(torch.tensor([ids], device=loaded.model.device))[0])


def _nats(logits_TV: Tensor, ids: list[int]) -> Tensor:
    """-ln p of each token but the first, given those before it."""
    next_T = torch.tensor(ids[1:], dtype=torch.long, device=logits_TV.device)
    return F.cross_entropy(logits_TV[:-1].float(), next_T, reduction="none")


def _next_tokens(before_V: Tensor, after_V: Tensor, loaded: Loaded) -> list[Answer]:
    """The likeliest tokens of both, those of the whole model first, each with both probabilities."""
    odds_V = [logits_V.float().softmax(dim=0) for logits_V in (before_V, after_V)]
    tops = [odds.topk(min(TOP, len(odds))).indices.tolist() for odds in odds_V]
    ids = list(dict.fromkeys(tops[0] + tops[1]))
    return [
        {**name, "before": float(odds_V[0][name["id"]]), "after": float(odds_V[1][name["id"]])}
        for name in named(loaded.tokenizer, ids)
    ]
