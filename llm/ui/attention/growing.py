"""While generating: every token that is drawn adds one row to every head.

Rows travel as bytes, 255 times the square root of the weight: one byte a weight, one row a token.
The page paces it; it asks for the next tokens when it has shown the last ones.

Shapes: L layers, H heads, T tokens read now, S all tokens that they see.
"""

from __future__ import annotations

import secrets
import threading
import time

import torch
from torch import Tensor

from llm.completion import prompt_ids
from llm.config import SamplingConfig
from llm.inside.live_attention import Reading, watch
from llm.ui import inputs
from llm.ui.attention.prompt import named, next_tokens, packed
from llm.ui.components import Answer, Lens, Request
from llm.ui.live import CALL_SECONDS, MAX_SEED, LiveGenerations, cache_bytes
from llm.ui.subject import Loaded, Subjects

MAX_TOKENS = 256
"""Rows and columns of the picture, however long the model's context is."""
MAX_NEW = 2_000


def build_growing(subjects: Subjects) -> Lens:
    """The view; its endpoints begin a text and write it on."""
    live = LiveGenerations()

    def begin_rows(request: Request) -> Answer:
        """The prompt's own triangles, before anything is written."""
        loaded = subjects.of(request)
        ids, note = _start(loaded, inputs.text(request, "prompt"))
        growth = Growth(
            loaded,
            ids,
            SamplingConfig(
                temperature=inputs.number(request, "temperature", 0.0, 10.0, 1.0),
                seed=inputs.whole(request, "seed", 0, MAX_SEED, 1337),
                max_new_tokens=MAX_NEW,
            ),
        )
        live.put((request["visitor"], "growing"), growth)
        return {
            "growth": growth.id,
            "tokens": named(loaded.tokenizer, ids),
            "note": note,
            "step": loaded.step,
            "layers": loaded.config.n_layer,
            "heads": loaded.config.n_head,
            "n_ctx": loaded.config.n_ctx,
            "room": min(loaded.config.n_ctx, MAX_TOKENS),
            **growth.draw(1),
        }

    def grow_rows(request: Request) -> Answer:
        """Up to `count` more tokens, each with its row; {"gone": True} when the text was put away meanwhile."""
        subjects.sessions.of(request)
        growth = live.get((request["visitor"], "growing"), inputs.text(request, "growth", limit=32))
        return growth.draw(inputs.whole(request, "count", 1, 64, 1)) if isinstance(growth, Growth) else {"gone": True}

    return Lens("growing", [begin_rows, grow_rows], view=True)


class Growth:
    """A text that is being written while someone watches."""

    def __init__(self, loaded: Loaded, ids: list[int], config: SamplingConfig) -> None:
        self.id = secrets.token_hex(8)
        self.cache_bytes = cache_bytes(loaded.config)
        self.last_used = time.monotonic()
        self._tokenizer = loaded.tokenizer
        self._readings = watch(loaded.model, ids, config, eot_id=loaded.tokenizer.eot_id)
        self._most = MAX_TOKENS if loaded.config.n_ctx > MAX_TOKENS else None
        """Tokens after which the picture is full; None where the context is full first, and reading begins anew."""
        self._ended: str | None = None
        self._lock = threading.Lock()

    def draw(self, count: int) -> Answer:
        """The next `count` readings at most, in bounded time, and why there are no more, if so.

        Raises ValueError while another thread is drawing: a generator can't be stepped by two.
        """
        if not self._lock.acquire(blocking=False):
            raise ValueError("The last tokens are still being drawn; try again in a moment.")
        try:
            deadline = time.monotonic() + CALL_SECONDS
            readings: list[Answer] = []
            while self._ended is None and len(readings) < count and (not readings or time.monotonic() < deadline):
                reading = next(self._readings, None)
                self._ended = self._how_it_ended(reading)
                if reading:
                    readings.append(self._described(reading))
            self.last_used = time.monotonic()
            return {"readings": readings, "ended": self._ended}
        finally:
            self._lock.release()

    def _how_it_ended(self, reading: Reading | None) -> str | None:
        """Why nothing is read after this: the text is long enough, the model ended it, or the picture is full."""
        if reading is None:
            return "limit"
        if reading.next.id == self._tokenizer.eot_id:
            return "end_of_text"
        return "full" if reading.reads == self._most else None

    def _described(self, reading: Reading) -> Answer:
        return {
            "token": named(self._tokenizer, [reading.drawn.id])[0] if reading.drawn else None,
            "p": reading.drawn.probability if reading.drawn else None,
            "reads": reading.reads,
            "anew": reading.anew,
            "rows": packed(_bytes(reading.rows_LHTS)),
            "next": next_tokens(reading.next.logits_V, self._tokenizer),
        }


def _start(loaded: Loaded, prompt: str) -> tuple[list[int], str | None]:
    """What the picture begins with, and a sentence where that is not the whole prompt."""
    ids = prompt_ids(loaded.tokenizer, prompt)
    room = min(loaded.config.n_ctx, MAX_TOKENS)
    if len(ids) < room:
        return ids, None
    kept = max(1, room // 2)  # as when a full context is read again
    return ids[-kept:], (
        f"The prompt has {len(ids):,} tokens and this picture holds {room:,}: "
        f"it begins with the last {kept:,}, so that there is room to write."
    )


def _bytes(rows_LHTS: Tensor) -> Tensor:
    """One head after the other; of a triangle only what can be seen, row by row."""
    levels = (255 * rows_LHTS.sqrt()).round().to(torch.uint8)
    T, S = levels.shape[2:]
    if T == 1:
        return levels
    rows, columns = torch.tril_indices(T, S, device=levels.device)
    return levels[:, :, rows, columns]
