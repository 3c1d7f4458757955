"""What is kept in memory for the visitors of a page: models, traces, texts. One budget holds for all of it.

Each kind of thing has a `Shelf`, and what something takes is known before it is made. Where there is no room,
what was not used for longest goes, on whichever shelf it lies. What a visitor would miss, such as a text being
written, goes only for the same visitor's sake or when it has been idle; it may fill half of the budget at most,
so that looking at models always has the other half.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from llm.limits import LAPTOP, Limits
from llm.training.memory import memory_limit

V = TypeVar("V")
TOKEN_BYTES = 400
"""What a tokenizer takes for each of its tokens, about."""
CLEARED_EVERY = 5.0
"""Seconds between two looks for what is idle; it is hardly noticed for how long something has been so."""
CUTTING_BYTES = 40
"""What cutting a text may take for each of its characters: numbers in Python, and then in an array."""
NO_ROOM = "There is no room for this in the server's memory just now. Try again in a few minutes."
TOO_LARGE = "This takes {:,} MB of memory, and there are {:,} for it here; choose something smaller."


@dataclass
class _Kept:
    shelf: Shelf[Any]
    key: Hashable
    owner: str | None
    bytes: int
    used: float
    value: Any = None
    """None while it is being made."""

    @property
    def place(self) -> tuple[int, Hashable]:
        return id(self.shelf), self.key

    @property
    def dear(self) -> bool:
        """Whether its visitor would miss it."""
        return self.shelf.dear_seconds > 0

    def idle(self, now: float) -> bool:
        """Whether it may go for another's sake."""
        return self.value is not None and now - self.used >= self.shelf.dear_seconds


