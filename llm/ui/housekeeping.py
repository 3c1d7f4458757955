"""What goes by itself: visitors who stay away, with all that is theirs, and what is too much on the disk.

Never a run in training, never a visitor's newest run, never one that is kept while its visitor is here; where
kept runs stay, never such a one at all.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
import weakref
from contextlib import suppress
from pathlib import Path

from llm.files import remove_folder
from llm.paths import home
from llm.runs.run import Run, list_runs
from llm.training.memory import give_back
from llm.ui.door.receiving import upload_folder
from llm.ui.sessions import Session, Sessions

PRESENT_SECONDS = 900.0
"""For so long after their last question visitors count as present: what they have is not taken for others' sake."""
EXPORT_SECONDS = 600.0
"""A page fetches at once what it has asked for."""
SWEEP_SECONDS = 300.0
TIDY_SECONDS = 20.0
"""Between two looks for what may go from memory."""
SNAPSHOT_SHARE = 0.6
"""Of what kept runs leave, for the snapshots of one run; the rest is for its checkpoint, twice while it is written."""
KEPT_SHARE = 0.5
"""Of a visitor's disk, for the runs that they keep; the rest is for the next one."""

log = logging.getLogger(__name__)


def keep_swept(sessions: Sessions) -> None:
    """Sweep now and then, as long as somebody has the sessions."""
    there = weakref.ref(sessions)
    pause = min(SWEEP_SECONDS, sessions.limits.idle_hours * 3600 / 4)

    def work() -> None:
        swept = -pause
        while kept := there():
            try:
                kept.memory.clear_idle()
                give_back()
                if time.monotonic() - swept >= pause:
                    swept = time.monotonic()
                    sweep(kept)
            except Exception:  # it comes again
                log.exception("Sweeping failed")
            del kept
            time.sleep(min(pause, TIDY_SECONDS))

    threading.Thread(target=work, name="housekeeping", daemon=True).start()


def sweep(sessions: Sessions) -> None:
    """Let go what its time or its room has run out for, in memory and on the disk."""
    for gone in sessions.forget_idle():
        _clear(sessions, gone.folder)
    present = {session.folder.name for session in sessions.all()}
    oldest = time.time() - sessions.limits.idle_hours * 3600
    for folder in _folders():
        if folder.name not in present and _last_use(folder) < oldest:
            _clear(sessions, folder)
    for session in sessions.all():
        _keep_share(sessions, session)
    _keep_to_disk(sessions)
    for folder in (upload_folder() / "exports").glob("*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > EXPORT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def check_room(sessions: Sessions, session: Session) -> None:
    """Raises ValueError when the runs that a visitor keeps leave too little room for another one."""
    limits, kept = sessions.limits, [run for run in list_runs(session.runs) if run.kept]
    size, most = sum(run.size_bytes() for run in kept) // 10**6, round(KEPT_SHARE * limits.visitor_disk_mb)
    if len(kept) >= limits.runs:
        raise ValueError(f"You keep {len(kept)} runs, as many as there may be; delete one, or no longer keep it.")
    if size > most:
        raise ValueError(
            f"The runs that you keep take {size:,} MB, and they may take {most:,}; delete one, or no longer keep it."
        )


def make_room(sessions: Sessions, session: Session, run: Run) -> None:
    """Before a run trains: delete older ones of the visitor's beyond what is kept, and tell it what it may take."""
    kept = sum(other.size_bytes() for other in list_runs(session.runs) if other.kept and other.id != run.id)
    run.snapshot_bytes = max(0, round(SNAPSHOT_SHARE * (sessions.limits.visitor_disk_mb * 1e6 - kept)))
    _keep_share(sessions, session)
    _keep_to_disk(sessions)


def _keep_share(sessions: Sessions, session: Session) -> None:
    limits = sessions.limits
    held = _size(session.folder)
    for i, run in reversed(list(enumerate(list_runs(session.runs)))):
        if i >= limits.runs or held > limits.visitor_disk_mb * 1e6:
            held -= _delete(session, run, newest=i == 0)


def _keep_to_disk(sessions: Sessions) -> None:
    """All visitors' folders within the limit: those longest away go, then old runs of those who are present."""
    most, here = sessions.limits.disk_mb * 10**6, {session.folder.name: session for session in sessions.all()}
    folders = sorted(_folders(), key=_last_use)
    sizes = {folder: _size(folder) for folder in folders}
    held = sum(sizes.values())
    for folder in folders:
        session = here.get(folder.name)
        seen = session.seen if session else _last_use(folder)
        busy = session is not None and session.busy
        if held > most and not busy and time.time() - seen > PRESENT_SECONDS:
            _clear(sessions, folder)
            held += _size(folder) - sizes.pop(folder)
    for session in (here[folder.name] for folder in sizes if folder.name in here):
        for run in reversed(list_runs(session.runs)[1:]):
            if held > most:
                held -= _delete(session, run)


def _delete(session: Session, run: Run, *, newest: bool = False) -> int:
    """Delete a run unless it is in training, kept, or the newest; returns the bytes that are free thereby."""
    training = session.trainings.get(run.id)
    if newest or run.kept or (training is not None and training.alive):
        return 0
    size = run.size_bytes()
    session.trainings.pop(run.id, None)
    with suppress(OSError):  # another sweep was faster
        run.delete()
    return size


def _clear(sessions: Sessions, folder: Path) -> None:
    """Remove all that a visitor who is gone has left but the runs that stay."""
    runs = list_runs(folder / "runs")
    if not (sessions.limits.kept_runs_stay and any(run.kept for run in runs)):
        return remove_folder(folder)
    for run in runs:
        if not run.kept:
            remove_folder(run.path)
    for path in list(folder.iterdir()):
        if path.name != "runs":
            remove_folder(path)


def _folders() -> list[Path]:
    root = home() / "visitors"
    return [path for path in root.glob("[!.]*") if path.is_dir()] if root.is_dir() else []


def _last_use(folder: Path) -> float:
    """When its visitor was last here, or a run of theirs went on, in another process perhaps."""
    times = [0.0]
    for path in (folder, *folder.glob("runs/*/metrics.jsonl")):
        with suppress(OSError):
            times.append(path.stat().st_mtime)
    return max(times)


def _size(folder: Path) -> int:
    total = 0
    for inside, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # a training replaces files all the time
                total += os.stat(os.path.join(inside, name)).st_size
    return total
