"""Visitors and what is theirs: their runs, uploads and loaded models.

A visitor is a token kept in the browser's storage and sent with every request, so a reload finds the
run that was left training. The door makes it and knows it again (llm/ui/door/visitors.py). State lives
here and nowhere else. A newcomer takes the place of somebody who has nothing here to lose, or none.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.limits import LAPTOP, Limits
from llm.paths import home
from llm.ui.memory import Memory
from llm.ui.own_texts import OwnTexts
from llm.ui.slots import Slots

if TYPE_CHECKING:
    from llm.tokenizers import Tokenizer
    from llm.ui.scaling.sweep_training import SweepTraining
    from llm.ui.tokenizer.vocabulary_training import VocabularyTraining
    from llm.ui.train.training import Training

_TOKEN = re.compile(r"[0-9a-f]{32,64}")


class Session:
    """One visitor's state. `trainings` are the runs that this process has trained, newest last."""

    def __init__(self, folder: Path, limits: Limits = LAPTOP) -> None:
        self.folder, self.limits = folder, limits
        self.trainings: OrderedDict[str, Training] = OrderedDict()
        self.uploads = OwnTexts(folder / "texts")
        """Texts by their name, as the visitor uploaded them."""
        self.seen = time.time()
        """When the visitor last asked for something."""
        self.tokenizers: OrderedDict[str, Tokenizer] = OrderedDict()
        """Vocabularies by their name, trained here or from a file, newest last."""
        self.vocabulary_training: VocabularyTraining | None = None
        """The vocabulary in training, or the last one that was."""
        self.sweep: SweepTraining | None = None
        """The sweep in training, or the last one that was."""
        self.study: SweepTraining | None = None
        """The same of ablations."""
        self.points: SweepTraining | None = None
        """The same of points of the sweep that ships."""

    @property
    def runs(self) -> Path:
        """The folder of this visitor's runs."""
        return self.folder / "runs"

    @property
    def models(self) -> Path:
        """The folder of this visitor's uploaded checkpoints."""
        return self.folder / "models"

    @property
    def sweep_runs(self) -> Path:
        """The folder of the runs of this visitor's sweep."""
        return self.folder / "sweep" / "runs"

    @property
    def study_runs(self) -> Path:
        """The folder of the runs of this visitor's ablations."""
        return self.folder / "ablations" / "runs"

    @property
    def point_runs(self) -> Path:
        """The folder of the runs of this visitor's points of the sweep that ships."""
        return self.folder / "points" / "runs"

    @property
    def sweeps(self) -> list[SweepTraining]:
        """All that train one run after another, or last did."""
        return [training for training in (self.sweep, self.study, self.points) if training]

    @property
    def empty(self) -> bool:
        """Whether nothing would be lost with it: what lies in its folder is found again."""
        return not (self.trainings or self.tokenizers or self.vocabulary_training or self.sweeps)

    @property
    def busy(self) -> bool:
        """Whether something of theirs is in training."""
        return self.sweeping or any(training.alive for training in list(self.trainings.values()))

    @property
    def sweeping(self) -> bool:
        """Whether a sweep, an ablation or a point of theirs is in training; it trains one run at a time."""
        return any(training.alive for training in self.sweeps)

    def touch(self) -> None:
        """The visitor is here; their folder says so to later processes, within a minute."""
        now = time.time()
        with suppress(OSError):  # nothing of theirs is on the disk yet
            if now - self.folder.stat().st_mtime > 60:
                os.utime(self.folder)
        self.seen = now


class Sessions:
    """All visitors of one app."""

    def __init__(self, limits: Limits = LAPTOP) -> None:
        self.limits = limits
        self.memory = Memory(limits)
        self.slots = Slots(limits)
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, request: dict[str, Any]) -> Session:
        """The session of the visitor who sent `request`. Raises ValueError without a proper token, and for a
        newcomer when all places are taken."""
        token = request.get("visitor")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise ValueError("This page has lost its visitor token. Reload it.")
        with self._lock:
            if token not in self._sessions:
                self._make_room()
                # The folder's name does not give the token away.
                name = hashlib.sha256(token.encode()).hexdigest()[:16]
                self._sessions[token] = Session(home() / "visitors" / name, self.limits)
            self._sessions.move_to_end(token)
            self._sessions[token].touch()
            return self._sessions[token]

    def _make_room(self) -> None:
        """Forget those who have nothing in memory, least recently seen first, until there is a place."""
        for other, session in list(self._sessions.items()):
            if len(self._sessions) < self.limits.visitors:
                return
            if session.empty:
                del self._sessions[other]
        if len(self._sessions) >= self.limits.visitors:
            raise ValueError("All places here are taken now; come back a little later.")

    def all(self) -> list[Session]:
        """Every session there is now."""
        with self._lock:
            return list(self._sessions.values())

    def forget_idle(self) -> list[Session]:
        """Forget visitors who have been away too long, with all that is theirs in memory; returns who they were."""
        oldest = time.time() - self.limits.idle_hours * 3600
        with self._lock:
            gone = {token: one for token, one in self._sessions.items() if one.seen < oldest and not one.busy}
            for token in gone:
                del self._sessions[token]
        for token, session in gone.items():
            self.memory.forget(token)
            if session.vocabulary_training:
                session.vocabulary_training.stop()
        return list(gone.values())
