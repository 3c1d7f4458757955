"""The model that a run trained on from, where it did not begin with noise."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

GENTLE = 1e-4
"""The learning rate with which a trained model learns another text: it should not forget all that it knows."""


@dataclass(frozen=True)
class Parent:
    """What is noted of it in the run's run.json; the run goes on without it too."""

    name: str
    """What it is called."""
    ref: str = ""
    """How the page names it ("run:ID", "shipped:tales", ...); empty for a folder elsewhere."""
    step: int | None = None
    """The step of its own training, if known."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> Self | None:
        """From JSON; None where none was noted, or nothing sound."""
        sound = isinstance(values, dict) and set(values) == {"name", "ref", "step"}
        sound = sound and isinstance(values["name"], str) and isinstance(values["ref"], str)
        return cls(**values) if sound and isinstance(values["step"], int | None) else None
