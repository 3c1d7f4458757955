"""A run in training: one worker thread, buttons that only set events, and a buffer that the page reads.

The thread alone touches the model. Whoever wants to look at it loads one of its snapshots.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import threading
import time
from collections import deque
from typing import Any, Literal

from torch import Tensor

from llm.runs import EVENT_NAMES, Run
from llm.tokenizers import Tokenizer
from llm.trainer import DoneEvent, Event, SampleEvent, StepEvent, Trainer

State = Literal["running", "paused", "finished", "stopped", "diverged", "failed"]

BUFFER_EVENTS = 20_000
"""Events kept for the page. The full record is in the run's metrics.jsonl."""
RECENT_STEPS = 30
"""Steps over which speed is measured."""

log = logging.getLogger(__name__)


class Training:
    """Trains a run on its own thread until it ends, is stopped, or fails."""

    def __init__(self, run: Run, trainer: Trainer, tokenizer: Tokenizer, floor: float | None = None) -> None:
        self.run = run
        self.trainer = trainer
        self.tokenizer = tokenizer
        self.state: State = "running"
        self.failure = ""
        """What went wrong when `state` is "failed"."""
        self.baselines = baselines(trainer.train_tokens, tokenizer.vocab_size)
        if floor is not None:
            self.baselines.append({"name": "the floor: this text's own entropy", "loss": floor, "floor": True})
        self._events: deque[dict[str, Any]] = deque(maxlen=BUFFER_EVENTS)
        self._count = 0  # events ever published
        self._seconds: deque[float] = deque(maxlen=RECENT_STEPS)
        self._permits = 0  # single steps still to make while paused
        self._turn = threading.Condition()
        self._thread = threading.Thread(target=self._work, name=f"run {run.id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

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
        self.trainer.stop()
        self._set("running")  # a paused thread has to wake up to end

    def since(self, index: int) -> dict[str, Any]:
        """The events published after the first `index`, and how things stand now."""
        with self._turn:
            first = self._count - len(self._events)
            events = [self._events[i] for i in range(max(0, index - first), len(self._events))]
            seconds = sum(self._seconds) / len(self._seconds) if self._seconds else math.nan
            config = self.trainer.config
            tokens = config.batch_size * config.grad_accum_steps * self.trainer.model.config.n_ctx
            return {
                "run": self.run.id,
                "state": self.state,
                "failure": self.failure,
                "step": self.trainer.step,
                "max_steps": config.max_steps,
                "events": events,
                "next": self._count,
                "tokens_per_second": tokens / seconds if self._seconds else None,
                "seconds_left": (config.max_steps - self.trainer.step) * seconds if self._seconds else None,
            }

    def _set(self, state: State) -> None:
        with self._turn:
            if self.state in ("running", "paused"):
                self.state = state
                self._turn.notify_all()

    def _work(self) -> None:
        try:
            for event in self.trainer:
                self.run.record(self.trainer, event)
                self._publish(event)
                if isinstance(event, StepEvent):
                    self._wait()
                    time.sleep(0)  # small steps hold the interpreter; let the page's requests in
        except Exception as error:
            log.exception("Run %s failed", self.run.id)
            self.failure = f"The training stopped: {error}"
            self.state = "failed"

    def _wait(self) -> None:
        """Return when another step may be made."""
        with self._turn:
            while self.state == "paused" and not self._permits:
                self._turn.wait()
            self._permits = max(0, self._permits - 1)

    def _publish(self, event: Event) -> None:
        entry = {"event": EVENT_NAMES[type(event)], **dataclasses.asdict(event)}
        if isinstance(event, SampleEvent):
            entry["prompt"] = self.tokenizer.decode(event.ids[: event.prompt_length])
            entry["text"] = self.tokenizer.decode(event.ids)[len(entry["prompt"]) :]
            del entry["ids"]
        with self._turn:
            self._events.append(entry)
            self._count += 1
            if isinstance(event, StepEvent):
                self._seconds.append(event.seconds)
            if isinstance(event, DoneEvent):
                self.state = event.reason


def baselines(tokens: Tensor, vocab_size: int) -> list[dict[str, Any]]:
    """What knowing nothing costs, and what knowing only how frequent each token is costs, in nats a token."""
    share = tokens.long().bincount(minlength=vocab_size).double() / max(1, len(tokens))
    share = share[share > 0]
    return [
        {"name": f"ln {vocab_size:,}: all tokens alike", "loss": math.log(vocab_size), "floor": False},
        {"name": "token frequencies only", "loss": float(-(share * share.log()).sum()), "floor": False},
    ]
