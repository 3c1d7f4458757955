"""How often somebody may ask: buckets that fill at a steady rate, from which every question takes."""

from __future__ import annotations

import math
import time
from collections import OrderedDict

from llm.ui.door.refusal import Refused

AT_ONCE = 0.25
"""Of a full period's questions, how many may come at once."""
MOST = 20_000
"""Buckets remembered; one that was forgotten is full again."""


class Rates:
    """`allowed` questions in each `period` (seconds) for each of many keys."""

    def __init__(self, allowed: float, period: float = 60.0) -> None:
        self.rate = allowed / period
        self.full = max(1.0, allowed * AT_ONCE)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # questions left, and when that was

    def spend(self, key: str, cost: float, sentence: str) -> None:
        """Take `cost` questions from a bucket. Raises Refused, which says after how many seconds they are there."""
        now = time.monotonic()
        left, then = self._left.pop(key, (self.full, now))
        left = min(self.full, left + (now - then) * self.rate)
        cost = min(cost, self.full)
        enough = left >= cost
        self._left[key] = (left - cost if enough else left, now)
        if len(self._left) > MOST:
            self._left.popitem(last=False)
        if not enough:
            after = math.ceil((cost - left) / self.rate)
            raise Refused(429, f"{sentence}; it goes on in {_spelt(after)}.", after)


def _spelt(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} second{'s' if seconds > 1 else ''}"
    return f"{math.ceil(seconds / 60)} minutes"
