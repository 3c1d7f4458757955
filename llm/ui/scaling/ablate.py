"""Ablate: a GPT-2 whole and without each of its parts, their losses beside one another; any of them trained again."""

from __future__ import annotations

import shutil
from functools import cached_property
from pathlib import Path
from typing import Any

from llm.scaling.ablations import ABLATIONS, FULL, AblationPlan, ablation_of, outcomes
from llm.scaling.plan import Plan, Point
from llm.scaling.sweep import Row, Sweep
from llm.scaling.table import read_table, to_csv
from llm.settings import settings_of
from llm.ui import inputs
from llm.ui.page_settings import narrowed, settings_for_page
from llm.ui.panel import Answer, Request, View, changing
from llm.ui.scaling.starting import check_allowed, check_free, launched, seconds_of, standing_of, steered, too_long
from llm.ui.scaling.sweeps import SHIPPED, Sweeps, with_text
from llm.ui.sessions import Session

FORM = narrowed(settings_of(AblationPlan), {"steps": {"low": 20, "high": 2_000}})
"""What a visitor chooses of a study; the rest is as in the one that ships."""


class Shipped:
    """The study that ships, read once."""

    @cached_property
    def plan(self) -> Plan:
        """Its plan."""
        return Sweep.open(SHIPPED / "ablations", AblationPlan).plan

    @cached_property
    def rows(self) -> list[Row]:
        """Its table."""
        return read_table(SHIPPED / "ablations" / "table.csv")


def build_ablate(sweeps: Sweeps) -> View:
    """The view; its endpoints hand out the curves, and train one ablation beside the full model."""
    sessions, shipped = sweeps.sessions, Shipped()

    def read_ablations(request: Request) -> Answer:
        """All curves, those that ship and the visitor's, and how much each change costs in the end."""
        session = sessions.of(request)
        own = _own(session)
        found = outcomes(shipped.rows)
        rows = own.rows() if own else []
        mine = outcomes(rows)
        return {
            "text": shipped.plan.corpus,
            "floor": sweeps.shipped.floor,  # of the same text, cut alike
            "steps": shipped.plan.steps,
            "settings": settings_for_page(FORM),
            "changes": [
                {
                    "name": name,
                    "title": "Full model" if name == FULL else ABLATIONS[name].title,
                    "does": "" if name == FULL else ABLATIONS[name].does,
                    "learnt": "" if name == FULL else ABLATIONS[name].learnt,
                    "params": _first(shipped.rows, name).params["all"],
                    "loss": found[name].loss,
                    "apart": 0.0 if name == FULL else found[name].apart,
                    "least": found[name].least,
                    "most": found[name].most,
                    "seeds": found[name].seeds,
                    "mine": mine[name].apart if name in mine and name != FULL else None,
                }
                for name in (FULL, *ABLATIONS)
                if name in found
            ],
            "curves": [
                *_curves(shipped.rows, shipped.plan, ""),
                *(_curves(rows, own.plan, "ablation:") if own else []),
            ],
            "csv": to_csv([*shipped.rows, *rows]),
        }

    @changing
    def start_ablation(request: Request) -> Answer:
        """Train the full model and one change of it, or go on with them; what is trained already stays."""
        session = sessions.of(request)
        name = inputs.choice(request, "name", tuple(ABLATIONS))
        plan = shipped.plan.replace(steps=inputs.setting(request, FORM["steps"]), seeds=1)
        points = _points(with_text(Sweep(Path(), plan)), name)
        check_allowed(sessions.limits, points)
        if problem := too_long(sessions.limits, sum(seconds_of(point) for point in points)):
            raise ValueError(problem)
        check_free(sessions, session)
        there = _own(session)
        if there and there.plan != plan:
            if not inputs.flag(request, "replace"):
                raise ValueError("Yours were trained for another number of steps; start this one in their place.")
            shutil.rmtree(there.path)
        study = with_text(Sweep.create(_folder(session), plan))
        study.points = _points(study, name)
        session.study = launched(sessions, study)
        return session.study.standing()

    @changing
    def steer_ablation(request: Request) -> Answer:
        """Pause, resume or stop it."""
        return steered(sessions.of(request).study, request, "ablation")

    def poll_ablation(request: Request) -> Answer:
        """How the visitor's ablation stands, and how many losses theirs have reached by now."""
        session = sessions.of(request)
        own = _own(session)
        standing = standing_of(session.study)
        return {
            **standing,
            "name": ablation_of(standing["under_way"]),
            "steps": own.plan.steps if own else 0,
            "losses": len(own.rows()) if own else 0,
        }

    return View("Ablate", [read_ablations, start_ablation, steer_ablation, poll_ablation])


def _folder(session: Session) -> Path:
    return session.study_runs.parent


def _own(session: Session) -> Sweep | None:
    """The visitor's study with all of its points, if there is one."""
    if not (_folder(session) / "plan.json").is_file():
        return None
    return with_text(Sweep.open(_folder(session), AblationPlan))


def _points(study: Sweep, name: str) -> list[Point]:
    """Those of the full model and of one change."""
    return [point for point in study.points if ablation_of(point.id) in (FULL, name)]


def _first(rows: list[Row], name: str) -> Row:
    return next(row for row in rows if ablation_of(row.point) == name)


def _curves(rows: list[Row], plan: Plan, ref: str) -> list[dict[str, Any]]:
    """One for each training; `ref` begins the reference of its run, where it is here."""
    tokens = plan.batch_size * plan.n_ctx
    by_point: dict[str, list[Row]] = {}
    for row in rows:
        by_point.setdefault(row.point, []).append(row)
    return [
        {
            "name": ablation_of(point),
            "seed": each[0].seed,
            "mine": bool(ref),
            "ref": ref and ref + point,
            "steps": [row.tokens // tokens for row in each],
            "losses": [row.loss for row in each],
        }
        for point, each in by_point.items()
    ]
