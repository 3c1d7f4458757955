"""Points of the sweep that ships: where their models are, and training one again.

Weights of all of them would be thirty-nine megabytes. The small ones ship; any other is trained by the visitor from the
same settings and the same seed, so that its losses can be held against the table's.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llm.limits import Limits
from llm.runs.run import list_runs
from llm.scaling.plan import Point
from llm.scaling.sweep import Row, Sweep
from llm.ui import inputs
from llm.ui.panel import Answer, Request, changing
from llm.ui.scaling.starting import (
    SHARE,
    bytes_of,
    check_allowed,
    check_free,
    launched,
    seconds_of,
    standing_of,
    steered,
    too_long,
)
from llm.ui.scaling.sweeps import Sweeps, with_text
from llm.ui.sessions import Session
from llm.ui.subject import shipped_points


def refs_of(sweeps: Sweeps, session: Session) -> dict[str, str]:
    """The references of the models of points, by point: the visitor's own, which have moments, before those that
    ship."""
    ships = {folder.name: f"shipped:{folder.name}" for folder in shipped_points()}
    return ships | {row.point: f"point:{row.point}" for row in _own_rows(sweeps, session)}


def own_losses(sweeps: Sweeps, session: Session) -> list[dict[str, Any]]:
    """What the visitor's own trainings of points reached, evaluation by evaluation."""
    return [
        {"point": row.point, "tokens": row.tokens, "loss": row.loss, "last": row.last}
        for row in _own_rows(sweeps, session)
    ]


def point_endpoints(sweeps: Sweeps) -> list[Callable[[Request], Answer]]:
    """Forecast, start, steer and follow the training of one point."""
    sessions = sweeps.sessions

    def forecast_point(request: Request) -> Answer:
        """Seconds that a point of the shipped sweep takes, measured here."""
        sessions.of(request)
        point = _asked(sweeps, request)
        check_allowed(sessions.limits, [point])
        seconds = seconds_of(point)
        return {"seconds": seconds, "problem": too_long(sessions.limits, seconds)}

    @changing
    def start_point(request: Request) -> Answer:
        """Train a point, or go on with it; those trained already stay as long as the disk has room."""
        session = sessions.of(request)
        point, plan = _asked(sweeps, request), sweeps.shipped.plan
        check_allowed(sessions.limits, [point])
        if problem := too_long(sessions.limits, seconds_of(point)):
            raise ValueError(problem)
        check_free(sessions, session)
        folder = session.point_runs.parent
        if _own(sweeps, session) is None:
            shutil.rmtree(folder, ignore_errors=True)  # points of another version's sweep
        sweep = with_text(Sweep.create(folder, plan))
        sweep.points = [point]
        _make_room(sweep, sessions.limits)
        session.points = launched(sessions, sweep)
        return session.points.standing()

    @changing
    def steer_point(request: Request) -> Answer:
        """Pause, resume or stop it."""
        return steered(sessions.of(request).points, request, "point")

    def poll_point(request: Request) -> Answer:
        """How the visitor's point stands, and how many losses theirs have reached by now."""
        session = sessions.of(request)
        losses = len(_own_rows(sweeps, session))
        return {**standing_of(session.points), "steps": sweeps.shipped.plan.steps, "losses": losses}

    return [forecast_point, start_point, steer_point, poll_point]


def _asked(sweeps: Sweeps, request: Request) -> Point:
    by_id = {point.id: point for point in with_text(Sweep(Path(), sweeps.shipped.plan)).points}
    return by_id[inputs.choice(request, "point", by_id, label="Point")]


def _make_room(sweep: Sweep, limits: Limits) -> None:
    """Before the one point of a sweep is trained: delete the oldest others beyond a sweep's share of the disk."""
    (point,) = sweep.points
    held = bytes_of(point)
    for run in list_runs(sweep.runs):
        if run.id != point.id and (held := held + run.size_bytes()) > limits.visitor_disk_mb * 1e6 * SHARE:
            run.delete()


def _own(sweeps: Sweeps, session: Session) -> Sweep | None:
    """The visitor's points, if there are any of the sweep that ships."""
    folder = session.point_runs.parent
    if not (folder / "plan.json").is_file() or Sweep.open(folder).plan != sweeps.shipped.plan:
        return None
    return with_text(Sweep.open(folder))


def _own_rows(sweeps: Sweeps, session: Session) -> list[Row]:
    """Every evaluation of the visitor's own trainings of points."""
    own = _own(sweeps, session)
    return own.rows() if own else []
