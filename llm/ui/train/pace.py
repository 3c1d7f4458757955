"""How fast a run goes, how much of the time goes into its steps, and what energy it takes."""

from __future__ import annotations

import time
from collections import deque

from llm.training.energy import EnergyMeter

RECENT_STEPS = 30
"""Steps over which speed is measured."""
METER_SECONDS = 1.0
"""How often the energy is read: reading takes time from a training."""


class Pace:
    """Counts the time between steps, and the joules. Pauses don't count; say `rested` after each."""

    def __init__(self) -> None:
        self.meter = EnergyMeter()
        self.joules = 0.0
        """Used so far, if the meter counts anything; brought up to date once in METER_SECONDS."""
        self._metered = time.perf_counter()
        self._recent: deque[tuple[float, int]] = deque(maxlen=RECENT_STEPS)
        self._since = time.perf_counter()
        self._steps = 0
        self._stepping = 0.0
        self.at_work = 0.0
        """Seconds of training so far, with all that happens between steps but without pauses."""

    def rested(self) -> None:
        """What went by since the last step was a pause."""
        self._since = self._metered = time.perf_counter()
        self.meter.spent()

    def stepped(self, seconds: float, tokens: int) -> None:
        """A step was made: it took so long and read so many tokens."""
        now = time.perf_counter()
        self.at_work += now - self._since
        self._since = now
        self._stepping += seconds
        self._steps += 1
        self._recent.append((seconds, tokens))
        if now - self._metered >= METER_SECONDS:
            self._metered = now
            self.joules += self.meter.spent() or 0.0

    @property
    def tokens_per_second(self) -> float | None:
        """Over the last steps, without evaluations; None before the first."""
        seconds = sum(seconds for seconds, _ in self._recent)
        return sum(tokens for _, tokens in self._recent) / seconds if seconds else None

    @property
    def seconds_a_step(self) -> float | None:
        """With all that happens between steps; None before the first."""
        return self.at_work / self._steps if self._steps else None

    @property
    def outside(self) -> float | None:
        """Share of the time that went into something else than steps: evaluations, samples, snapshots, the page."""
        return max(0.0, 1 - self._stepping / self.at_work) if self.at_work else None
