"""Steps of learning: the latest that were made, and those in the making, for as long as somebody asks for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass, field

from llm.config import TrainConfig
from llm.model import GPT
from llm.training.learning_step import PARTS, LearningStep, Memory, learning_step_in_parts
from llm.ui.findings import Findings
from llm.ui.memory import Memory as Room
from llm.ui.right_of_way import RIGHT_OF_WAY
from llm.ui.sessions import Session

CALL_SECONDS = 0.4
"""How long a question waits for the step to be whole."""
REST_SECONDS = 8.0
"""After so long without a question a step is given up: longer than one is on its way when much is asked at once."""
COPIES = 5
"""Times its own memory that a model takes for its step: gradients, what the optimiser remembers, copies."""
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


class _GivenUp(Exception):
    """Nobody asks for it any more."""


@dataclass
class _Making:
    model: GPT
    key: Hashable
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
    """By model and text. One is made at a time: it takes the memory of several models."""

    def __init__(self, memory: Room) -> None:
        self._kept = Findings[LearningStep](memory)
        self._making: list[_Making] = []
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def of(self, model: GPT, ids: list[int], training: Training, session: Session) -> tuple[int, LearningStep | None]:
        """How many of PARTS are done, and what is known by then; the step is begun if need be.

        Raises ValueError when it can't be made, or not now, and what else went wrong in making it.
        """
        key = (tuple(ids), training.config, training.step, training.memory is not None)
        if (kept := self._kept.get(model, key)) is not None:
            return PARTS, kept
        with self._lock:
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

    def _begun(self, model: GPT, ids: list[int], training: Training, session: Session, key: Hashable) -> _Making:
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
                        size = 4 * COPIES * making.model.config.n_params
                        making.seen = self._kept.of(
                            making.model, making.key, size, lambda: self._work(making, ids, training), _bytes
                        )
                    making.done = PARTS
                finally:
                    self._turn.release()
        except _GivenUp:
            pass
        except Exception as error:  # for whoever asks next
            making.error = error
        finally:
            with self._lock:
                if making.error is None:
                    self._making = [one for one in self._making if one is not making]
            making.ended.set()

    def _work(self, making: _Making, ids: list[int], training: Training) -> LearningStep:
        parts = learning_step_in_parts(making.model, ids, training.config, step=training.step, memory=training.memory)
        for seen in parts:
            making.seen = seen
            making.done += 1
            if not making.wanted:
                raise _GivenUp
        assert making.seen is not None  # the last parts show it
        return making.seen


def _bytes(seen: LearningStep) -> int:
    tensors = (seen.losses_FT, seen.read_F, seen.best_FT, seen.odds_FT, seen.stream_LT, seen.rows_V, seen.read_V)
    return 1_000 * (1 + len(seen.parts)) + sum(tensor.nbytes for tensor in tensors)
