"""What a run would be, told before Start: its parts, its memory, its way through the text."""

from __future__ import annotations

import threading
from collections import OrderedDict

from llm.config import ModelConfig, TrainConfig
from llm.data import check_lengths
from llm.limits import Limits
from llm.training.examination import check_readable
from llm.training.forecast import measure, memory_bytes
from llm.training.optim import learning_rate
from llm.ui.panel import Answer
from llm.ui.train.allowance import check_allowed
from llm.ui.train.launching import device
from llm.ui.train.settings import Wanted

MAX_MEMORY = 4_000_000_000
"""Bytes that a run's weights, optimiser and activations may take together."""
SCHEDULE_POINTS = 80
MAX_FORECASTS = 200


def plan(wanted: Wanted, limits: Limits) -> Answer:
    """All that the form tells. Raises ValueError when text, context and memory don't suit each other, or the limits."""
    prepared, model, train = wanted.prepared, wanted.model, wanted.train
    check_allowed(limits, model, train)
    check_lengths(model.n_ctx, *prepared.splits)
    check_readable(prepared.questions, prepared.passage, model)
    memory = memory_bytes(model, train)
    if memory > MAX_MEMORY:
        raise ValueError(
            f"This run needs about {memory / 1e9:.1f} GB and a run here may take {MAX_MEMORY / 1e9:.0f}. "
            "Use a smaller batch, context, width or vocabulary."
        )
    return {
        "n_params": model.n_params,
        "parts": parts_of(model),
        "memory": memory,
        "vocab_size": model.vocab_size,
        "tokens": prepared.card.n_tokens,
        "bytes_per_token": prepared.card.bytes_per_token,
        "passes": train.max_steps * train.batch_size * model.n_ctx / len(prepared.splits.train),
        "schedule": schedule_of(train),
        "baselines": prepared.baselines,
    }


class Forecasts:
    """How long runs will take; the last few that were measured are known for a while."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[ModelConfig, TrainConfig], float] = OrderedDict()
        self._measuring = threading.Lock()  # two measurements at a time would slow each other down

    def measure(self, wanted: Wanted, *, busy: bool) -> Answer:
        """From about a second's measurement. `busy`: another run trains meanwhile."""
        with self._measuring:
            found = measure(wanted.model, wanted.train, device=device())
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
