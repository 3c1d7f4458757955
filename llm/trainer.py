"""Training as an iterator of events.

    for event in Trainer(model, train_tokens, validation_tokens, config, prompt_ids=[0]):
        ...

Iterating is training: whoever doesn't ask for the next event has paused it. The trainer prints,
draws and saves nothing; it says what happened and the consumer decides. Everything random follows
from `config.seed` and the step's number, so a run that is restored from `state()` goes on exactly
as if it had never stopped.

Shapes: B batch, T time (n_ctx tokens), N windows.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from llm.config import SamplingConfig, TrainConfig
from llm.data import check_lengths, eval_windows, get_batch
from llm.distributed import ALONE, Worker, placed_like, sharded, whole
from llm.hardware import Loss, autocast, compiled
from llm.model import GPT
from llm.optim import learning_rate, make_optimizer, state_shapes
from llm.sampler import generate, reading

SAMPLE_TEMPERATURE = 0.8
"""A little below 1: a model that has only begun to learn spells better than pure chance shows."""


@dataclass(frozen=True)
class StepEvent:
    """One optimiser step was made; it is the `step`-th."""

    step: int
    loss: float
    """Mean cross-entropy of the step's batch in nats, before the update."""
    learning_rate: float
    grad_norm: float
    """Norm of the whole gradient, before clipping."""
    tokens_seen: int
    seconds: float
    """Time this step took."""


@dataclass(frozen=True)
class EvalEvent:
    """The losses over the fixed windows of both splits, in nats, after `step` steps."""

    step: int
    train_loss: float
    validation_loss: float


@dataclass(frozen=True)
class SampleEvent:
    """What the model writes after `step` steps; the same prompt and the same luck every time."""

    step: int
    ids: tuple[int, ...]
    """The prompt, then its continuation."""
    prompt_length: int


@dataclass(frozen=True)
class SnapshotEvent:
    """A moment worth keeping: until the next event is asked for, `trainer.model` has its weights."""

    step: int


@dataclass(frozen=True)
class DoneEvent:
    """The last event. "diverged": a loss or gradient was not finite, and the update was not made."""

    step: int
    reason: Literal["finished", "stopped", "diverged"]


Event = StepEvent | EvalEvent | SampleEvent | SnapshotEvent | DoneEvent


