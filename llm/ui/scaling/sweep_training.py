"""A sweep in training: one worker thread, buttons that only set events, and how things stand."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import closing
from typing import Any, Literal

from llm.scaling.sweep import Sweep
from llm.training.events import StepEvent, ends_a_step
from llm.training.hardware import denormals_flushed
from llm.ui.right_of_way import Patience
from llm.ui.slots import Slots

State = Literal["running", "paused", "finished", "stopped", "time", "failed"]
UNWATCHED = 150.0
"""Seconds without a question after which a page counts as gone; hidden ones ask once in a minute."""
GLANCE = 0.25
"""Seconds after which a sweep that waits looks whether it shall go on waiting."""
log = logging.getLogger(__name__)


class SweepTraining:
    """Trains what a sweep still lacks, one point after the other, until all is done or somebody stops it.

    While others wait it takes turns with them, and paused it needs no slot: what is under way is set aside then. It
    has to be admitted to the `slots` before `start`.
    """

    def __init__(self, sweep: Sweep, slots: Slots, *, device: str, seconds: float) -> None:
        """`seconds` of training are allowed, pauses apart."""
        self.sweep = sweep
        self.state: State = "running"
        self.failure = ""
        """What went wrong when `state` is "failed"."""
        self._slots, self._device, self._left = slots, device, seconds
        self._under_way, self._step = "", 0
        self._seen = time.monotonic()  # when a page last asked
        self._patience = Patience()
        self._turn = threading.Condition()
        self._thread = threading.Thread(target=self._work, name=f"sweep {sweep.path}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def watched(self) -> bool:
        """Whether a page follows it."""
        return time.monotonic() - self._seen < UNWATCHED

    @property
    def parked(self) -> bool:
        """Whether it is paused."""
        return self.state == "paused"

    @property
    def seconds_left(self) -> None:
        """Longer than a turn, as a rule."""
        return None

    def join(self, seconds: float | None = None) -> None:
        """Wait for the end."""
        self._thread.join(seconds)

    def pause(self) -> None:
        self._set("paused")

    def resume(self) -> None:
        self._set("running")

    def stop(self) -> None:
        """End after the step that is being made."""
        self._set("stopped")

    def standing(self) -> dict[str, Any]:
        """How things stand, as the page shows it, which follows it by asking."""
        self._seen = time.monotonic()
        place = self._slots.place(self) if self.state == "running" else None
        with self._turn:
            return {
                "state": "waiting" if place else self.state,
                "place": place and place[0],
                "failure": self.failure,
                "under_way": self._under_way,
                "step": self._step,
            }

    def _set(self, state: State) -> None:
        with self._turn:
            if self.state in ("running", "paused"):
                self.state = state
                self._turn.notify_all()

    @denormals_flushed()
    def _work(self) -> None:
        try:
            while self._has_slot() and not self._train():
                if self.state == "running":  # others wait
                    self._slots.leave(self)
                    self._slots.rejoin(self)
        except Exception as error:
            log.exception("The sweep in %s failed", self.sweep.path)
            with self._turn:
                self.failure, self.state = f"The sweep stopped: {error}", "failed"
        finally:
            self._slots.leave(self)

    def _has_slot(self) -> bool:
        """Wait out a pause, and for a slot. False when the sweep ends without one."""
        while self.state in ("running", "paused"):
            if self.state == "paused":
                self._slots.leave(self)
                with self._turn:
                    self._turn.wait_for(lambda: self.state != "paused")
                self._slots.rejoin(self)
            elif self._slots.has(self, wait=GLANCE):
                return True
        return False

    def _train(self) -> bool:
        """Train until all is done, or a step ends after which this sweep is to rest. True when it has ended."""
        before = time.perf_counter()
        with closing(self.sweep.train(device=self._device)) as steps:
            for progress in steps:
                if isinstance(progress.event, StepEvent):
                    with self._turn:
                        self._under_way, self._step = progress.point.id, progress.event.step
                if not ends_a_step(progress.event):
                    continue
                self._left -= time.perf_counter() - before
                if self._left < 0:
                    self._set("time")
                time.sleep(0)  # small steps hold the interpreter; let the page's requests in
                self._patience()
                if self.state != "running" or self._slots.wanted(self):
                    return self.state not in ("running", "paused")
                before = time.perf_counter()
        self._set("finished")
        return True
