"""Steps of learning: the latest that were made, and those in the making, for as long as somebody asks for them."""

from __future__ import annotations

import threading
import time
import weakref
from dataclasses import dataclass, field

from llm.config import TrainConfig
from llm.model import GPT
from llm.training.learning_step import PARTS, LearningStep, Memory, learning_step_in_parts
from llm.ui.right_of_way import RIGHT_OF_WAY
from llm.ui.sessions import Session

CALL_SECONDS = 0.4
"""How long a question waits for the step to be whole."""
REST_SECONDS = 8.0
"""After so long without a question a step is given up: longer than one is on its way when much is asked at once."""
MAX_KEPT = 16
MAX_MAKING = 12
"""Steps that are being made or wait for their turn."""
MAX_OF_ONE = 2
"""Of those, for one visitor: with a third the oldest is given up."""


@dataclass(frozen=True)
class Training:
    """How a model would go on learning."""

    config: TrainConfig
    step: int
    run: bool
    """Whether these are a run's settings; else they are the usual ones, at the end of their schedule."""
    memory: Memory | None


@dataclass(frozen=True)
class _Kept:
    model: weakref.ref[GPT]
    key: object
    seen: LearningStep


@dataclass
class _Making:
    model: GPT
    key: object
    session: Session
    asked: float
    """When somebody last asked for it, on the monotonic clock."""
    done: int = 0
    """Of PARTS."""
    seen: LearningStep | None = None
    error: Exception | None = None
    dropped: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def wanted(self) -> bool:
        return not self.dropped and time.monotonic() - self.asked < REST_SECONDS


class Steps:
    """By model and text. One is made at a time: it takes the memory of five models."""

    def __init__(self) -> None:
        self._kept: list[_Kept] = []
        self._making: list[_Making] = []
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def of(self, model: GPT, ids: list[int], training: Training, session: Session) -> tuple[int, LearningStep | None]:
        """How many of PARTS are done, and what is known by then; the step is begun if need be.

        Raises ValueError when it can't be made, or not now, and what else went wrong in making it.
        """
        key = (ids, training.config, training.step, training.memory is not None)
        with self._lock:
            self._kept = [one for one in self._kept if one.model() is not None]
            for kept in self._kept:
                if kept.model() is model and kept.key == key:
                    return PARTS, kept.seen
            making = next((one for one in self._making if one.model is model and one.key == key and one.wanted), None)
            if making is None:
                making = self._begun(model, ids, training, session, key)
            making.asked = time.monotonic()
        making.ended.wait(CALL_SECONDS)
        if making.error is not None:
            with self._lock:
                self._making = [one for one in self._making if one is not making]
            raise making.error
        return making.done, making.seen

    def _begun(self, model: GPT, ids: list[int], training: Training, session: Session, key: object) -> _Making:
        self._making = [one for one in self._making if one.wanted or not one.ended.is_set()]
        mine = [one for one in self._making if one.session is session and one.wanted]
        if len(mine) >= MAX_OF_ONE:
            mine[0].dropped = True
        if len(self._making) >= MAX_MAKING:
            raise ValueError("Many steps are being made here; try again in a moment.")
        making = _Making(model, key, session, time.monotonic())
        self._making.append(making)
        threading.Thread(target=self._make, args=(making, ids, training), daemon=True).start()
        return making

    def _make(self, making: _Making, ids: list[int], training: Training) -> None:
        """In a thread of its own."""
        try:
            while making.wanted and not making.done:
                if not self._turn.acquire(timeout=0.2):
                    continue
                try:
                    with RIGHT_OF_WAY.taken():
                        self._work(making, ids, training)
                finally:
                    self._turn.release()
        except Exception as error:  # for whoever asks next
            making.error = error
        finally:
            with self._lock:
                if making.error is None:
                    self._making = [one for one in self._making if one is not making]
                if making.seen is not None and making.done == PARTS:
                    kept = _Kept(weakref.ref(making.model), making.key, making.seen)
                    self._kept = [*self._kept[1 - MAX_KEPT :], kept]
            making.ended.set()

    def _work(self, making: _Making, ids: list[int], training: Training) -> None:
        parts = learning_step_in_parts(making.model, ids, training.config, step=training.step, memory=training.memory)
        for seen in parts:
            making.seen = seen
            making.done += 1
            if not making.wanted:
                return
