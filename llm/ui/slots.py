"""Who trains now and who waits: slots, a queue, and turns.

A run, or a sweep, which trains one after the other, holds a slot while it trains, so there are never more
trainers in memory than slots. When others wait, one that has had its turn, is paused or is watched by nobody
is set aside on the disk between two steps, and goes to the end of the queue. Setting aside and loading cost a
fraction of a second for the models of a page, once a turn; numbers are those of a run that never rested.
"""

from __future__ import annotations

import heapq
import threading
import time
from typing import Protocol

from llm.limits import Limits

TURN_SECONDS = 60.0
"""How long a run keeps its slot while others wait."""


class Training(Protocol):
    """Who asks for a slot."""

    @property
    def watched(self) -> bool:
        """Whether a page follows it."""

    @property
    def parked(self) -> bool:
        """Whether it is paused, and no step is to be made."""

    @property
    def seconds_left(self) -> float | None:
        """Until its last step if it trains without a rest; None where that can't be told."""


class Slots:
    """The slots of one app. Those who are watched go before those who aren't, else in the order in which they came."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._at_work: dict[Training, float] = {}  # and since when, those longest at work first
        self._queue: list[Training] = []
        self._changed = threading.Condition()

    @property
    def busy(self) -> bool:
        """Whether anything trains."""
        return bool(self._at_work)

    @property
    def full(self) -> bool:
        """Whether a new run would have to wait."""
        return len(self._at_work) >= self.limits.trainings

    def admit(self, training: Training, *, instead_of: Training | None = None) -> None:
        """Give a new run a slot or a place in the queue: that of the visitor's run which ends for it, if that is fair.

        Raises ValueError when there is no room.
        """
        with self._changed:
            if instead_of in self._queue:
                self._queue[self._queue.index(instead_of)] = training
            elif instead_of in self._at_work and not self._queue:
                del self._at_work[instead_of]
                self._queue.append(training)
            else:
                self.check_room()
                self._queue.append(training)
            self._fill()

    def check_room(self) -> None:
        """Raises ValueError when a new run would get neither a slot nor a place in the queue."""
        if self.full and len(self._queue) >= self.limits.queue:
            waiting = f"{len(self._queue)} more wait" if self._queue else "none may wait"
            raise ValueError(f"All places to train are taken here, and {waiting}. Try again in some minutes.")

    def rejoin(self, training: Training) -> None:
        """Queue again, after a rest."""
        with self._changed:
            self._queue.append(training)
            self._fill()

    def leave(self, training: Training) -> None:
        """Give up the slot or the place."""
        with self._changed:
            self._at_work.pop(training, None)
            if training in self._queue:
                self._queue.remove(training)
            self._fill()

    def has(self, training: Training, wait: float = 0.0) -> bool:
        """Whether it holds a slot, now or within `wait` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: training in self._at_work, wait)

    def wanted(self, training: Training) -> bool:
        """Whether a run at work is to make room for one that waits."""
        with self._changed:
            order = self._order()
            leaving = (one for one in self._at_work if self._yields(one, order[0])) if order else iter(())
            return next(leaving, None) is training

    def place(self, training: Training) -> tuple[int, float] | None:
        """Its place in the queue, from 1, and the seconds until its turn, at most; None when it doesn't wait."""
        with self._changed:
            order = self._order()
            if training not in order:
                return None
            free = [0.0] * max(0, self.limits.trainings - len(self._at_work))
            free += [min(self._turn_left(one), _seconds(one)) for one in self._at_work]
            heapq.heapify(free)
            for ahead in order[: order.index(training)]:
                heapq.heapreplace(free, free[0] + _seconds(ahead))
            return order.index(training) + 1, free[0]

    def _order(self) -> list[Training]:
        return sorted(self._queue, key=lambda training: not training.watched)

    def _fill(self) -> None:
        """Give free slots to those who are next."""
        while self._queue and not self.full:
            following = self._order()[0]
            self._queue.remove(following)
            self._at_work[following] = time.monotonic()
        self._changed.notify_all()

    def _yields(self, training: Training, following: Training) -> bool:
        if training.parked:
            return True
        if following.watched != training.watched:
            return following.watched
        return self._turn_left(training) <= 0

    def _turn_left(self, training: Training) -> float:
        return max(0.0, TURN_SECONDS - (time.monotonic() - self._at_work[training]))


def _seconds(training: Training) -> float:
    """How long it will hold a slot: to its end, or for a turn."""
    return min(TURN_SECONDS, TURN_SECONDS if training.seconds_left is None else training.seconds_left)
