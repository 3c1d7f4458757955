"""The view that writes: the odds of the next token, and the text that is drawn from them."""

from __future__ import annotations

from pathlib import Path

from llm.ui import subject
from llm.ui.generate.drawing import drawing_endpoints
from llm.ui.live import LiveGenerations
from llm.ui.panel import Answer, Request, View
from llm.ui.subject import Loaded, Subjects

PROJECT = Path(__file__).resolve().parents[3]


def build_write(live: LiveGenerations) -> View:
    """The view and its endpoints."""

    def name_source(request: Request) -> Answer:
        """Where the model lies, for a transcript that others can follow."""
        loaded = live.subjects.of(request)
        folder = _checkpoint_folder(live.subjects, request, loaded)
        return {"folder": folder, "title": loaded.title, "step": loaded.step}

    return View("Write", [*drawing_endpoints(live), name_source])


def _checkpoint_folder(subjects: Subjects, request: Request, loaded: Loaded) -> str:
    """The folder that `llm.checkpoint.load_checkpoint` reads this very model from, as a person would write it.

    Relative to the project where it lies inside it, and with ~ for the home folder. Strangers, who have no such
    folder, are told its end.
    """
    session = subjects.sessions.of(request)
    kind, _, name = request["model"].partition(":")
    if kind in subject.RUNS:
        root = subject.runs_of(kind, session)
        folder = root / name / "snapshots" / f"step-{loaded.step:08d}"
    else:
        root = subject.SHIPPED if kind == "shipped" else session.models
        folder = subjects.shown(session, request["model"]).folder if kind == "shipped" else root / name
    return _short(folder) if session.limits.paths else folder.relative_to(root.parent).as_posix()


def _short(folder: Path) -> str:
    for root, prefix in ((PROJECT, Path()), (Path.home(), Path("~"))):
        if folder.is_relative_to(root):
            return (prefix / folder.relative_to(root)).as_posix()
    return folder.as_posix()
