"""The strip above the views: what is worth a look, and saving what is on the screen.

Shapes: L layers, H heads, T time, D head size.
"""

from __future__ import annotations

import base64
import io
import math

import numpy as np
import torch
from torch import Tensor

from llm.inside.trace import trace
from llm.ui import inputs
from llm.ui.attention.worked_examples import WORKED_EXAMPLES, WorkedExample
from llm.ui.panel import Answer, Panel, Request
from llm.ui.prompt import finite, named, packed, window
from llm.ui.sessions import Session
from llm.ui.subject import Loaded, Subjects
from llm.ui.token_names import token_name

MAX_VALUES = 16_000_000
"""Numbers in one file of tensors: 64 MB."""
MAX_PAGE_VALUES = 6_000_000
"""Queries and keys in one page: 32 MB of text."""


def build_examples(subjects: Subjects) -> Panel:
    """The strip; its endpoints find the examples' heads and hand out a head's numbers."""

    def list_worked_examples(request: Request) -> Answer:
        """Those whose model is here."""
        session = subjects.sessions.of(request)
        examples = [
            {"name": name, "title": example.title}
            for name, example in WORKED_EXAMPLES.items()
            if _model(subjects, session, example) is not None
        ]
        return {"examples": examples}

    def find_worked_example(request: Request) -> Answer:
        """Where to look, and what to look for."""
        example = WORKED_EXAMPLES[inputs.choice(request, "name", WORKED_EXAMPLES)]
        model = _model(subjects, subjects.sessions.of(request), example)
        if model is None:
            raise ValueError("The model of this example is not here; choose another example.")
        prompt = example.models[model["title"]]
        found, says = example.find(subjects.of({**request, "model": model["ref"], "step": None}), prompt)
        return {
            "model": model["ref"],
            "step": model["steps"][0] if example.from_start else None,
            "steps": [model["steps"][0], model["steps"][-1]] if example.from_start else [],
            "prompt": prompt,
            "head": [found.layer, found.head],
            "cell": [found.row, found.column],
            "says": says,
        }

    def pack_head(request: Request) -> Answer:
        """One head's weights and scores as they are, for a file that stands alone."""
        loaded, ids = _read(subjects, request)
        layer, head = _head(request, loaded)
        keys = [f"blocks.{layer}.attn.hook_{part}" for part in ("pattern", "attn_scores")]
        seen = trace(loaded.model, ids, keys)
        finite(seen.logits)
        rows, columns = torch.tril_indices(len(ids), len(ids))
        pattern, scores = (packed(seen[key][0, head].cpu()[rows, columns]) for key in keys)
        return {
            "title": loaded.title,
            "step": loaded.step,
            "layer": layer,
            "head": head,
            "tokens": named(loaded.tokenizer, ids),
            "pattern": pattern,
            "scores": scores,
        }

    def pack_heads(request: Request) -> Answer:
        """Queries and keys of all heads, from which a page of its own works out every weight."""
        loaded, ids = _read(subjects, request)
        config = loaded.config
        each = 2 * config.n_embd * config.n_layer
        _fit(loaded, ids, len(ids) * each, MAX_PAGE_VALUES, MAX_PAGE_VALUES // each, "page")
        q_LHTD, k_LHTD = _parts(loaded, ids, "qk")
        return {
            "title": loaded.title,
            "step": loaded.step,
            "layers": config.n_layer,
            "heads": config.n_head,
            "tokens": named(loaded.tokenizer, ids),
            "q": packed(q_LHTD),
            "k": packed(k_LHTD),
        }

    def pack_tensors(request: Request) -> Answer:
        """A .npz of patterns, queries, keys and values: of one head or, if `whole`, of all."""
        loaded, ids = _read(subjects, request)
        config = loaded.config
        layers, heads = list(range(config.n_layer)), list(range(config.n_head))
        if inputs.flag(request, "whole"):
            n, width = config.n_layer * config.n_head, 3 * config.head_size
            most = int(math.sqrt(MAX_VALUES / n + width**2 / 4) - width / 2)
            _fit(loaded, ids, n * len(ids) * (len(ids) + width), MAX_VALUES, most, "file")
        else:
            layer, head = _head(request, loaded)
            layers, heads = [layer], [head]
        q_LHTD, k_LHTD, v_LHTD = (part[layers][:, heads] for part in _parts(loaded, ids, "qkv"))
        future_TT = torch.ones(len(ids), len(ids), dtype=torch.bool, device=q_LHTD.device).triu(1)
        scores_LHTT = q_LHTD @ k_LHTD.transpose(2, 3) / config.head_size**0.5
        pattern_LHTT = scores_LHTT.masked_fill_(future_TT, -torch.inf).softmax(dim=3)
        file = io.BytesIO()
        np.savez(
            file,
            pattern=pattern_LHTT.cpu().numpy(),
            q=q_LHTD.cpu().numpy(),
            k=k_LHTD.cpu().numpy(),
            v=v_LHTD.cpu().numpy(),
            ids=np.array(ids),
            tokens=np.array([token_name(loaded.tokenizer, id) for id in ids]),
            layers=np.array(layers),
            heads=np.array(heads),
        )
        return {"file": base64.b64encode(file.getvalue()).decode("ascii")}

    return Panel("examples", [list_worked_examples, find_worked_example, pack_head, pack_heads, pack_tensors])


def _model(subjects: Subjects, session: Session, example: WorkedExample) -> Answer | None:
    """The first of the example's models that is here, as the bar's menu lists it."""
    here = {model["title"]: model for model in subjects.available(session) if model["group"] == "Shipped"}
    found = (here[name] for name in example.models if name in here)
    return next((model for model in found if not example.from_start or len(model["steps"]) > 1), None)


def _read(subjects: Subjects, request: Request) -> tuple[Loaded, list[int]]:
    loaded = subjects.of(request)
    ids, _ = window(loaded, inputs.text(request, "prompt"))
    if not ids:
        raise ValueError("There is no token to look at; write a prompt at the top.")
    return loaded, ids


def _parts(loaded: Loaded, ids: list[int], names: str) -> list[Tensor]:
    """Of all layers queries ("q"), keys ("k") or values ("v"): part_LHTD each."""
    layers = range(loaded.config.n_layer)
    seen = trace(loaded.model, ids, [f"blocks.*.attn.hook_{name}" for name in names], last_only=True)
    finite(seen.logits)
    return [
        torch.stack([seen[f"blocks.{layer}.attn.hook_{name}"][0].transpose(0, 1).float() for layer in layers])
        for name in names
    ]


def _fit(loaded: Loaded, ids: list[int], values: int, limit: int, tokens: int, what: str) -> None:
    """Raises ValueError when that is too much for one download."""
    if values > limit:
        heads, size, most = loaded.config.n_layer * loaded.config.n_head, 4 * values / 1e6, 4 * limit / 1e6
        raise ValueError(
            f"All {heads} heads over {len(ids):,} tokens are {size:,.0f} MB, and such a {what} holds {most:.0f}. "
            f"Save one head, or use a prompt of at most {tokens:,} tokens."
        )


def _head(request: Request, loaded: Loaded) -> tuple[int, int]:
    return (
        inputs.whole(request, "layer", 0, loaded.config.n_layer - 1),
        inputs.whole(request, "head", 0, loaded.config.n_head - 1),
    )
