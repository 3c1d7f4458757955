"""A sweep in training: one worker thread, buttons that only set events, and how things stand."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Literal

from llm.scaling.sweep import Sweep
from llm.training.events import StepEvent
from llm.training.hardware import denormals_flushed
from llm.ui.right_of_way import Patience

State = Literal["running", "paused", "finished", "stopped", "time", "failed"]
log = logging.getLogger(__name__)


class SweepTraining:
    """Trains what a sweep still lacks, one point after the other, until all is done or somebody stops it."""

    def __init__(self, sweep: Sweep, *, device: str, seconds: float) -> None:
        """`seconds` of training are allowed, pauses apart."""
        self.sweep = sweep
        self.state: State = "running"
        self.failure = ""
        """What went wrong when `state` is "failed"."""
        self._device, self._left = device, seconds
        self._under_way, self._step = "", 0
        self._patience = Patience()
        self._turn = threading.Condition()
        self._thread = threading.Thread(target=self._work, name=f"sweep {sweep.path}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def join(self, seconds: float | None = None) -> None:
        """Wait for the end."""
        self._thread.join(seconds)

    def pause(self) -> None:
        self._set("paused")

    def resume(self) -> None:
        self._set("running")

    def stop(self) -> None:
        """End before the next step; what is under way is kept to its last evaluation."""
        self._set("stopped")

    def standing(self) -> dict[str, Any]:
        """How things stand, as the page shows it."""
        with self._turn:
            return {"state": self.state, "failure": self.failure, "under_way": self._under_way, "step": self._step}

    def _set(self, state: State) -> None:
        with self._turn:
            if self.state in ("running", "paused"):
                self.state = state
                self._turn.notify_all()

    @denormals_flushed()
    def _work(self) -> None:
        try:
            before = time.perf_counter()
            for progress in self.sweep.train(device=self._device):
                if not isinstance(progress.event, StepEvent):
                    continue
                with self._turn:
                    self._under_way, self._step = progress.point.id, progress.event.step
                    self._left -= time.perf_counter() - before
                    if self._left < 0:
                        self.state = "time"
                    self._turn.wait_for(lambda: self.state != "paused")
                    if self.state != "running":
                        return
                time.sleep(0)  # small steps hold the interpreter; let the page's requests in
                self._patience()
                before = time.perf_counter()
            self._set("finished")
        except Exception as error:
            log.exception("The sweep in %s failed", self.sweep.path)
            with self._turn:
                self.failure, self.state = f"The sweep stopped: {error}", "failed"
