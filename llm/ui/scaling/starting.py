"""Starting a sweep within what a visitor may use: how large it may be, how long it will take, whether there is room."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache

import torch

from llm.config import ModelConfig, TrainConfig
from llm.limits import Limits
from llm.runs.snapshots import MAX_SNAPSHOTS
from llm.scaling.plan import Point
from llm.scaling.sweep import Sweep
from llm.training.forecast import measure
from llm.ui import inputs
from llm.ui.panel import Answer, Request
from llm.ui.scaling.sweep_training import SweepTraining
from llm.ui.sessions import Session, Sessions

MAX_POINTS = 200
SHARE = 0.5
"""Of a visitor's disk, for a sweep; the rest is for runs."""
STOPPING = 20.0
"""Seconds in which a sweep that was stopped ends its step."""
_measuring = threading.Lock()


def check_allowed(limits: Limits, points: Sequence[Point]) -> None:
    """Raises ValueError when a sweep is larger than one may be here."""
    if len(points) > MAX_POINTS:
        raise ValueError(f"This plan has {len(points)} trainings and one here may have {MAX_POINTS}; use fewer.")
    if (most := max(point.model.n_params for point in points)) > limits.run_parameters:
        raise ValueError(
            f"The largest model has {most:,} parameters and one trained here may have {limits.run_parameters:,}; "
            "leave the widest out."
        )
    if (tokens := sum(point.tokens for point in points)) > limits.run_tokens:
        raise ValueError(
            f"This plan reads {tokens:,} tokens and one here may read {limits.run_tokens:,}; use fewer steps or seeds."
        )
    disk = sum(bytes_of(point) for point in points) / 1e6
    if disk > (most_disk := limits.visitor_disk_mb * SHARE):
        raise ValueError(
            f"This plan keeps about {disk:,.0f} MB and a sweep may take {most_disk:,.0f}; "
            "use fewer seeds, or leave the widest out."
        )


def bytes_of(point: Point) -> int:
    """What a training keeps on the disk, about: its weights in half precision at each evaluation and a few times
    before the first, and once all that it takes to go on."""
    every = point.train.eval_interval
    snapshots = 1 + point.train.max_steps // every + (every - 1).bit_length()
    return point.model.n_params * (2 * min(MAX_SNAPSHOTS, snapshots) + 12)


def seconds_of(point: Point) -> float:
    """What a training takes, measured here."""
    return _measured(point.model, point.train.replace(seed=1))


@lru_cache(maxsize=200)
def _measured(model: ModelConfig, train: TrainConfig) -> float:
    with _measuring:  # two measurements at a time would slow each other down
        return measure(model, train, device=_device()).seconds_total


def too_long(limits: Limits, seconds: float) -> str:
    """What is to be said to a sweep of so many seconds; nothing if it may be."""
    most = limits.run_minutes
    if seconds <= 60 * most:
        return ""
    return (
        f"This plan takes about {seconds / 60:,.0f} minutes and a sweep here may take {most:,.0f}; "
        "use fewer steps, seeds or sizes."
    )


def check_free(sessions: Sessions, session: Session) -> None:
    """Raises ValueError while something of theirs is in training, or as much trains as may."""
    for training in session.sweeps:
        if training.state not in ("running", "paused"):
            training.join(STOPPING)
    if session.busy:
        raise ValueError("Something of yours is still training. Stop it first, or let it finish.")
    sessions.slots.check_room()


def launched(sessions: Sessions, sweep: Sweep) -> SweepTraining:
    """A sweep in training, or in the queue, for as long as one may train here."""
    training = SweepTraining(sweep, sessions.slots, device=_device(), seconds=60 * sessions.limits.run_minutes)
    sessions.slots.admit(training)
    training.start()
    return training


def standing_of(training: SweepTraining | None, otherwise: str = "none") -> Answer:
    """How a sweep stands; where none was started since the server was, its state is `otherwise`."""
    if training is not None:
        return training.standing()
    return {"state": otherwise, "place": None, "failure": "", "under_way": "", "step": 0}


def steered(training: SweepTraining | None, request: Request, what: str) -> Answer:
    """Pause, resume or stop it, and how it stands then. Raises ValueError when nothing trains."""
    action = inputs.choice(request, "action", ("pause", "resume", "stop"))
    if training is None or not training.alive:
        raise ValueError(f"No {what} of yours is in training; start one first.")
    {"pause": training.pause, "resume": training.resume, "stop": training.stop}[action]()
    return training.standing()


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"
