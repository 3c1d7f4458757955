"""While generating: every token that is drawn adds one row to every head.

Weights travel as bytes, 255 times their square root: one byte a weight, one row a token. What the
picture begins with (the prompt, or the end of the text when the context was full) comes as
thumbnails of at most 64 cells a side, the rows beneath their last whole cell, and, for the head
that is enlarged, in full when the page asks. So neither side ever holds all patterns of a long text.
The page paces it; it asks for the next tokens when it has shown the last ones.

Shapes: L layers, H heads, T tokens, R rows, S all tokens that they see, P side of a thumbnail.
"""

from __future__ import annotations

import math
import time
from itertools import count

import torch
from torch import Tensor

from llm.completion import prompt_ids
from llm.config import SamplingConfig
from llm.inside.head_pictures import pattern_rows, pooled_pattern
from llm.inside.live_attention import Reading, Start, watch
from llm.ui import inputs
from llm.ui.attention.passes import Passes
from llm.ui.live import CALL_SECONDS, Live, LiveGenerations, cache_bytes
from llm.ui.page_settings import DIALS
from llm.ui.panel import Answer, Request, View, changing
from llm.ui.prompt import MAX_TOKENS, named, next_tokens, packed
from llm.ui.subject import Loaded

CELLS = 64
"""The most cells along a side of the thumbnails that the picture begins with."""
MAX_BYTES = 128_000_000
"""Rows of all heads that the page may come to hold: with GPT-2 XL's 1,200 heads those of 461 tokens."""
LANE = "while_generating"
MAX_NEW = 2_000


def build_while_generating(passes: Passes) -> View:
    """The view; its endpoints begin a text and write it on."""
    live = LiveGenerations(passes.subjects)

    @changing
    def begin_rows(request: Request) -> Answer:
        """The prompt's own patterns, before anything is written."""
        loaded = passes.subjects.of(request)
        ids, note = _start(loaded, inputs.text(request, "prompt"))
        config = SamplingConfig(
            temperature=inputs.setting(request, DIALS["temperature"]),
            seed=inputs.setting(request, DIALS["seed"]),
            max_new_tokens=MAX_NEW,
        )
        size = 2 * cache_bytes(loaded.config)  # the decoder's, and queries and keys of the start
        growth = live.begin(request, LANE, size, lambda: Growth(loaded, ids, config))
        return {
            "growth": growth.id,
            "tokens": named(loaded.tokenizer, ids),
            "note": note,
            "step": loaded.step,
            "layers": loaded.config.n_layer,
            "heads": loaded.config.n_head,
            "n_ctx": loaded.config.n_ctx,
            "room": _room(loaded),
            "head": passes.over(loaded, ids).head(request),
            **growth.draw(1),
        }

    @changing
    def grow_rows(request: Request) -> Answer:
        """Up to `count` more tokens, each with its row; {"gone": True} when the text was put away meanwhile."""
        passes.subjects.sessions.of(request)
        growth = live.get(request, LANE, inputs.text(request, "growth", limit=32))
        return growth.draw(inputs.whole(request, "count", 1, 64, 1)) if isinstance(growth, Growth) else {"gone": True}

    def read_start(request: Request) -> Answer:
        """One head's rows of what the picture began with, in full; {"gone": True} when it has begun anew since."""
        passes.subjects.sessions.of(request)
        growth = live.get(request, LANE, inputs.text(request, "growth", limit=32))
        return growth.read_start(request) if isinstance(growth, Growth) else {"gone": True}

    return View("While generating", [begin_rows, grow_rows, read_start])


