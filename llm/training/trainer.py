"""Training as an iterator of events.

    for event in Trainer(model, train_tokens, validation_tokens, config, prompt_ids=[0]):
        ...

Iterating is training: whoever doesn't ask for the next event has paused it. The trainer prints,
draws and saves nothing; it says what happened (`llm.training.events`) and the consumer decides. Everything
random follows from `config.seed` and the step's number, so a run that is restored from `state()`
goes on exactly as if it had never stopped.

Shapes: B batch, T time (n_ctx tokens).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from typing import Any, Literal

import torch
from torch import Tensor

from llm.config import TrainConfig
from llm.data import check_lengths
from llm.evaluate import surprisal
from llm.model import GPT
from llm.training.distributed import ALONE, Worker
from llm.training.events import (
    ChangeEvent,
    DoneEvent,
    EvalEvent,
    Event,
    ExamEvent,
    LayerEvent,
    PassageEvent,
    Question,
    Reason,
    SampleEvent,
    SnapshotEvent,
    StepEvent,
)
from llm.training.examination import answers, check_readable, count_correct, mean_loss, sample
from llm.training.interruption import Interrupted, interruptible
from llm.training.learner import Learner, amount, on_device
from llm.training.stopping import Progress

CHANGEABLE = ("learning_rate", "matrix_learning_rate", "batch_size", "eval_interval")
"""The settings that `Trainer.change` may change while a model is trained."""


class Trainer(Iterator[Event]):
    """Trains `model` in place on `train_tokens` and yields what happens.

    After the untrained model's evaluation, sample and snapshot come `config.max_steps` steps; every
    `eval_interval` of them, and after the last, the three again. Snapshots also come at 1, 2, 4,
    8, ... before the first interval ends, when most changes. Both token tensors are 1-D; samples
    begin with `prompt_ids`. Evaluations also ask the `questions` and read the passage, if given.

    `worker` says how this machine computes, and this process's place when there are several (see
    `llm.training.distributed`): each is given the same arguments, and all yield the same events.

    Raises ValueError when a split is shorter than the model's context, a question or the passage
    can't be read, or the worker can't train so.
    """

    def __init__(
        self,
        model: GPT,
        train_tokens: Tensor,
        validation_tokens: Tensor,
        config: TrainConfig,
        *,
        prompt_ids: Sequence[int],
        worker: Worker = ALONE,
        questions: Sequence[Question] = (),
        passage_ids: Sequence[int] = (),
    ) -> None:
        check_lengths(model.config.n_ctx, train_tokens, validation_tokens)
        check_readable(questions, passage_ids, model.config)
        self.model = model
        """Plain, never compiled or sharded: to save and to look at."""
        self.worker = worker
        self.learner = Learner(model, train_tokens, config, worker)
        self.config = config
        self.step = 0
        """Optimiser steps made so far."""
        self.tokens_seen = 0
        self.changes = 0
        """How often settings were changed on the fly; `config` holds their present values."""
        self.between: Callable[[], None] = lambda: None
        """Called at every layer of a pass, unless several processes train: there is time for something else."""
        self.prompt_ids = tuple(prompt_ids)
        self.questions = tuple(questions)
        self.passage_ids = tuple(passage_ids)
        self.train_tokens = self.learner.tokens
        self.validation_tokens = on_device(validation_tokens, model.device)
        self._progress = Progress()
        self._snapshot_step = -1  # the newest step whose snapshot was announced
        self._stop = threading.Event()
        self._wanted: dict[str, float] = {}  # changes that the next step will begin with
        self._changed: dict[str, float] = {}  # all changes so far, the newest of each setting
        self._lock = threading.Lock()  # of `_wanted`
        self._gathered = self._collected()  # a sharded training's state at the newest snapshot
        self._events = self._run()

    def __next__(self) -> Event:
        return next(self._events)

    def stop(self) -> None:
        """Let the iterator end with a snapshot: at the next layer or, of several processes, before the next step.

        A step that was under way counts as not made, and an evaluation comes again when the training
        goes on. May be called from any thread.
        """
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether somebody asked to stop."""
        return self._stop.is_set()

    @property
    def reported(self) -> bool:
        """Whether all that is due after the present step has been told."""
        return self._snapshot_step == self.step or self._due(self.step) is None

    def change(self, **settings: float) -> None:
        """Use other settings from the next step on; a ChangeEvent says so. May be called from any thread.

        Raises ValueError for a value that isn't allowed and for a setting that is not in `CHANGEABLE`.
        """
        fixed = [name for name in settings if name not in CHANGEABLE]
        if fixed:
            raise ValueError(f"{', '.join(fixed)} can't change while training; begin a new run with it.")
        with self._lock:
            wanted = self._wanted | settings
            rows, processes = self.config.replace(**wanted).batch_size, self.worker.world_size
            if rows % processes:
                raise ValueError(f"{processes} processes can't share a batch of {rows}; use a multiple of {processes}.")
            self._wanted = wanted

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Copies of what must be saved beside the weights to go on later: tensors by name, and a JSON-able rest.

        Of a sharded training, as the weights too, it is that of the newest snapshot.
        """
        return self._gathered if self.worker.shard else self._collected()

    def restore(self, tensors: dict[str, Tensor], info: dict[str, Any]) -> None:
        """Go on from what `state` returned; the model must have been given with the weights of that moment.

        Raises ValueError when the state isn't that of such a model.
        """
        numbers: list[Any] = [info.get(key) for key in ("step", "tokens_seen", "snapshot_step")]
        changes, changed = info.get("changes", 0), info.get("changed", {})
        try:
            sound = self.learner.remembers(tensors, numbers[0]) and set(changed) <= set(CHANGEABLE)
            sound = sound and all(type(n) is int and n >= -1 for n in (*numbers, changes)) and numbers[0] >= 0
            config, progress = self.config.replace(**changed), Progress(**info.get("progress", {}))
            norms = [(float(gradient), float(update)) for gradient, update in info.get("norms", [])]
        except (TypeError, ValueError):
            sound = False
        if not sound:
            raise ValueError("This training state belongs to another model or is damaged; start the training again.")
        self.learner.remember(tensors)
        self.config, self._progress = config, progress
        self.step, self.tokens_seen, self._snapshot_step = numbers
        self.changes, self._changed, self._wanted = changes, dict(changed), {}
        if self.learner.probe:
            self.learner.probe.norms = norms
        self._gathered = tensors, info
        self._stop.clear()
        self._events = self._run()

    def _collected(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        return self.learner.memory(), self._info()

    def _info(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "tokens_seen": self.tokens_seen,
            "snapshot_step": self._snapshot_step,
            "changes": self.changes,
            "changed": dict(self._changed),
            "progress": asdict(self._progress),
            "norms": self.learner.probe.norms if self.learner.probe else [],
        }

    def _run(self) -> Iterator[Event]:
        try:
            reason = yield from self._until_the_end()
            yield DoneEvent(self.step, reason)
        except FloatingPointError as error:
            yield DoneEvent(self.step, "diverged", str(error))
        except Interrupted:
            if self._snapshot_step != self.step:
                yield SnapshotEvent(self.step, evaluated=False)  # not the one that is due after an evaluation
            yield DoneEvent(self.step, "stopped")

    def _until_the_end(self) -> Generator[Event, None, Reason]:
        tokens = (self.train_tokens, self.validation_tokens)
        self.worker.check_alike([torch.tensor(self.step), *tokens, *self.model.parameters()], self.learner.model.device)
        yield from self._reports()
        while True:
            stopped, late, changes = self._asked()
            if changes:
                yield self._change(changes)
            reason = self._progress.reason(self.step, self.config, stopped=stopped, late=late)
            if reason == "stopped" and self._snapshot_step != self.step:
                yield self._snapshot(evaluated=False)
            elif reason == "time":
                yield from self._reports(last=True)
            if reason is not None:
                return reason
            yield self._make_step()
            yield from self._reports()

    def _asked(self) -> tuple[bool, bool, dict[str, float]]:
        """Whether to stop, whether time is up, and settings to change: for any process, so that all do it together."""
        with self._lock:
            wanted, self._wanted = self._wanted, {}
        flags = (self._stop.is_set(), self._progress.late(self.config))
        # Every setting is above 0, which therefore stands for one that stays.
        values = [float(value) for value in (*flags, *(wanted.get(name, 0) for name in CHANGEABLE))]
        stopped, late, *settings = self.worker.largest(values, self.learner.model.device)
        changes = {}
        for name, value in zip(CHANGEABLE, settings, strict=True):
            if value and value != getattr(self.config, name):
                changes[name] = type(getattr(TrainConfig, name))(value)  # its default's: a whole number stays one
        return bool(stopped), bool(late), changes

    def _change(self, changes: dict[str, float]) -> ChangeEvent:
        self.config = self.config.replace(**changes)
        self._changed |= changes
        self.changes += 1
        if self._snapshot_step == self.step:  # then the state gathered there is the present one, but for this
            self._gathered = self._gathered[0], self._info()
        return ChangeEvent(self.step, changes)

    def _reports(self, last: bool = False) -> Iterator[Event]:
        """What is due after this step, unless it was all given before the state was saved here."""
        if self._snapshot_step == self.step:
            return
        due = "evaluation" if last else self._due(self.step)
        if due == "evaluation":
            yield from self._evaluation()
        if due:
            yield self._snapshot(evaluated=due == "evaluation")

    def _due(self, step: int) -> Literal["evaluation", "snapshot"] | None:
        """What is reported after a step; a snapshot comes with every evaluation too."""
        if step % self.config.eval_interval == 0 or step >= self.config.max_steps:
            return "evaluation"
        early = step < self.config.eval_interval and step & (step - 1) == 0  # a power of two
        return "snapshot" if early else None

    def _evaluation(self) -> Iterator[Event]:
        model, step = self.learner.model, self.step
        splits = (self.train_tokens, self.validation_tokens)
        with self._breakable():
            losses = [mean_loss(model, tokens, self.config, self.worker) for tokens in splits]
        for name, loss in zip(("training", "validation"), losses, strict=True):
            if not math.isfinite(loss):
                raise FloatingPointError(f"After step {step:,} the {name} loss was {amount(loss)}.")
        yield EvalEvent(step, *losses)
        if self.questions:
            with self._breakable():
                given = answers(model, self.questions)
            yield ExamEvent(step, count_correct(self.questions, given), len(given), given)
        if self.passage_ids:
            with self._breakable():
                nats = surprisal(model, self.passage_ids)
            yield PassageEvent(step, tuple(value for value in nats if value is not None))
        if self.learner.probe and (layers := self.learner.probe.measured(self.validation_tokens)):
            yield LayerEvent(step, layers)
        if self.config.sample_tokens > 0:
            ids = sample(model, self.prompt_ids, self.config, between=self._check)
            yield SampleEvent(step, ids, len(self.prompt_ids))
        self._progress.after_evaluation(losses[1])

    def _breakable(self) -> AbstractContextManager[None]:
        """Inside the block a pass through the model ends with Interrupted when somebody asks to stop."""
        alone = self.worker.world_size == 1 and not self.worker.compile
        return interruptible(self.model, self._check) if alone else nullcontext()

    def _check(self) -> None:
        if self.worker.world_size == 1 and self._stop.is_set():
            raise Interrupted
        self.between()

    def _make_step(self) -> StepEvent:
        started = time.perf_counter()
        due = self._due(self.step + 1)
        with self._breakable():
            update = self.learner.update(self.step, self.config, measure=due == "evaluation")
        self.step += 1
        self.tokens_seen += self.config.batch_size * self.config.grad_accum_steps * self.model.config.n_ctx
        seconds = time.perf_counter() - started
        self._progress.seconds += seconds
        return StepEvent(self.step, *update, self.tokens_seen, seconds, reports=due is not None)

    def _snapshot(self, *, evaluated: bool) -> SnapshotEvent:
        self._snapshot_step = self.step
        if self.worker.shard:
            self.learner.bring_up_to_date()
            self._gathered = self._collected()
        return SnapshotEvent(self.step, evaluated)
