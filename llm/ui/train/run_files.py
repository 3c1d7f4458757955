"""A run to take along: its metrics as CSV or JSON lines, and all of it as a zip. The page fetches them by one route."""

from __future__ import annotations

import re
import secrets
import shutil
from pathlib import Path

import pandas as pd
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from llm.runs.run import Run
from llm.ui.door import EXPORTS
from llm.ui.door.receiving import upload_folder
from llm.ui.panel import Answer
from llm.ui.sessions import Session

COLUMNS = [
    "step",
    "loss",
    "validation_loss",
    "learning_rate",
    "grad_norm",
    "clipped_norm",
    "tokens_seen",
    "seconds",
    "accuracy",
]
"""Of a run's metrics as CSV."""


def steps_table(run: Run) -> pd.DataFrame:
    """One row a step, with the validation loss and a task's accuracy where there was an evaluation after it."""
    metrics = pd.DataFrame(run.metrics(), columns=["event", *COLUMNS, "correct", "total"])
    evaluations = metrics.loc[metrics["event"] == "evaluation", ["step", "validation_loss"]]
    exams = metrics.loc[metrics["event"] == "exam", ["step", "correct", "total"]]
    exams = exams.assign(accuracy=exams["correct"] / exams["total"])[["step", "accuracy"]]
    steps = metrics.loc[metrics["event"] == "step"].drop(columns=["event", "validation_loss", "accuracy"])
    return steps.merge(evaluations, on="step", how="left").merge(exams, on="step", how="left")[COLUMNS]


def export(session: Session, run: Run, kind: str) -> Answer:
    """Make the file ("csv", "jsonl" or "zip"); the page fetches it from the address it is told.

    Raises ValueError for a zip of a run that has no checkpoint yet.
    """
    key, folder = _export_folder(session)
    name = re.sub(r"[^A-Za-z0-9]+", "-", run.name).strip("-")[:60] or run.id
    path = folder / f"{name}.{kind}"
    if kind == "csv":
        steps_table(run).to_csv(path, index=False)
    elif kind == "jsonl":
        shutil.copyfile(run.path / "metrics.jsonl", path)
    else:
        run.export_zip(path)
    return {"address": f"{EXPORTS}{key}/{path.name}", "name": path.name, "bytes": path.stat().st_size}


def exports() -> Route:
    """The route that hands out what `export` has made, to whoever knows its address."""

    async def answer(request: Request) -> Response:
        key, name = request.path_params["key"], request.path_params["name"]
        if re.fullmatch(r"[0-9a-f]{32}", key) and re.fullmatch(r"[A-Za-z0-9-]+\.(csv|jsonl|zip)", name):
            for path in (upload_folder() / "exports").glob(f"*/{key}/{name}"):
                return FileResponse(path, filename=name)
        raise HTTPException(404)

    return Route(EXPORTS + "{key}/{name}", answer)


def _export_folder(session: Session) -> tuple[str, Path]:
    """A fresh folder under a name nobody can guess, and that name; the visitor's last one goes."""
    root = upload_folder() / "exports" / session.folder.name
    shutil.rmtree(root, ignore_errors=True)
    key = secrets.token_hex(16)
    (root / key).mkdir(parents=True)
    return key, root / key