class Trainer(Iterator[Event]):
    """Trains `model` in place on `train_tokens` and yields what happens.

    After the untrained model's evaluation, sample and snapshot come `config.max_steps` steps; every
    `eval_interval` of them, and after the last, the three again. Snapshots also come at 1, 2, 4,
    8, ... before the first interval ends, when most changes. Both token tensors are 1-D; samples
    begin with `prompt_ids`.

    `worker` says how this machine computes, and this process's place when there are several (see
    `llm.distributed`): each is given the same arguments, and all yield the same events.

    Raises ValueError when a split is shorter than the model's context, or the worker can't train so.
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
    ) -> None:
        check_lengths(model.config.n_ctx, train_tokens, validation_tokens)
        if worker.shard and config.optimizer == "muon":
            raise ValueError("Muon needs whole matrices, which a sharded model has not; use --optimizer adamw.")
        self.model = model
        """Plain, never compiled or sharded: to save and to look at."""
        self.worker = worker
        # What is trained: the model itself or, sharded, a copy of it; `_snapshot` then brings the model up to date.
        self._learner = sharded(model) if worker.shard else model
        self.config = config
        self.step = 0
        """Optimiser steps made so far."""
        self.tokens_seen = 0
        self.prompt_ids = tuple(prompt_ids)
        self.train_tokens = _on_device(train_tokens, self._learner.device)
        self.validation_tokens = _on_device(validation_tokens, self._learner.device)
        self.optimizer = make_optimizer(self._learner, config)
        self._compiled: Loss | None = None
        if worker.compile:
            self._learner.train()
            self._learner.set_dropout_seed(config.seed)
            self._compiled = compiled(self._learner.loss, *self._batch(0), worker.dtype)
        self._snapshot_step = -1  # the newest step whose snapshot was announced
        self._stop = threading.Event()
        self._gathered = self._collected()  # a sharded training's state at the newest snapshot
        self._events = self._run()

    def __next__(self) -> Event:
        return next(self._events)

    def step_once(self) -> list[Event]:
        """Go on up to and including the next StepEvent, or to the end: the events in between."""
        events: list[Event] = []
        for event in self:
            events.append(event)
            if isinstance(event, StepEvent):
                break
        return events

    def stop(self) -> None:
        """Let the iterator end before the next step, with a snapshot. May be called from any thread."""
        self._stop.set()

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Copies of what must be saved beside the weights to go on later: tensors by name, and a JSON-able rest.

        Of a sharded training, as the weights too, it is that of the newest snapshot.
        """
        return self._gathered if self.worker.shard else self._collected()

    def restore(self, tensors: dict[str, Tensor], info: dict[str, Any]) -> None:
        """Go on from what `state` returned; the model must have been given with the weights of that moment.

        Raises ValueError when the state isn't that of such a model.
        """
        numbers = [info.get(key) for key in ("step", "tokens_seen", "snapshot_step")]
        parameters = dict(self._learner.named_parameters())
        expected: dict[str, tuple[int, ...]] = {}
        if info.get("step") != 0:  # before the first step an optimiser remembers nothing
            remembered = state_shapes(self.optimizer)
            expected = {f"{n}.{key}": shape for n, p in parameters.items() for key, shape in remembered[p].items()}
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        if shapes != expected or not all(type(n) is int and n >= -1 for n in numbers) or info["step"] < 0:
            raise ValueError("This training state belongs to another model or is damaged; start the training again.")
        self.optimizer.state.clear()
        for name, tensor in tensors.items():
            name, key = name.rsplit(".", 1)
            # A copy, so that training on leaves the caller's state as it is.
            self.optimizer.state[parameters[name]][key] = placed_like(tensor, parameters[name])
        self.step, self.tokens_seen, self._snapshot_step = info["step"], info["tokens_seen"], info["snapshot_step"]
        self._gathered = tensors, info
        self._stop.clear()
        self._events = self._run()

    def _collected(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors = {
            f"{name}.{key}": whole(value.detach()).cpu().clone()
            for name, parameter in self._learner.named_parameters()
            for key, value in self.optimizer.state.get(parameter, {}).items()
        }
        info = {"step": self.step, "tokens_seen": self.tokens_seen, "snapshot_step": self._snapshot_step}
        return tensors, info

    def _run(self) -> Iterator[Event]:
        tokens = (self.train_tokens, self.validation_tokens)
        self.worker.check_alike([torch.tensor(self.step), *tokens, *self.model.parameters()], self._learner.device)
        yield from self._reports()
        while self.step < self.config.max_steps:
            # All processes end at the same step, or the others would wait forever.
            if self.worker.any(self._stop.is_set(), self._learner.device):
                if self._snapshot_step != self.step:
                    yield self._snapshot()
                yield DoneEvent(self.step, "stopped")
                return
            made = self._make_step()
            if made is None:
                yield DoneEvent(self.step, "diverged")
                return
            yield made
            yield from self._reports()
        yield DoneEvent(self.step, "finished")

    def _reports(self) -> Iterator[Event]:
        """What is due after this step, unless it was all given before the state was saved here."""
        if self._snapshot_step == self.step:
            return
        interval = self.config.eval_interval
        if self.step % interval == 0 or self.step >= self.config.max_steps:
            yield EvalEvent(self.step, self._mean_loss(self.train_tokens), self._mean_loss(self.validation_tokens))
            if self.config.sample_tokens > 0:
                yield self._sample()
            yield self._snapshot()
        elif self.step < interval and self.step & (self.step - 1) == 0:  # a power of two
            yield self._snapshot()

    def _make_step(self) -> StepEvent | None:
        """One update, or None, with the weights as they were, when loss or gradient are not finite."""
        started = time.perf_counter()
        config, model = self.config, self._learner
        model.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss = torch.zeros((), device=model.device)
        for micro_step in range(config.grad_accum_steps):
            x_BT, y_BT = self._batch(self.step * config.grad_accum_steps + micro_step)
            model.set_dropout_seed(config.seed, self.step, micro_step, self.worker.rank)
            with autocast(model.device, self.worker.dtype):
                part = (self._compiled or model.loss)(x_BT, y_BT) / config.grad_accum_steps
            part.backward()
            loss += part.detach()
        # Sharded gradients were averaged on the way back through the blocks.
        gradients = [] if self.worker.shard else [p.grad for p in model.parameters() if p.grad is not None]
        self.worker.average([loss, *gradients])
        norm = whole(torch.nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip or math.inf))
        loss_value, norm_value = torch.stack((loss, norm)).tolist()  # the one moment when a GPU is waited for
        if not (math.isfinite(loss_value) and math.isfinite(norm_value)):
            return None
        rate = learning_rate(self.step, config)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["lr_scale"]
        self.optimizer.step()
        self.step += 1
        self.tokens_seen += config.batch_size * config.grad_accum_steps * model.config.n_ctx
        return StepEvent(self.step, loss_value, rate, norm_value, self.tokens_seen, time.perf_counter() - started)

    def _batch(self, step: int) -> tuple[Tensor, Tensor]:
        """This process's rows of a batch."""
        return get_batch(
            self.train_tokens,
            batch_size=self.config.batch_size,
            n_ctx=self.model.config.n_ctx,
            seed=self.config.seed,
            step=step,
            rank=self.worker.rank,
            world_size=self.worker.world_size,
        )

    def _mean_loss(self, tokens: Tensor) -> float:
        """The loss over the fixed windows of a split, in float32; each process reads its rows of every batch."""
        x_NT, y_NT = eval_windows(tokens, self.model.config.n_ctx, self.config.eval_windows)
        total = torch.zeros((), device=self._learner.device)
        mine, size = slice(self.worker.rank, None, self.worker.world_size), self.config.batch_size
        with reading(self._learner):
            for x_BT, y_BT in zip(x_NT.split(size), y_NT.split(size), strict=True):
                count = len(x_BT[mine])
                # Whoever has no row left reads one for nothing, since sharded processes make every pass together.
                rows = mine if count else slice(1)
                total += count * self._learner.loss(x_BT[rows], y_BT[rows])
        return self.worker.total(total).item() / len(x_NT)

    def _sample(self) -> SampleEvent:
        sampling = SamplingConfig(
            temperature=SAMPLE_TEMPERATURE, max_new_tokens=self.config.sample_tokens, seed=self.config.seed
        )
        drawn = (choice.id for choice in generate(self._learner, self.prompt_ids, sampling))
        return SampleEvent(self.step, (*self.prompt_ids, *drawn), len(self.prompt_ids))

    def _snapshot(self) -> SnapshotEvent:
        self._snapshot_step = self.step
        if self.worker.shard:
            self.model.load_state_dict({name: whole(part) for name, part in self._learner.state_dict().items()})
            self._gathered = self._collected()
        return SnapshotEvent(self.step)


def _on_device(tokens: Tensor, device: torch.device) -> Tensor:
    """The whole text where the model is, so that no batch has to be sent there; on a CPU as it is, mapped or not."""
    return tokens if device.type == "cpu" else tokens.to(device, torch.int32)
