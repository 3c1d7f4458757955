"""The strip above the views: what is worth a look, and saving what is on the screen.

Shapes: L layers, H heads, T time, D head size.
"""

from __future__ import annotations

import base64
import io

import numpy as np
import torch

from llm.inside.trace import trace
from llm.ui import inputs
from llm.ui.attention.prompt import finite, named, packed, text_of, window
from llm.ui.attention.worked_examples import WORKED_EXAMPLES, WorkedExample
from llm.ui.components import Answer, Lens, Request
from llm.ui.sessions import Session
from llm.ui.subject import Loaded, Subjects

MAX_VALUES = 8_000_000
"""Numbers in one file of tensors: 32 MB. What is larger is cut down to a layer, or to a head."""


def build_looking(subjects: Subjects) -> Lens:
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

    def pack_tensors(request: Request) -> Answer:
        """A .npz of patterns, queries, keys and values: of all heads, or of as many as fit."""
        loaded, ids = _read(subjects, request)
        config, (layer, head) = loaded.config, _head(request, loaded)
        each = len(ids) * (len(ids) + 3 * config.head_size)
        layers = range(config.n_layer) if each * config.n_head * config.n_layer <= MAX_VALUES else [layer]
        heads = list(range(config.n_head)) if each * config.n_head <= MAX_VALUES else [head]
        seen = trace(loaded.model, ids, [f"blocks.{i}.attn.hook_{part}" for i in layers for part in "qkv"])
        finite(seen.logits)
        q_LHTD, k_LHTD, v_LHTD = (
            torch.stack([seen[f"blocks.{i}.attn.hook_{part}"][0].transpose(0, 1)[heads] for i in layers])
            for part in "qkv"
        )
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
            tokens=np.array([text_of(loaded.tokenizer, id) for id in ids]),
            layers=np.array(layers),
            heads=np.array(heads),
        )
        whole = len(layers) == config.n_layer and len(heads) == config.n_head
        return {"file": base64.b64encode(file.getvalue()).decode("ascii"), "whole": whole}

    return Lens("looking", [list_worked_examples, find_worked_example, pack_head, pack_tensors])


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


def _head(request: Request, loaded: Loaded) -> tuple[int, int]:
    return (
        inputs.whole(request, "layer", 0, loaded.config.n_layer - 1),
        inputs.whole(request, "head", 0, loaded.config.n_head - 1),
    )
