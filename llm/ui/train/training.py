"""A run in training: one worker thread, buttons that only set events, and a digest that the page reads.

The thread alone touches the model. Whoever wants to look at it loads one of its snapshots.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from llm.files import disk_trouble, is_full
from llm.runs.run import Run
from llm.runs.summary import RunSummary
from llm.training.events import EVENT_NAMES, DoneEvent, Event, Reason, SnapshotEvent, StepEvent
from llm.training.hardware import denormals_flushed, out_of_memory
from llm.training.trainer import Trainer
from llm.ui.train.pace import Pace

State = Literal["running", "paused", "failed"] | Reason

BUFFER_EVENTS = 5_000
"""Events kept for pages that follow the run; one that fell behind reads the digest again."""

MAX_SECONDS = 4 * 3600.0
"""Training that a run may take here; then it stops, saved, and can be continued."""
MAX_UNSEEN_PAUSE = 900.0
"""Seconds after which a paused run that no page asks about stops: it would keep others from training."""
MAX_AWAY = 20.0
"""Seconds that a page may be gone which was to take its run along: a reload is no farewell."""
ON_THEIR_WAY = 1.0
"""Seconds after a farewell in which questions may still arrive that were asked before it."""

DISK_FULL = "The disk is full, so this run waits. Delete runs that you don't need, then resume it."

log = logging.getLogger(__name__)


class Training:
    """Trains a run on its own thread until it ends, is stopped, or fails.

    `build` makes the trainer; it runs on the thread too, so that Start answers at once. The thread
    waits for `after` to end first.
    """

    def __init__(self, run: Run, build: Callable[[], Trainer], *, after: Training | None = None) -> None:
        self.run = run
        self.summary = RunSummary(run.tokenizer)
        self.state: State = "running"
        self.failure = ""
        """What went wrong when `state` is "failed"."""
        self._build = build
        self._after = after
        self._trainer: Trainer | None = None
        self._stopped = False  # before there was a trainer to tell
        self._step, self._max_steps = 0, run.train_config.max_steps
        self._events: deque[dict[str, Any]] = deque(maxlen=BUFFER_EVENTS)
        self._count = 0  # events ever published
        self._pace = Pace()
        self._seen = time.monotonic()  # when a page last asked
        self._left: float | None = None  # when a page closed that was to take the run along
        self._permits = 0  # single steps still to make while paused
        self._turn = threading.Condition()
        self._thread = threading.Thread(target=self._work, name=f"run {run.id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def join(self) -> None:
        """Wait for the end."""
        self._thread.join()

    def pause(self) -> None:
        self._set("paused")

    def resume(self) -> None:
        self._set("running")

    def step(self) -> None:
        """Pause, and make one more step."""
        with self._turn:
            if self.state in ("running", "paused"):
                self.state = "paused"
                self._permits += 1
                self._turn.notify_all()

    def stop(self) -> None:
        """End before the next step, saving everything."""
        with self._turn:
            self._stopped = True
            if self._trainer:
                self._trainer.stop()
        self._set("running")  # a paused thread has to wake up to end

    def leave(self) -> None:
        """A page closes and the run is to stop with it, unless one comes back or asks within MAX_AWAY."""
        self._left = time.monotonic()

    def come_back(self) -> None:
        """The page is there again: it was a reload."""
        self._left = None

    def change(self, **settings: float) -> None:
        """Use other settings from the next step on. Raises ValueError as `Trainer.change` does."""
        with self._turn:
            if self._trainer is None or self.state not in ("running", "paused"):
                raise ValueError("Only a run in training can be changed; start it first.")
            self._trainer.change(**settings)

    def digest(self) -> dict[str, Any]:
        """All that has happened so far, and which event comes next."""
        with self._turn:
            return {**self.summary.state(), "next": self._count}

    def reached(self) -> dict[str, Any]:
        """What the table of runs shows, as `RunSummary.reached`."""
        with self._turn:
            return self.summary.reached()

    def layers(self) -> list[dict[str, Any]]:
        """What was measured of the layers so far, as `RunSummary.layers`."""
        with self._turn:
            return list(self.summary.layers)

    def since(self, index: int) -> dict[str, Any]:
        """The events published after the first `index`, and how things stand now.

        When some of them are no longer kept, {"behind": True} says to read the digest instead.
        """
        with self._turn:
            self._seen = time.monotonic()
            first = self._count - len(self._events)
            behind = not first <= index <= self._count
            events = [] if behind else [self._events[i] for i in range(index - first, len(self._events))]
            return {"events": events, "next": self._count, "behind": behind, **self._standing()}

    def _standing(self) -> dict[str, Any]:
        pace, left = self._pace, self._max_steps - self._step
        return {
            "run": self.run.id,
            "state": self.state,
            "ready": self._trainer is not None or not self.alive,
            "failure": self.failure,
            "step": self._step,
            "max_steps": self._max_steps,
            "tokens_per_second": pace.tokens_per_second,
            "seconds_left": pace.seconds_a_step and pace.seconds_a_step * left,
            "outside": pace.outside,
            "joules": pace.joules or None,
            "joules_of": pace.meter.what,
        }

    def _set(self, state: State) -> None:
        with self._turn:
            if self.state in ("running", "paused"):
                self.state = state
                self._turn.notify_all()

    @denormals_flushed()
    def _work(self) -> None:
        try:
            if self._after:
                self._after.join()
                self._after = None
            trainer = self._ready()
            tokens = trainer.tokens_seen
            self._pace.rested()
            for event in trainer:
                self._record(trainer, event)
                if isinstance(event, StepEvent):
                    self._pace.stepped(event.seconds, event.tokens_seen - tokens)
                    tokens = event.tokens_seen
                self._publish(event)
                if self._pace.at_work > MAX_SECONDS or self._forsaken():
                    trainer.stop()
                if _ends_a_step(event):
                    time.sleep(0)  # small steps hold the interpreter; let the page's requests in
                    self._wait()
        except Exception as error:
            log.exception("Run %s failed", self.run.id)
            trouble = out_of_memory(error) or disk_trouble(error)
            self.failure = trouble or f"The training stopped: {error}"
            self.state = "failed"
        finally:
            with self._turn:
                self._trainer = None  # the weights are on the disk

    def _ready(self) -> Trainer:
        trainer = self._build()
        with self._turn:
            self._trainer = trainer
            self._step, self._max_steps = trainer.step, trainer.config.max_steps
            if self._stopped:
                trainer.stop()
            if earlier := self.run.metrics():  # a run that goes on
                self.summary.extend(earlier)
                self._count += 1  # so a page that asked before this has fallen behind
        return trainer

    def _record(self, trainer: Trainer, event: Event) -> None:
        """Write an event down. While the disk is full the run is paused; it tries again when it is resumed."""
        while True:
            try:
                self.run.record(trainer, event)
            except OSError as error:
                if not is_full(error) or self._stopped:
                    raise
                self.failure = DISK_FULL
                self.pause()
                self._wait()
            else:
                self.failure = ""
                return

    def _wait(self) -> None:
        """Return when another step may be made."""
        with self._turn:
            if self.state == "paused" and not self._permits:
                while self.state == "paused" and not self._permits:
                    self._turn.wait(min(MAX_UNSEEN_PAUSE, MAX_AWAY) / 10)
                    if self._forsaken() or time.monotonic() - self._seen > MAX_UNSEEN_PAUSE:
                        self.stop()
                self._pace.rested()
            self._permits = max(0, self._permits - 1)

    def _forsaken(self) -> bool:
        """Whether the page that was to take the run along is gone, and no other asks."""
        left = self._left
        if left is None or time.monotonic() - left < MAX_AWAY:
            return False
        return self._seen < left + ON_THEIR_WAY

    def _publish(self, event: Event) -> None:
        entry = {"event": EVENT_NAMES[type(event)], **dataclasses.asdict(event)}
        with self._turn:
            self._events.append(self.summary.add(entry))
            self._count += 1
            self._step = event.step
            if isinstance(event, DoneEvent):
                self.state = event.reason


def _ends_a_step(event: Event) -> bool:
    """Whether the next event is another step's: a step reports for itself, or a snapshot ends its report."""
    return isinstance(event, SnapshotEvent) or (isinstance(event, StepEvent) and not event.reports)
