"""Until when the work in hand is wanted: set by whoever asks, looked at by whoever is deep inside it.

`with deadline(4)` holds for all that is called within, on this thread; an inner one never lengthens an outer
one. Long loops over what a stranger sent call `seconds_left` now and then.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class TooLong(ValueError):
    """The work was given up: its time is over, or whoever asked has left."""


_END: ContextVar[float] = ContextVar("end", default=math.inf)
_GONE: ContextVar[threading.Event | None] = ContextVar("gone", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Work inside is given up after so many seconds."""
    before = _END.set(min(_END.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _END.reset(before)


@contextmanager
def until(gone: threading.Event) -> Iterator[None]:
    """Work inside is given up once `gone` is set."""
    before = _GONE.set(gone)
    try:
        yield
    finally:
        _GONE.reset(before)


def seconds_left() -> float:
    """How long the work may still take, infinity if nobody said. Raises TooLong when that is over."""
    gone, left = _GONE.get(), _END.get() - time.monotonic()
    if gone is not None and gone.is_set():
        raise TooLong("Whoever asked for this has left.")
    if left <= 0:
        raise TooLong("This takes too long here. Use a shorter text or a smaller model.")
    return left
