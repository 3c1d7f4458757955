"""Plan a sweep: sizes, seeds and steps of the visitor's own, forecast, then trained in the background."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llm.corpora import CORPORA
from llm.scaling.ablations import title_of
from llm.scaling.plan import Plan, Point
from llm.scaling.rates import best_rates
from llm.scaling.sweep import Sweep
from llm.scaling.table import EARLY
from llm.settings import settings_of
from llm.ui import inputs
from llm.ui.page_settings import narrowed, settings_for_page
from llm.ui.panel import Answer, Request, View, changing
from llm.ui.scaling.starting import check_allowed, check_free, launched, seconds_of, standing_of, steered, too_long
from llm.ui.scaling.sweeps import Sweeps, folder_of, own_sweep, with_text

LISTS = ("widths", "rates")
"""Settings that are lists of numbers: the form has them as one text each."""
FORM = narrowed(
    settings_of(Plan),
    {
        "seeds": {"high": 5, "default": 2},
        "steps": {"high": 20_000, "default": 600},
        "batch_size": {"high": 64},
        "n_ctx": {"high": 512},
        "vocab_size": {"low": 257, "high": 8_192},
        "evaluations": {"high": 50},
        "learning_rate": {"low": 1e-5, "high": 0.1},
    },
)
"""The form's numbers, with the ends of a slider or a default where they aren't the plan's own."""
DEFAULT_WIDTHS = "16 32 48 64"


def build_plan_a_sweep(sweeps: Sweeps) -> View:
    """The view; its endpoints plan, forecast, start, steer and follow the visitor's sweep."""
    sessions = sweeps.sessions

    def list_plan(request: Request) -> Answer:
        """All that the form offers, and the visitor's sweep as it is planned."""
        session = sessions.of(request)
        sizes = {"widths": DEFAULT_WIDTHS, "rates": "1"}
        chosen = {**{name: setting.default for name, setting in FORM.items()}, **sizes, "corpus": "tales"}
        if (folder_of(session) / "plan.json").is_file():
            plan = Sweep.open(folder_of(session)).plan.to_dict()
            chosen = {name: " ".join(plan[name]) if name in LISTS else plan[name] for name in chosen}
        corpora = [{"name": name, "title": info.title} for name, info in CORPORA.items() if not info.needs_download]
        return {
            "settings": settings_for_page(FORM),
            "corpora": corpora,
            "chosen": chosen,
            "helps": {name: settings_of(Plan)[name].help for name in LISTS},
            "minutes": sessions.limits.run_minutes,
        }

    def plan_sweep(request: Request) -> Answer:
        """Each size of a plan: parameters, tokens, FLOPs and, where the shipped law holds, the loss to expect."""
        sessions.of(request)
        plan = read_plan(request)
        points = _points(plan)
        check_allowed(sessions.limits, points)
        return {"sizes": _sizes(sweeps, plan, points), "trainings": len(points)}

    def forecast_sweep(request: Request) -> Answer:
        """Seconds that a training of each size takes, and all together, measured here."""
        sessions.of(request)
        plan = read_plan(request)
        points = _points(plan)
        check_allowed(sessions.limits, points)
        seconds = _seconds(points)
        total = sum(seconds[point.model.n_embd] for point in points)
        return {
            "seconds": [seconds[width] for width in plan.sizes],
            "total": total,
            "problem": too_long(sessions.limits, total),
        }

    @changing
    def start_sweep(request: Request) -> Answer:
        """Train a plan, in place of the visitor's last sweep unless it is the same, which goes on."""
        session = sessions.of(request)
        plan = read_plan(request)
        points = _points(plan)
        check_allowed(sessions.limits, points)
        seconds = _seconds(points)
        if problem := too_long(sessions.limits, sum(seconds[point.model.n_embd] for point in points)):
            raise ValueError(problem)
        folder = folder_of(session)
        there = (folder / "plan.json").is_file()
        check_free(sessions, session)
        if there and Sweep.open(folder).plan != plan:
            if not inputs.flag(request, "replace"):
                raise ValueError("You have another sweep here; start this one in its place, or go on with that one.")
            shutil.rmtree(folder)
        session.sweep = launched(sessions, with_text(Sweep.create(folder, plan)))
        return session.sweep.standing()

    @changing
    def continue_sweep(request: Request) -> Answer:
        """Go on with the visitor's sweep where it was."""
        session = sessions.of(request)
        check_free(sessions, session)
        session.sweep = launched(sessions, own_sweep(session))
        return session.sweep.standing()

    @changing
    def steer_sweep(request: Request) -> Answer:
        """Pause, resume or stop it."""
        return steered(sessions.of(request).sweep, request, "sweep")

    def poll_sweep(request: Request) -> Answer:
        """How the visitor's sweep stands: each of its trainings, and the one under way."""
        session = sessions.of(request)
        if not session.sweep and not (folder_of(session) / "plan.json").is_file():
            return {**standing_of(None), "steps": 0, "trainings": []}
        sweep = own_sweep(session)
        standing = standing_of(session.sweep, "finished" if all(map(sweep.ended, sweep.points)) else "stopped")
        return {**standing, "steps": sweep.plan.steps, "trainings": _trainings(sweep)}

    def read_rates(request: Request) -> Answer:
        """The learning rates tried at each width and how they ended: the visitor's, if they try several, or ours."""
        session = sessions.of(request)
        table = sweeps.own(session) if (folder_of(session) / "plan.json").is_file() else None
        mine = best_rates(table.rows, table.plan) if table and len(table.plan.rates) > 1 else []
        return {
            "mine": bool(mine),
            "widths": [
                {"width": one.width, "rule": one.rule, "best": one.best, "tried": [list(tried) for tried in one.tried]}
                for one in mine or sweeps.shipped_rates
            ],
        }

    drives = [start_sweep, continue_sweep, steer_sweep, poll_sweep]
    return View("Plan a sweep", [list_plan, plan_sweep, forecast_sweep, read_rates, *drives])


