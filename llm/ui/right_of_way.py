"""What somebody waits for goes before what trains: a training rests at the next layer while an answer is worked out.

It does so within its patience alone, so that it gets on however many look.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SHARE = 0.1
"""Seconds that a training may rest for each second in which it computes."""
LONGEST = 0.5
"""Seconds of patience that can be saved up: enough for a picture or two of a large model."""


class RightOfWay:
    """Counts the answers that are being worked out."""

    def __init__(self) -> None:
        self.answers = 0
        self._free = threading.Condition()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Work out an answer inside the block."""
        with self._free:
            self.answers += 1
        try:
            yield
        finally:
            with self._free:
                self.answers -= 1
                if not self.answers:
                    self._free.notify_all()

    def wait(self, seconds: float) -> None:
        """Return when no answer is being worked out, or after so long."""
        with self._free:
            self._free.wait_for(lambda: not self.answers, seconds)


RIGHT_OF_WAY = RightOfWay()
"""One for the process, whose cores all share."""


class Patience:
    """One training's: call it wherever the training may rest."""

    def __init__(self, way: RightOfWay = RIGHT_OF_WAY) -> None:
        self._way = way
        self._left = LONGEST
        self._since = time.perf_counter()  # it computes

    def __call__(self) -> None:
        now = time.perf_counter()
        self._left = min(LONGEST, self._left + SHARE * (now - self._since))
        self._since = now
        if self._way.answers and self._left > 0:
            self._way.wait(self._left)
            self._since = time.perf_counter()
            self._left -= self._since - now
