"""What a run would be, told before Start: its parts, its memory, its way through the text."""

from __future__ import annotations

import threading
from collections import OrderedDict

from llm.config import ModelConfig, TrainConfig
from llm.data import check_lengths
from llm.training.examination import check_readable
from llm.training.forecast import measure, memory_bytes
from llm.training.memory import memory_free, memory_limit
from llm.training.optim import learning_rate
from llm.ui.panel import Answer
from llm.ui.sessions import Session, Sessions
from llm.ui.train.allowance import check_allowed
from llm.ui.train.settings import Wanted

SCHEDULE_POINTS = 80
MAX_FORECASTS = 200


def plan(sessions: Sessions, session: Session, wanted: Wanted) -> Answer:
    """All that the form tells. Raises ValueError when text, context, memory or the limits don't suit."""
    prepared, model, train = wanted.prepared, wanted.model, wanted.train
    check_allowed(sessions.limits, model, train)
    check_lengths(model.n_ctx, *prepared.splits_for(train))
    check_readable(prepared.questions, prepared.passage, model)
    check_memory(sessions, session, model, train, wanted.device)
    return {
        "n_params": model.n_params,
        "parts": parts_of(model),
        "memory": memory_bytes(model, train),
        "vocab_size": model.vocab_size,
        "tokens": prepared.card.n_tokens,
        "bytes_per_token": prepared.card.bytes_per_token,
        "passes": train.max_steps * train.batch_size * model.n_ctx / len(prepared.splits.train),
        "schedule": schedule_of(train),
        "baselines": prepared.baselines_for(train),
    }


def check_memory(sessions: Sessions, session: Session, model: ModelConfig, train: TrainConfig, device: str) -> None:
    """Raises ValueError where a run of this visitor's would take more memory than the device has for it."""
    memory, room = memory_bytes(model, train), _room(sessions, session, device)
    if memory > room:
        raise ValueError(
            f"This run needs about {memory / 1e9:.1f} GB of memory and there are {room / 1e9:.1f} for it here. "
            "Use a smaller batch, context, width or vocabulary."
        )


def _room(sessions: Sessions, session: Session, device: str) -> int:
    """Bytes that a run may take: of what is free, and beside what others were promised.

    The visitor's own run in training doesn't count: it ends before another one begins. Nor do runs that wait.
    """

    def promised(one: Session) -> int:
        runs = [t.run for t in list(one.trainings.values()) if t.alive and t.state != "waiting"]
        return sum(memory_bytes(run.model_config, run.train_config) for run in runs)

    free = memory_free(device) + promised(session)
    if device != "cpu":
        return free
    others = sum(promised(other) for other in sessions.all() if other is not session)
    return max(0, min(free, memory_limit() - sessions.memory.budget - others))


class Forecasts:
    """How long runs will take; the last few that were measured are known for a while."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[ModelConfig, TrainConfig], float] = OrderedDict()
        self._measuring = threading.Lock()  # two measurements at a time would slow each other down

    def measure(self, wanted: Wanted, *, busy: bool) -> Answer:
        """From about a second's measurement. `busy`: another run trains meanwhile."""
        with self._measuring:
            found = measure(wanted.model, wanted.train, device=wanted.device)
            self._known[wanted.model, wanted.train] = found.seconds_total
            while len(self._known) > MAX_FORECASTS:
                self._known.popitem(last=False)
        return {"seconds": found.seconds_total, "measured": found.measured, "busy": busy}

    def known(self, wanted: Wanted) -> float | None:
        """The seconds that were measured for such a run, if they were."""
        return self._known.get((wanted.model, wanted.train))


def parts_of(model: ModelConfig) -> list[dict[str, int | str]]:
    """How many of the parameters are where."""
    c, layers = model.n_embd, model.n_layer
    return [
        {"name": "token embedding, also the head", "count": model.vocab_size * c},
        {"name": "positions", "count": model.n_ctx * c},
        {"name": "attention", "count": layers * (4 * c * c + 4 * c)},
        {"name": "MLP", "count": layers * (8 * c * c + 5 * c)},
        {"name": "LayerNorm", "count": (4 * layers + 2) * c},
    ]


def schedule_of(train: TrainConfig) -> list[tuple[int, float]]:
    """(step, learning rate) along the way, the end of the warm-up among them."""
    last = train.max_steps - 1
    steps = {i * last // SCHEDULE_POINTS for i in range(SCHEDULE_POINTS + 1)} | {min(train.warmup_steps, last)}
    return [(step, learning_rate(step, train)) for step in sorted(steps)]
