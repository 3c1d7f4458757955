"""When a training ends by itself: out of steps or time, good enough, or no longer getting better."""

from __future__ import annotations

from dataclasses import dataclass

from llm.config import TrainConfig
from llm.training.events import Reason

SWITCHED_OFF: dict[str, dict[str, float]] = {
    "time": {"max_seconds": 0.0},
    "target": {"target_loss": 0.0},
    "patience": {"patience": 0},
}
"""For each reason that a stop condition gives, the settings with which a training goes on regardless."""


@dataclass
class Progress:
    """What the stop conditions look at. Its fields go to JSON, so that a resumed training counts on."""

    seconds: float = 0.0
    """Time that all steps took together."""
    best_loss: float | None = None
    """The lowest validation loss so far."""
    stale: int = 0
    """Evaluations since then."""

    def __post_init__(self) -> None:
        best = 0.0 if self.best_loss is None else self.best_loss
        if not all(isinstance(n, int | float) and n >= 0 for n in (self.seconds, best, self.stale)):
            raise ValueError(f"{self} can't be the progress of a training.")

    def after_evaluation(self, validation_loss: float) -> None:
        """Take note of an evaluation."""
        if self.best_loss is None or validation_loss < self.best_loss:
            self.best_loss, self.stale = validation_loss, 0
        else:
            self.stale += 1

    def late(self, config: TrainConfig) -> bool:
        """Whether the time is up."""
        return 0 < config.max_seconds <= self.seconds

    def reason(self, step: int, config: TrainConfig, *, stopped: bool, late: bool) -> Reason | None:
        """Why the training ends after `step` steps, or None to go on. `stopped`: someone asked for it."""
        if self.best_loss is not None and self.best_loss <= config.target_loss and config.target_loss > 0:
            return "target"
        if step >= config.max_steps:
            return "finished"
        if 0 < config.patience <= self.stale:
            return "patience"
        if stopped:
            return "stopped"
        return "time" if late else None
