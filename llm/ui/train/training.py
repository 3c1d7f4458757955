"""A run in training: one worker thread, buttons that only set events, and a digest that the page reads.

The thread alone touches the model. Whoever wants to look at it loads one of its snapshots.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

from llm.files import disk_trouble, is_full
from llm.runs.run import Run
from llm.runs.summary import RunSummary
from llm.training.events import EVENT_NAMES, DoneEvent, Event, Reason, StepEvent, ends_a_step
from llm.training.hardware import denormals_flushed, out_of_memory
from llm.training.trainer import Trainer
from llm.ui.right_of_way import Patience
from llm.ui.slots import Slots
from llm.ui.train.pace import Pace

State = Literal["waiting", "running", "paused", "failed", "left", "interrupted"] | Reason
"""Those of a run that goes on or ended, and "left": it left the queue before it began, and is gone."""

BUFFER_EVENTS = 5_000
"""Events kept for pages that follow the run; one that fell behind reads the digest again."""

UNWATCHED = 150.0
"""Seconds without a question after which a page counts as gone; hidden ones ask once in a minute."""
MAX_UNSEEN_PAUSE = 900.0
"""Seconds after which a run that no page asks about stops when it is paused, or waits for its turn."""
MAX_AWAY = 20.0
"""Seconds that a page may be gone which was to take its run along: a reload is no farewell."""
ON_THEIR_WAY = 1.0
"""Seconds after a farewell in which questions may still arrive that were asked before it."""
GLANCE = 0.25
"""Seconds after which a run that waits looks whether it shall go on waiting."""

DISK_FULL = "The disk is full, so this run waits. Delete runs that you don't need, then resume it."

log = logging.getLogger(__name__)


class Training:
    """Trains a run on its own thread until it ends, is stopped, or fails; while others wait, by turns.

    `build` makes the trainer, of a new run or from where it was set aside; it runs on the thread too, so
    that Start answers at once. The thread waits for `after` to end first. `seconds` is how long the run
    will take, if that was measured. It has to be admitted to the `slots` before `start`.
    """

    def __init__(
        self,
        run: Run,
        build: Callable[[], Trainer],
        slots: Slots,
        *,
        after: Training | None = None,
        seconds: float | None = None,
        changes: Mapping[str, float] | None = None,
    ) -> None:
        self.run = run
        self.summary = RunSummary(run.tokenizer)
        self.state: State = "waiting"
        self.failure = ""
        """What went wrong when `state` is "failed"."""
        self.remark = ""
        """Why it stopped, if nobody asked it to."""
        self._build = build
        self._slots = slots
        self._after = after
        self._foreseen = seconds
        self._trainer: Trainer | None = None
        self._in_turn: State = "running"  # its state when it gets a slot
        self._stopped = False  # someone asked, whether there was a trainer to tell or not
        self._changes = dict(changes or {})  # all that were asked for on the fly
        self._step, self._max_steps = 0, run.train_config.max_steps
        self._events: deque[dict[str, Any]] = deque(maxlen=BUFFER_EVENTS)
        self._count = 0  # events ever published
        self._pace = Pace()
        self._patience = Patience()
        self._seen = time.monotonic()  # when a page last asked
        self._left: float | None = None  # when a page closed that was to take the run along
        self._permits = 0  # single steps still to make while paused
        self._turn = threading.Condition()
        self._thread = threading.Thread(target=self._work, name=f"run {run.id}", daemon=True)

    def start(self) -> None:
        if self._slots.has(self):
            self.state = "running"
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def join(self) -> None:
        """Wait for the end."""
        self._thread.join()

    @property
    def watched(self) -> bool:
        """Whether a page follows it."""
        return time.monotonic() - self._seen < UNWATCHED

    @property
    def parked(self) -> bool:
        """Whether it is paused, and no step is to be made."""
        return self.state == "paused" and not self._permits

    @property
    def seconds_left(self) -> float | None:
        """Until its last step if it trains without a rest; None before that can be told."""
        each = self._pace.seconds_a_step
        return self._foreseen if each is None else each * (self._max_steps - self._step)

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
        """End at once, saving everything; one that still waits for its first turn leaves the queue, and is gone."""
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
            if not self.alive:
                raise ValueError("Only a run in training can be changed; start it first.")
            if self._trainer:
                self._trainer.change(**settings)
            else:
                self.run.train_config.replace(**settings)  # refuses what can't be
            self._changes |= settings

    def digest(self) -> dict[str, Any]:
        """All that has happened so far, which event comes next, and how things stand."""
        with self._turn:
            self._seen = time.monotonic()
            standing = {"events": [], "next": self._count, "behind": False, **self._standing()}
            return {**self.summary.state(), "next": self._count, "standing": standing}

    def reached(self) -> dict[str, Any]:
        """What the table of runs shows, as `RunSummary.reached`."""
        with self._turn:
            return self.summary.reached()

    def curves(self) -> dict[str, list[tuple[float, float]]]:
        """As `RunSummary.curves`."""
        with self._turn:
            return self.summary.curves()

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
        pace, place = self._pace, self._slots.place(self)
        return {
            "run": self.run.id,
            "state": self.state,
            "ready": self._trainer is not None or not self.alive,
            "stopping": self._stopped and self.alive,
            "place": place and place[0],
            "wait": place and place[1],
            "failure": self.failure,
            "remark": self.remark,
            "step": self._step,
            "max_steps": self._max_steps,
            "tokens_per_second": pace.tokens_per_second,
            "seconds_left": pace.seconds_a_step and self.seconds_left,
            "outside": pace.outside,
            "joules": pace.joules or None,
            "joules_of": pace.meter.what,
        }

    def _set(self, state: State) -> None:
        with self._turn:
            if self.state in ("running", "paused"):
                self.state = state
                self._turn.notify_all()

    # ---- the thread -------------------------------------------------------------------------------

    @denormals_flushed()
    def _work(self) -> None:
        try:
            if self._after:
                self._after.join()
                self._after = None
            while self._has_turn() and not self._train():
                self._rest()
        except Exception as error:
            log.exception("Run %s failed", self.run.id)
            trouble = out_of_memory(error) or disk_trouble(error)
            self.failure = trouble or f"The training stopped: {error}"
            self.state = "failed"
        finally:
            with self._turn:
                self._trainer = None  # the weights are on the disk
            self._slots.leave(self)

    def _has_turn(self) -> bool:
        """Wait for a slot. False when the run ends without one."""
        begun = self.run.resumable
        while not self._stopped and not self._slots.has(self, wait=GLANCE):
            if self._forsaken() or self._unseen_for(MAX_UNSEEN_PAUSE if begun else UNWATCHED):
                self._stopped = True
        with self._turn:
            if not self._stopped:
                self.state = self._in_turn if self.state == "waiting" else self.state
            elif begun:
                self.state = "interrupted" if self.run.state == "running" else cast(Reason, self.run.state)
            else:
                self.state = "left"
        if self.state == "left":
            self.run.delete()
        return not self._stopped

    def _train(self) -> bool:
        """Train until the end, or until another run is to have the slot: then it is set aside. True at the end."""
        trainer = self._ready()
        tokens = trainer.tokens_seen
        self._pace.rested()
        for event in trainer:
            self._record(trainer, event)
            if isinstance(event, StepEvent):
                self._pace.stepped(event.seconds, event.tokens_seen - tokens)
                tokens = event.tokens_seen
            self._publish(event)
            self._keep_within_limits(trainer)
            if ends_a_step(event):
                time.sleep(0)  # small steps hold the interpreter; let the page's requests in
                self._patience()
                if not self._keeps_slot(trainer):
                    self.run.set_aside(trainer)
                    return False
        return True

    def _keep_within_limits(self, trainer: Trainer) -> None:
        limits, minutes = self._slots.limits, self._pace.at_work / 60
        if self._forsaken():
            trainer.stop()
        elif minutes > limits.run_minutes and not trainer.stopping:
            self.remark = f"A run may train for {limits.run_minutes:g} minutes here; this one is saved. Continue it."
            trainer.stop()
        elif trainer.tokens_seen >= limits.run_tokens and not trainer.stopping:
            self.remark = f"A run may read {limits.run_tokens:,} tokens here; this one is saved."
            trainer.stop()

    def _rest(self) -> None:
        """Give up the slot, and queue for another one unless the run is paused."""
        with self._turn:
            self._trainer = None
        self._slots.leave(self)
        with self._turn:
            self._wait_while(lambda: self.parked)
            self._in_turn = "paused" if self._permits else "running"
            self._permits = max(0, self._permits - 1)
            self.state = "waiting"
        self._slots.rejoin(self)

    def _ready(self) -> Trainer:
        trainer = self._build()
        trainer.between = self._patience
        with self._turn:
            self._trainer = trainer
            self._step, self._max_steps = trainer.step, trainer.config.max_steps
            trainer.change(**self._changes)
            if self._stopped:
                trainer.stop()
            if not self._count and (earlier := self.run.metrics()):  # a run that goes on
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
                with self._turn:
                    self._wait_while(lambda: self.parked)
            else:
                self.failure = ""
                return

    def _keeps_slot(self, trainer: Trainer) -> bool:
        """Return when another step may be made, or, with False, when another run is to have the slot."""
        with self._turn:
            if self.parked:
                self._wait_while(lambda: self.parked and not self._slots.wanted(self))
                self._pace.rested()
            if self._slots.wanted(self) and not trainer.stopping and trainer.step < trainer.config.max_steps:
                return False
            self._permits = max(0, self._permits - 1)
            return True

    def _wait_while(self, resting: Callable[[], bool]) -> None:
        """Held by `_turn`. A run whose page is gone stops."""
        while resting():
            self._turn.wait(min(MAX_UNSEEN_PAUSE, MAX_AWAY, 10 * GLANCE) / 10)
            if self._forsaken() or self._unseen_for(MAX_UNSEEN_PAUSE):
                self.stop()

    def _unseen_for(self, seconds: float) -> bool:
        return time.monotonic() - self._seen > seconds

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
