"""Who may do heavy work: of several who want the same one makes it, and a visitor has one turn at a time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

MAX_WAIT = 60.0
"""Seconds after which whoever waits for a turn is asked to come back."""


class Turns:
    """At most `at_once` turns at a time, each for somebody else."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._busy: set[Hashable] = set()
        self._changed = threading.Condition()

    @contextmanager
    def of(self, somebody: Hashable) -> Iterator[None]:
        """Work inside the block. Raises ValueError when it takes too long until the turn comes."""
        deadline = time.monotonic() + MAX_WAIT
        with self._changed:
            while somebody in self._busy or len(self._busy) >= self._at_once:
                if not self._changed.wait(deadline - time.monotonic()):
                    raise ValueError("Others' texts are being prepared here just now. Try again in a minute.")
            self._busy.add(somebody)
        try:
            yield
        finally:
            with self._changed:
                self._busy.remove(somebody)
                self._changed.notify_all()


class Once:
    """A lock for each key, there as long as somebody wants it."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, threading.Lock] = {}
        self._wanted: Counter[Hashable] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def of(self, key: Hashable) -> Iterator[None]:
        """Inside the block nobody else has that key."""
        with self._lock:
            self._wanted[key] += 1
            lock = self._locks.setdefault(key, threading.Lock())
        try:
            with lock:
                yield
        finally:
            with self._lock:
                self._wanted[key] -= 1
                if not self._wanted[key]:
                    del self._locks[key], self._wanted[key]
