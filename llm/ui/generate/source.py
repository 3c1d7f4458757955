"""Where a model's checkpoint lies, as a person would write it on the command line."""

from __future__ import annotations

from pathlib import Path

from llm.paths import home
from llm.ui import subject
from llm.ui.panel import Request
from llm.ui.subject import Loaded, Subjects

PROJECT = Path(__file__).resolve().parents[3]


def checkpoint_folder(subjects: Subjects, request: Request, loaded: Loaded) -> str:
    """The folder that `llm.checkpoint.load_checkpoint` reads this very model from.

    Relative to the project where it lies inside it, and with ~ for the home folder.
    """
    session = subjects.sessions.of(request)
    kind, _, name = request["model"].partition(":")
    if kind in ("run", "cli"):
        root = session.runs if kind == "run" else home() / "runs"
        return _short(root / name / "snapshots" / f"step-{loaded.step:08d}")
    return _short((subject.SHIPPED if kind == "shipped" else session.models) / name)


def _short(folder: Path) -> str:
    for root, prefix in ((PROJECT, Path()), (Path.home(), Path("~"))):
        if folder.is_relative_to(root):
            return (prefix / folder.relative_to(root)).as_posix()
    return folder.as_posix()