def read_plan(request: Request) -> Plan:
    """The form's plan. Raises ValueError with what can't be."""
    values: dict[str, Any] = {name: inputs.setting(request, setting) for name, setting in FORM.items()}
    for name in LISTS:
        written = inputs.text(request, name, 1_000, {"widths": DEFAULT_WIDTHS, "rates": "1"}[name])
        values[name] = tuple(part for part in re.split(r"[\s,;]+", written) if part)
        if not values[name]:
            raise ValueError(f"Write at least one number into {settings_of(Plan)[name].label.lower()}.")
    here = [name for name, info in CORPORA.items() if not info.needs_download]
    return Plan(**values, corpus=inputs.choice(request, "corpus", here, "tales"))


def _points(plan: Plan) -> list[Point]:
    return with_text(Sweep(Path(), plan)).points


def _sizes(sweeps: Sweeps, plan: Plan, points: Sequence[Point]) -> list[dict[str, Any]]:
    shipped = sweeps.shipped
    alike = all(getattr(plan, name) == getattr(shipped.plan, name) for name in ("corpus", "vocab_size", "n_ctx"))
    settled = EARLY * max(row.tokens for row in shipped.rows)
    alike = alike and points[0].tokens >= settled
    law = sweeps.law(shipped, "all", known=True).fit.law if alike else None
    by_width = {point.model.n_embd: point for point in points}
    return [
        {
            "width": width,
            "n_layer": point.model.n_layer,
            "n_params": point.model.n_params,
            "tokens": point.tokens,
            "flops": point.flops,
            "learning_rate": point.train.learning_rate,
            "loss": law.loss(point.model.n_params, point.tokens) if law else None,
        }
        for width, point in sorted(by_width.items())
    ]


def _seconds(points: Sequence[Point]) -> dict[int, float]:
    """What a training of each width takes."""
    return {point.model.n_embd: seconds_of(point) for point in points}


def _trainings(sweep: Sweep) -> list[dict[str, Any]]:
    """Every training with the last loss it has reached."""
    reached = {row.point: row for row in sweep.rows()}
    return [
        {
            "id": point.id,
            "ref": f"sweep:{point.id}",
            "title": title_of(point.id),
            "width": point.model.n_embd,
            "seed": point.train.seed,
            "ended": sweep.ended(point),
            "loss": reached[point.id].loss if point.id in reached else None,
        }
        for point in sweep.points
    ]