class Growth(Live):
    """A text that is being written while someone watches."""

    def __init__(self, loaded: Loaded, ids: list[int], config: SamplingConfig) -> None:
        super().__init__()
        self._tokenizer = loaded.tokenizer
        self._start: tuple[int, Start] | None = None
        """The latest of the starts, and its number."""
        self._readings = watch(loaded.model, ids, config, eot_id=loaded.tokenizer.eot_id)
        self._most = room if (room := _room(loaded)) < loaded.config.n_ctx else None
        """Tokens after which the picture is full; None where the context is full first, and reading begins anew."""
        self._ended: str | None = None

    def draw(self, count: int) -> Answer:
        """The next `count` readings at most, in bounded time, and why there are no more, if so.

        Raises ValueError while another thread is drawing.
        """
        with self.turn():
            deadline = time.monotonic() + CALL_SECONDS
            readings: list[Answer] = []
            while self._ended is None and len(readings) < count and (not readings or time.monotonic() < deadline):
                reading = next(self._readings, None)
                self._ended = self._how_it_ended(reading)
                if reading:
                    readings.append(self._described(reading))
            return {"readings": readings, "ended": self._ended}

    def read_start(self, request: Request) -> Answer:
        """The rows of the head that a request names, as many as the thumbnails of the start it names hold."""
        if self._start is None or inputs.whole(request, "start", 0, 2**31) != self._start[0]:
            return {"gone": True}
        q_LHTD, k_LHTD = self._start[1].q_LHTD, self._start[1].k_LHTD
        layers, heads, T, _ = q_LHTD.shape
        layer, head = inputs.whole(request, "layer", 0, layers - 1), inputs.whole(request, "head", 0, heads - 1)
        rows_R = torch.arange(max(1, _whole_cells(T)[1]), device=q_LHTD.device)
        pattern_1RS = pattern_rows(q_LHTD[layer, head, None], k_LHTD[layer, head, None], rows_R)
        return {"rows": packed(_triangle(_bytes(pattern_1RS)))}

    def _how_it_ended(self, reading: Reading | None) -> str | None:
        """Why nothing is read after this: the text is long enough, the model ended it, or the picture is full."""
        if reading is None:
            return "limit"
        if reading.next.id == self._tokenizer.eot_id:
            return "end_of_text"
        return "full" if reading.reads == self._most else None

    def _described(self, reading: Reading) -> Answer:
        answer: Answer = {
            "token": named(self._tokenizer, [reading.drawn.id])[0] if reading.drawn else None,
            "p": reading.drawn.probability if reading.drawn else None,
            "reads": reading.reads,
            "next": next_tokens(reading.next.logits_V, self._tokenizer),
        }
        if reading.start is None:
            return {**answer, "rows": packed(_bytes(reading.row_LHS))}
        number = self._start[0] + 1 if self._start else 0
        self._start = number, reading.start
        return {**answer, "start": number, **_begun(reading.start)}


def _start(loaded: Loaded, prompt: str) -> tuple[list[int], str | None]:
    """What the picture begins with, and a sentence where that is not the whole prompt."""
    ids = prompt_ids(loaded.tokenizer, prompt)
    room = _room(loaded)
    if len(ids) < room:
        return ids, None
    kept = max(1, room // 2)  # as when a full context is read again
    return ids[-kept:], (
        f"The prompt has {len(ids):,} tokens and this picture holds {room:,}: "
        f"it begins with the last {kept:,}, so that there is room to write."
    )


def _room(loaded: Loaded) -> int:
    """Tokens that the picture holds."""
    heads = loaded.config.n_layer * loaded.config.n_head
    return min(loaded.config.n_ctx, MAX_TOKENS, max(2, math.isqrt(2 * MAX_BYTES // heads)))


def _whole_cells(T: int) -> tuple[int, int]:
    """How many tokens a cell of the thumbnails spans, a power of two, and how many rows fill whole cells.

    At least one row is left over: that of the newest token, which the page wants of every head.
    """
    cell = next(2**n for n in count() if 2**n * CELLS >= T)
    return cell, (T - 1) // cell * cell


def _begun(start: Start) -> Answer:
    """Thumbnails of all heads one after the other, then the rows beneath them, each of all heads."""
    T = start.q_LHTD.size(2)
    cell, whole = _whole_cells(T)
    thumbnails = []
    for q_HTD, k_HTD in zip(start.q_LHTD, start.k_LHTD, strict=True):
        if whole:
            picture_HPP, _ = pooled_pattern(q_HTD[:, :whole].contiguous(), k_HTD[:, :whole].contiguous(), whole // cell)
            thumbnails.append(_triangle(_bytes(picture_HPP)).flatten())
    below_R = torch.arange(whole, T, device=start.q_LHTD.device)
    below = (pattern_rows(q_HTD, k_HTD, below_R) for q_HTD, k_HTD in zip(start.q_LHTD, start.k_LHTD, strict=True))
    rows_LHRS = torch.stack([_bytes(pattern_HRS) for pattern_HRS in below])
    rows = [rows_LHRS[:, :, r, : whole + r + 1].flatten() for r in range(len(below_R))]
    return {
        "cell": cell,
        "whole": whole,
        "thumbnails": packed(torch.cat(thumbnails)) if thumbnails else "",
        "rows": packed(torch.cat(rows)),
    }


def _bytes(weights: Tensor) -> Tensor:
    return (255 * weights.clamp(0.0, 1.0).sqrt()).round().to(torch.uint8)


def _triangle(square: Tensor) -> Tensor:
    """The lower triangles of the last two dimensions, row by row."""
    rows, columns = torch.tril_indices(square.size(-2), square.size(-1), device=square.device)
    return square[..., rows, columns]
