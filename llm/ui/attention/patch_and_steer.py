"""Patch and steer: an activation of one prompt in the run of another, and their difference added while writing.

The page says what is patched and asks for the next rows of the map; a pair of prompts is read once and kept.

Shapes: T time, L layers, V vocabulary.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor

from llm.config import SamplingConfig
from llm.inside.patching import KINDS, Pair, Site, counterpart, steered
from llm.inside.trace import Trace
from llm.sampler import checked_ids, generate
from llm.ui import inputs
from llm.ui.attention.passes import Passes
from llm.ui.findings import Findings
from llm.ui.openings import TALES
from llm.ui.panel import Answer, Request, View
from llm.ui.prompt import named, packed, window
from llm.ui.subject import Loaded, Subjects
from llm.ui.traces import trace_bytes

MAX_TOKENS = 64
"""Of a prompt: a row of the map runs it once for each of its tokens."""
WIDTHS = 6
"""Numbers kept of a token in each layer, in widths of the model."""
CALL_SECONDS = 0.3
"""How long one call works on the map; a row that was begun is finished."""
TOP = 4
"""Likeliest tokens of each run whose bars are drawn."""
WRITTEN = 32
CHUNK = 8
"""Tokens written in one call. They share a seed, so this number is part of what a seed means."""
TEMPERATURE = 0.8
MAX_FACTOR = 8.0
EXAMPLES = {
    "tales": [
        ("Who comes next", TALES[0], TALES[0].replace("Arlo", "Sofia")),
        (
            "Who she is",
            "One spring, Arlo found a paper bag. In the summer a hailstorm tore the leaves. Arlo did not despair:",
            "One spring, Sofia found a paper bag. In the summer a hailstorm tore the leaves. Sofia did not despair:",
        ),
    ],
    "induction": [("The copied letter", "\nabcdefgh|ab", "\nabxdefgh|ab")],
}
"""For shipped models: a title, the prompt, and the other one, which also stands beside that prompt by itself."""


class Pairs:
    """The latest pairs of prompts, by model and tokens."""

    def __init__(self, subjects: Subjects) -> None:
        self.subjects = subjects
        self._read = Findings[Trace](subjects.sessions.memory)

    def of(self, request: Request) -> tuple[Loaded, Pair]:
        """The pair that a request is about. Raises ValueError when it can't be laid side by side."""
        loaded = self.subjects.of(request)
        texts, config = self.texts(request, loaded), loaded.config
        key = tuple(map(tuple, texts))
        size = 8 * (WIDTHS * config.n_layer * config.n_embd * len(texts[0]) + config.vocab_size)
        seen = self._read.of(loaded.model, key, size, lambda: Pair(loaded.model, *texts).seen, trace_bytes)
        return loaded, Pair(loaded.model, *texts, seen=seen)

    def texts(self, request: Request, loaded: Loaded) -> list[list[int]]:
        """Both prompts' ids, only the last of them if they are too long; the other is found where none was written.

        An example's prompt has the example's other.
        """
        base = window(loaded, inputs.text(request, "prompt"))[0][-MAX_TOKENS:]
        other = inputs.text(request, "other", default="")
        if not other:
            known = {prompt: beside for _, prompt, beside in _examples(request)}
            other = known.get(inputs.text(request, "prompt"), "")
        if not base:
            raise ValueError("There is nothing to patch; write a prompt at the top.")
        return [base, window(loaded, other)[0][-MAX_TOKENS:] if other else counterpart(loaded.model, base)]


