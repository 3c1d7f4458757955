"""The view that reads: any text coloured by how much each token surprised one model, or two."""

from __future__ import annotations

import time

from llm.surprisal import Met, read_windows
from llm.ui import inputs
from llm.ui.generate.drawing import vocabulary_endpoint
from llm.ui.live import LiveGenerations
from llm.ui.panel import Answer, Request, View
from llm.ui.rivals import rivals_endpoint

CALL_SECONDS = 0.4
"""How long one call reads: the page shows what came and asks for more."""


def build_surprise(live: LiveGenerations) -> View:
    """The view and its endpoints."""

    @live.subjects.answers.of
    def read_surprise(request: Request) -> Answer:
        """Some windows of a text from number `window` on; `next` is where to go on, None at the end."""
        loaded = live.subjects.of(request)
        text, number = inputs.text(request, "text"), inputs.whole(request, "window", 0, 1_000_000, 0)
        tokenizer, deadline = loaded.tokenizer, time.monotonic() + CALL_SECONDS
        ids = tokenizer.encode(text)
        windows, total, first = [], 0, None
        for window in read_windows(loaded.model, ids, start=number):
            first, total = window.first if first is None else first, window.total
            windows += window.met
            if time.monotonic() > deadline:
                number = window.number + 1
                break
        else:
            number = total
        return {
            "tokenizer": tokenizer.hash,
            "lost": tokenizer.what_is_lost(text),
            "ids": ids,
            "n_ctx": loaded.config.n_ctx,
            "first": first,
            "met": [_described(met) for met in windows],
            "next": number if number < total else None,
            "windows": total,
        }

    return View("Surprise", [read_surprise, vocabulary_endpoint(live.subjects), rivals_endpoint(live.subjects)])


def _described(met: Met) -> list[object]:
    return [met.nats, met.rank, met.context, met.expected]
