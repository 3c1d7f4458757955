"""A model that a visitor brings: any files that `open_any` reads, within the limits, kept as a checkpoint."""

from __future__ import annotations

import filecmp
import re
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory

from llm.files import remove_folder
from llm.limits import Limits
from llm.ui import inputs
from llm.ui.own_models.opening import Opened, files_of, told
from llm.ui.panel import Request
from llm.ui.sessions import Session
from llm.ui.uploads import remove_upload
from llm.weights.bring import open_any
from llm.weights.hub import WEIGHTS
from llm.weights.state_dicts import UntoldError


def upload_bytes(limits: Limits) -> int:
    """The most that the files of a visitor's model may have; 0 where none is taken."""
    return round(limits.upload_mb * 1e6) if limits.model_uploads else 0


def keep_model(session: Session, limits: Limits, request: Request) -> Opened:
    """Open uploaded files and keep the model for the session, under the name that was asked for or one beside it.

    The files go, unless something about them is to be told (`UntoldError`) before they are tried again.
    Raises ValueError as `open_any` does, and where no models are taken.
    """
    most = upload_bytes(limits)
    if not most:
        raise ValueError("Models can't be brought here. Run Glassbox on your own computer to look at yours.")
    wanted = re.sub(r"[^\w-]+", "-", inputs.text(request, "name", limit=200)).strip("-")[:48] or "model"
    said = told(request)
    paths = files_of(request, "paths", packed=True)
    try:
        if sum(path.stat().st_size for path in paths) > most:
            raise ValueError(
                f"That model has over {most / 1e6:g} MB, the most that fits here; --allow-folder DIR opens larger ones."
            )
        session.models.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=session.models, prefix=".brought.") as scratch:
            fresh = Path(scratch) / "model"
            notes = open_any(paths, fresh, source=wanted, **said)
            kept = _place(session.models, wanted, fresh)
            remove_folder(kept)
            fresh.rename(kept)
    except UntoldError:
        raise
    except BaseException:
        _remove(paths)
        raise
    _remove(paths)
    everything = sorted(session.models.glob("[!.]*"), key=lambda folder: folder.stat().st_mtime)
    for folder in everything[: -limits.uploads]:
        remove_folder(folder)
    return Opened(kept, f"upload:{kept.name}", notes)


def _place(models: Path, wanted: str, fresh: Path) -> Path:
    """Where to keep it: a name that is free, or that the same weights have."""
    for name in chain([wanted], (f"{wanted}-{n}" for n in count(2))):
        taken = models / name / WEIGHTS
        if not taken.exists() or filecmp.cmp(taken, fresh / WEIGHTS, shallow=False):
            return models / name
    raise AssertionError("there are always more names")


def _remove(paths: list[Path]) -> None:
    for path in paths:
        remove_upload(path)
