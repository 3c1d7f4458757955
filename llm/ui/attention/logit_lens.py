"""The logit lens: what the model would answer if it stopped after each layer.

Figures of all cells travel as float32, rows from the embeddings (0) up to the model's output
(n_layer). A large vocabulary takes a while for each row, so an answer holds as many rows as fit
its time and the page asks for the next ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from llm.inside.logit_lens import LensRow, lens_name, lens_rows, trace_streams
from llm.sampler import reading
from llm.ui import inputs
from llm.ui.attention.passes import Passes
from llm.ui.panel import Answer, Request, View
from llm.ui.prompt import finite, next_tokens, packed, window
from llm.ui.token_names import token_name

CALL_SECONDS = 0.4
"""How long one answer may take after its forward pass, at least: a slow pass is worth more rows."""
FIGURES: dict[str, Callable[[LensRow], Tensor]] = {
    "top": lambda row: row.top_T,
    "p": lambda row: row.top_p_T,
    "entropy": lambda row: row.entropy_T,
    "trueP": lambda row: row.true_p_T,
    "rank": lambda row: row.true_rank_T,
}


def build_logit_lens(passes: Passes) -> View:
    """The view; its endpoints read rows of the lens, and one cell whole."""

    @passes.subjects.answers.of
    def read_lens(request: Request) -> Answer:
        """Figures of rows `below` - 1, `below` - 2, ...: from the output (where `below` is None) down."""
        loaded = passes.subjects.of(request)
        ids, note = window(loaded, inputs.text(request, "prompt"))
        if not ids:
            return {"tokens": []}
        layers = loaded.config.n_layer
        below = layers + 1 if request.get("below") is None else inputs.whole(request, "below", 1, layers + 1)
        started = time.monotonic()
        seen = trace_streams(loaded.model, ids, range(below))
        finite(seen.logits)
        traced = time.monotonic()
        rows: list[LensRow] = []
        for row in lens_rows(loaded.model, seen, reversed(range(below))):
            rows.append(row)
            if time.monotonic() - traced > max(CALL_SECONDS, 2 * (traced - started)):
                break
        known = sorted({*ids, *(id for row in rows for id in row.top_T.tolist())})
        return {
            "tokens": ids,
            "texts": {str(id): token_name(loaded.tokenizer, id) for id in known},
            "note": note,
            "step": loaded.step,
            "layers": layers,
            "vocabulary": loaded.config.vocab_size,
            "below": below - len(rows),
            "rows": {name: packed(torch.stack([of(row) for row in rows]).float()) for name, of in FIGURES.items()},
        }

    @passes.subjects.answers.of
    def read_cell(request: Request) -> Answer:
        """The likeliest tokens of one cell, from the same stream."""
        loaded = passes.subjects.of(request)
        ids, _ = window(loaded, inputs.text(request, "prompt"))
        if not ids:
            raise ValueError("There is no token to look at; write a prompt at the top.")
        row = inputs.whole(request, "row", 0, loaded.config.n_layer)
        position = inputs.whole(request, "position", 0, len(ids) - 1)
        seen = trace_streams(loaded.model, ids[: position + 1], [row])
        with reading(loaded.model):
            logits_V = loaded.model.unembed(seen[lens_name(row)][0, -1:])[0]
        return {"row": row, "position": position, "next": next_tokens(finite(logits_V), loaded.tokenizer)}

    return View("Logit lens", [read_lens, read_cell])