class Memory:
    """All shelves of one app. `budget` is in bytes, and so is `share`, what one visitor's own things may take."""

    def __init__(self, limits: Limits = LAPTOP) -> None:
        limit = memory_limit()
        self.budget = min(limits.memory_mb * 10**6 or limit // 2, limit * 3 // 4)
        self.kept_seconds = 60 * limits.kept_minutes
        self.share = min(limits.visitor_memory_mb * 10**6, self.budget // 2)
        self._kept: OrderedDict[tuple[int, Hashable], _Kept] = OrderedDict()  # the least used first
        self._bytes = 0  # of all those
        self._owned: Counter[str | None] = Counter()  # bytes by owner
        self._dear = 0  # bytes on shelves of what visitors would miss
        self._cleared = time.monotonic()
        self._leaving: list[tuple[weakref.ref[Any], int]] = []  # let go, but still at work for somebody
        self._lock = threading.RLock()

    @property
    def held(self) -> int:
        """Bytes of all that is kept, and of what was let go but is still in use."""
        with self._lock:
            self._leaving = [(there, size) for there, size in self._leaving if there() is not None]
            return self._bytes + sum(size for _, size in self._leaving)

    def forget(self, owner: str) -> None:
        """Let go all that is a visitor's own."""
        with self._lock:
            for kept in [kept for kept in self._kept.values() if kept.owner == owner]:
                self._let_go(kept)

    def clear_idle(self) -> None:
        """Let go what its shelf keeps only for a while."""
        with self._lock:
            self._cleared = now = time.monotonic()
            for kept in list(self._kept.values()):
                limit = kept.shelf.idle_seconds
                if kept.value is not None and limit is not None and now - kept.used > limit:
                    self._let_go(kept)

    def _take(self, new: _Kept) -> None:
        """Enter something that is about to be made, in place of what has its key. Raises ValueError without room."""
        with self._lock:
            if old := self._kept.get(new.place):
                self._let_go(old)
            if time.monotonic() - self._cleared > CLEARED_EVERY:
                self.clear_idle()
            if new.owner is not None:
                self._make_room(new, lambda other: other.owner == new.owner, self.share, self._owned[new.owner])
            if new.dear:
                self._make_room(new, lambda other: other.dear, self.budget // 2, self._dear)
            self._make_room(new, lambda other: True, self.budget, self.held)
            self._kept[new.place] = new
            self._count(new, new.bytes)

    def _count(self, kept: _Kept, more: int) -> None:
        """It takes so many bytes more."""
        self._bytes += more
        self._owned[kept.owner] += more
        self._dear += more * kept.dear
        if not self._owned[kept.owner]:
            del self._owned[kept.owner]

    def _make_room(self, new: _Kept, alike: Callable[[_Kept], bool], most: int, held: int) -> None:
        """Let go of those `alike`, the least used first, until `new` fits beside what is `held` of them."""
        if new.bytes > most:
            raise ValueError(TOO_LARGE.format(new.bytes // 10**6 + 1, most // 10**6))
        if held + new.bytes <= most:
            return
        now = time.monotonic()
        for other in filter(alike, list(self._kept.values())):
            if held + new.bytes <= most:
                return
            if other.idle(now) or (other.value is not None and new.owner is not None and other.owner == new.owner):
                held -= self._let_go(other)
        if held + new.bytes > most:
            raise ValueError(NO_ROOM)

    def _made(self, kept: _Kept, value: object, size: int) -> None:
        """It is there, unless it was let go meanwhile."""
        with self._lock:
            kept.value, kept.used = value, time.monotonic()
            if self._kept.get(kept.place) is kept:
                self._count(kept, size - kept.bytes)
                self._kept.move_to_end(kept.place)
            kept.bytes = size

    def _let_go(self, kept: _Kept) -> int:
        """Forget it; returns the bytes that are free thereby."""
        if self._kept.get(kept.place) is kept:
            del self._kept[kept.place]
            self._count(kept, -kept.bytes)
        if kept.shelf.anchor is None or kept.value is None:
            return kept.bytes
        there, kept.value = weakref.ref(kept.shelf.anchor(kept.value)), None
        if there() is None:
            return kept.bytes
        self._leaving.append((there, kept.bytes))
        return 0


class Shelf(Generic[V]):
    """Things of one kind, by their keys."""

    def __init__(
        self,
        memory: Memory,
        *,
        dear_seconds: float = 0.0,
        idle_seconds: float | None = None,
        anchor: Callable[[V], object] | None = None,
    ) -> None:
        """What the visitors would miss is dear for so many seconds after its last use; 0: it is simply made again.

        Nothing stays unused for longer than `idle_seconds`. `anchor` is what takes the memory, where others may
        still use it after it was let go.
        """
        self.memory = memory
        self.dear_seconds, self.idle_seconds, self.anchor = dear_seconds, idle_seconds, anchor

    def get(self, key: Hashable) -> V | None:
        """What has this key; None where there is nothing, or not yet."""
        memory, place = self.memory, (id(self), key)
        with memory._lock:
            kept = memory._kept.get(place)
            if kept is None or kept.value is None:
                return None
            kept.used = time.monotonic()
            memory._kept.move_to_end(place)
            value: V = kept.value
            return value

    def make(
        self,
        key: Hashable,
        size: int,
        build: Callable[[], V],
        *,
        owner: str | None = None,
        measure: Callable[[V], int] | None = None,
    ) -> V:
        """Make something that takes `size` bytes and keep it, for `owner` if it is one visitor's own.

        It takes the place of what had its key. `measure` tells more exactly once it is there.
        Raises ValueError when there is no room, before anything is made, and whatever `build` raises.
        """
        kept = _Kept(self, key, owner, size, time.monotonic())
        self.memory._take(kept)
        try:
            value = build()
        except BaseException:
            with self.memory._lock:
                self.memory._let_go(kept)
            raise
        self.memory._made(kept, value, size if measure is None else measure(value))
        return value

    def values(self) -> list[V]:
        """All that is there, the least used first."""
        with self.memory._lock:
            return [kept.value for kept in self.memory._kept.values() if kept.shelf is self and kept.value is not None]