def build_patch_and_steer(passes: Passes) -> View:
    """The view and its endpoints."""
    pairs = Pairs(passes.subjects)

    def read_pair(request: Request) -> Answer:
        """Both prompts side by side and what each is followed by; without a prompt no tokens and nothing else."""
        if not inputs.text(request, "prompt"):
            return {"tokens": []}
        loaded, pair = pairs.of(request)
        base, source = pair.seen.ids.tolist()
        return {
            "tokens": named(loaded.tokenizer, base),
            "others": named(loaded.tokenizer, source),
            "other": loaded.tokenizer.decode(source),
            "layers": loaded.config.n_layer,
            "heads": loaded.config.n_head,
            "answers": named(loaded.tokenizer, list(pair.answers)),
            "next": _odds(pair, pair.logits_2V[0], loaded),
            "examples": [
                {"title": title, "prompt": prompt, "other": other} for title, prompt, other in _examples(request)
            ],
        }

    def patch_positions(request: Request) -> Answer:
        """What the base says with the source's activation at some positions, and where the stream moves."""
        loaded, pair = pairs.of(request)
        site, positions = _site(request, loaded), _positions(request, pair)
        logits_V = pair.patched(site, positions)
        return {
            "next": _odds(pair, logits_V, loaded),
            "restored": pair.restored(logits_V),
            "cone": packed(pair.cone(site, positions)),
        }

    def map_rows(request: Request) -> Answer:
        """The share restored by each position, from row `first` on, for a bounded time."""
        loaded, pair = pairs.of(request)
        sites = _sites(request, loaded)
        first = inputs.whole(request, "first", 0, len(sites) - 1)
        deadline, rows = time.monotonic() + CALL_SECONDS, []
        for site in sites[first:]:
            rows.append(pair.row(site))
            if time.monotonic() > deadline:
                break
        return {"first": first, "rows": rows, "total": len(sites)}

    def write_steered(request: Request) -> Answer:
        """The next tokens after the prompt and the `ids` written since, with the difference added at a layer."""
        loaded, pair = pairs.of(request)
        layer = inputs.whole(request, "layer", 0, loaded.config.n_layer, loaded.config.n_layer // 2)
        factor = inputs.number(request, "factor", -MAX_FACTOR, MAX_FACTOR, 1.0)
        written = request.get("ids", [])
        if not isinstance(written, list) or len(written) >= WRITTEN or not all(type(id) is int for id in written):
            raise ValueError(f"After the prompt there is room for {WRITTEN} tokens; begin anew.")
        written = checked_ids(written, loaded.config.vocab_size) if written else []
        seed = inputs.whole(request, "seed", 0, 2**31, 1)
        config = SamplingConfig(temperature=TEMPERATURE, max_new_tokens=CHUNK, seed=seed + len(written))
        eot_id, prompt = loaded.tokenizer.eot_id, pair.seen.ids[0].tolist()
        with steered(loaded.model, layer, factor * pair.direction(layer)):
            new = [choice.id for choice in generate(loaded.model, prompt + written, config, eot_id=eot_id)]
        room = min(WRITTEN, loaded.config.n_ctx - len(prompt))  # beyond it the prompt would be read anew, elsewhere
        ended = new[-1] == eot_id or len(written) + len(new) >= room
        kept = written + [id for id in new if id != eot_id]
        return {"ids": kept, "text": loaded.tokenizer.decode(kept), "ended": ended}

    return View("Patch and steer", [read_pair, patch_positions, map_rows, write_steered])


def _examples(request: Request) -> list[tuple[str, str, str]]:
    return EXAMPLES.get(inputs.text(request, "model", limit=200).removeprefix("shipped:"), [])


def _site(request: Request, loaded: Loaded) -> Site:
    """What a request patches. Raises ValueError when this model lacks it."""
    kind = inputs.choice(request, "kind", KINDS, default="stream")
    head = inputs.whole(request, "head", 0, 65_536, 0) if kind == "head" else None
    return Site(kind, inputs.whole(request, "layer", 0, 65_536, 0), head)


def _sites(request: Request, loaded: Loaded) -> list[Site]:
    """The rows of the map: layers upwards or, of one layer, its heads."""
    config, kind = loaded.config, inputs.choice(request, "kind", KINDS, default="stream")
    if kind == "head":
        layer = inputs.whole(request, "layer", 0, config.n_layer - 1, config.n_layer - 1)
        return [Site(kind, layer, head) for head in range(config.n_head)]
    return [Site(kind, layer) for layer in range(config.n_layer + (kind == "stream"))]


def _positions(request: Request, pair: Pair) -> list[int]:
    positions = request.get("positions", [])
    if not isinstance(positions, list) or len(positions) > pair.length or not all(type(p) is int for p in positions):
        raise ValueError("Positions must be a list of whole numbers, one for each token at most.")
    return positions


def _odds(pair: Pair, logits_V: Tensor, loaded: Loaded) -> list[Answer]:
    """The likeliest tokens of both runs, in the base, as patched, and in the source."""
    odds_3V = torch.stack([pair.logits_2V[0], logits_V, pair.logits_2V[1]]).softmax(dim=1)
    ids = dict.fromkeys(pair.answers)
    for run in (0, 2):
        ids |= dict.fromkeys(odds_3V[run].topk(min(TOP, odds_3V.size(1))).indices.tolist())
    return [
        {**name, "base": float(base), "patched": float(patched), "source": float(source)}
        for name, (base, patched, source) in zip(
            named(loaded.tokenizer, list(ids)), odds_3V[:, list(ids)].T.tolist(), strict=True
        )
    ]
