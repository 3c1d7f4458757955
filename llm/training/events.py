"""What happens while a model is trained: the events that `llm.training.trainer.Trainer` yields.

At an evaluation they come in this order: EvalEvent, ExamEvent, PassageEvent, LayerEvent,
SampleEvent, SnapshotEvent. All are plain values that go to JSON with `dataclasses.asdict`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Reason = Literal["finished", "stopped", "diverged", "time", "target", "patience"]


class Question(NamedTuple):
    """Something to ask a model in an exam, as ids."""

    prompt_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]


@dataclass(frozen=True)
class StepEvent:
    """One optimiser step was made; it is the `step`-th."""

    step: int
    loss: float
    """Mean cross-entropy of the step's batch in nats, before the update."""
    learning_rate: float
    grad_norm: float
    """Norm of the whole gradient, before clipping."""
    clipped_norm: float
    """The same after clipping: what the optimiser was given."""
    tokens_seen: int
    seconds: float
    """Time this step took."""
    reports: bool
    """Whether a report of this step follows: an evaluation, if one is due, and a snapshot."""


@dataclass(frozen=True)
class EvalEvent:
    """The losses over the fixed windows of both splits, in nats, after `step` steps."""

    step: int
    train_loss: float
    validation_loss: float


@dataclass(frozen=True)
class ExamEvent:
    """How many questions the model answers exactly right, always taking the likeliest token."""

    step: int
    correct: int
    total: int
    answers: tuple[tuple[int, ...], ...]
    """For each question as many ids as its answer has, and one more."""


@dataclass(frozen=True)
class PassageEvent:
    """How surprising the model finds each token of a fixed passage but the first, in nats."""

    step: int
    losses: tuple[float, ...]


@dataclass(frozen=True)
class LayerStats:
    """One part of the model: a block, an embedding, the last LayerNorm. Norms are over all its parameters."""

    name: str
    """As in GPT-2: "wte", "wpe", "h.0", ..., "ln_f"."""
    weight_norm: float
    grad_norm: float
    """Of the last step's gradient, before clipping."""
    update_norm: float
    """How far the last step moved the weights."""
    attention_entropy: tuple[float, ...]
    """A block's heads: the mean entropy, in nats, of what a token looks at; none elsewhere."""


@dataclass(frozen=True)
class LayerEvent:
    """Every part of the model, in the order of the forward pass."""

    step: int
    layers: tuple[LayerStats, ...]


@dataclass(frozen=True)
class SampleEvent:
    """What the model writes after `step` steps; the same prompt and the same luck every time."""

    step: int
    ids: tuple[int, ...]
    """The prompt, then its continuation."""
    prompt_length: int


@dataclass(frozen=True)
class SnapshotEvent:
    """A moment worth keeping: until the next event is asked for, `trainer.model` has its weights. It ends a report."""

    step: int
    evaluated: bool
    """Whether an evaluation came before it, which found the losses finite."""


@dataclass(frozen=True)
class ChangeEvent:
    """Settings were changed on the fly, after `step` steps: their new values by name."""

    step: int
    changes: dict[str, float]


@dataclass(frozen=True)
class DoneEvent:
    """The last event.

    "finished": all steps are made. "stopped": someone asked. "time", "target", "patience": a stop condition of
    TrainConfig was met. "diverged": a loss or gradient was not finite, and the update was not made.
    """

    step: int
    reason: Reason
    why: str = ""
    """Of a divergence: a sentence that says what was not finite, and where."""


Event = (
    StepEvent
    | EvalEvent
    | ExamEvent
    | PassageEvent
    | LayerEvent
    | SampleEvent
    | SnapshotEvent
    | ChangeEvent
    | DoneEvent
)

EVENT_NAMES: dict[type, str] = {
    StepEvent: "step",
    EvalEvent: "evaluation",
    ExamEvent: "exam",
    PassageEvent: "passage",
    LayerEvent: "layers",
    SampleEvent: "sample",
    SnapshotEvent: "snapshot",
    ChangeEvent: "change",
    DoneEvent: "done",
}
"""What metrics.jsonl and the playground call each event, under the key "event"."""


def ends_a_step(event: Event) -> bool:
    """Whether the next event is another step's: a step reports for itself, or a snapshot ends its report."""
    return isinstance(event, SnapshotEvent) or (isinstance(event, StepEvent) and not event.reports)
