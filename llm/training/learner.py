"""What learns: a model with its optimiser, and one update of it.

Shapes: B batch, T time (n_ctx tokens).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from llm.config import TrainConfig
from llm.data import answer_ends, get_batch
from llm.model import GPT
from llm.training.distributed import Worker, placed_like, sharded, whole
from llm.training.hardware import Loss, autocast, compiled, denormals_flushed
from llm.training.layer_stats import LayerProbe
from llm.training.optim import make_optimizer, set_learning_rates, state_shapes


class Update(NamedTuple):
    """What was seen in one update, as StepEvent tells it."""

    loss: float
    learning_rate: float
    grad_norm: float
    clipped_norm: float


class Learner:
    """Trains `model` in place or, sharded, a copy of it that `bring_up_to_date` copies back.

    `tokens` (1-D) is the text to learn from. Raises ValueError when the worker can't train so.
    """

    def __init__(self, model: GPT, tokens: Tensor, config: TrainConfig, worker: Worker) -> None:
        if worker.shard and config.optimizer == "muon":
            raise ValueError("Muon needs whole matrices, which a sharded model has not; use --optimizer adamw.")
        if worker.shard and config.layer_stats:
            raise ValueError("A sharded model's layers can't be measured; leave out --shard or --layer-stats.")
        self._model = model
        self._worker = worker
        self.model = sharded(model) if worker.shard else model
        """What is trained."""
        self.tokens = on_device(tokens, self.model.device)
        self.starts = answer_ends(self.tokens, model.config.n_ctx) if config.loss_on == "answers" else None
        """Where windows may begin, if not anywhere."""
        self.optimizer = make_optimizer(self.model, config)
        self.probe = LayerProbe(self.model) if config.layer_stats else None
        """Measures those updates that are asked for with `measure`."""
        self._compiled: Loss | None = None
        if worker.compile:
            self.model.train()
            self.model.set_dropout_seed(config.seed)
            self._compiled = compiled(self.model.loss, *self._batch(0, config), worker.dtype)

    @denormals_flushed()
    def update(self, step: int, config: TrainConfig, *, measure: bool = False) -> Update:
        """Make the update after `step` updates.

        Raises FloatingPointError, and leaves the weights as they were, when loss or gradient aren't finite.
        """
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        if self.probe:
            self.probe.norms = []
        loss = torch.zeros((), device=self.model.device)
        for micro_step in range(config.grad_accum_steps):
            x_BT, y_BT = self._batch(step * config.grad_accum_steps + micro_step, config)
            self.model.set_dropout_seed(config.seed, step, micro_step, self._worker.rank)
            with autocast(self.model.device, self._worker.dtype):
                part = (self._compiled or self.model.loss)(x_BT, y_BT) / config.grad_accum_steps
            part.backward()
            loss += part.detach()
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        # Sharded gradients were averaged on the way back through the blocks.
        self._worker.average([loss] if self._worker.shard else [loss, *gradients])
        norm = torch.nn.utils.get_total_norm(gradients)
        loss_value, norm_value = torch.stack((loss, whole(norm))).tolist()  # the one moment when a GPU is waited for
        rate = set_learning_rates(self.optimizer, step, config)
        if not (math.isfinite(loss_value) and math.isfinite(norm_value)):
            raise FloatingPointError(
                f"In step {step + 1:,}, at a learning rate of {rate:.3g}, {self._culprit(loss_value)}."
            )
        if measure and self.probe:
            self.probe.before_update()
        if config.grad_clip > 0:
            torch.nn.utils.clip_grads_with_norm_(self.model.parameters(), config.grad_clip, norm)
        self.optimizer.step()
        if measure and self.probe:
            self.probe.after_update()
        return Update(loss_value, rate, norm_value, min(norm_value, config.grad_clip or math.inf))

    def bring_up_to_date(self) -> None:
        """Give the plain model the weights of the sharded one."""
        if self.model is not self._model:
            self._model.load_state_dict({name: whole(part) for name, part in self.model.state_dict().items()})

    def memory(self) -> dict[str, Tensor]:
        """Copies of what the optimiser remembers of each parameter, by name."""
        return {
            f"{name}.{key}": whole(value.detach()).cpu().clone()
            for name, parameter in self.model.named_parameters()
            for key, value in self.optimizer.state.get(parameter, {}).items()
        }

    def remembers(self, tensors: dict[str, Tensor], step: int) -> bool:
        """Whether `tensors` are what `memory` gives, in name and shape, after `step` updates of such a model."""
        shapes = state_shapes(self.optimizer) if step > 0 else {}  # before the first, nothing is remembered
        expected = {
            f"{name}.{key}": shape
            for name, parameter in self.model.named_parameters()
            for key, shape in shapes.get(parameter, {}).items()
        }
        return expected == {name: tuple(tensor.shape) for name, tensor in tensors.items()}

    def remember(self, tensors: dict[str, Tensor]) -> None:
        """Go on with what `memory` gave."""
        parameters = dict(self.model.named_parameters())
        self.optimizer.state.clear()
        for name, tensor in tensors.items():
            name, key = name.rsplit(".", 1)
            # A copy, so that training on leaves the caller's tensors as they are.
            self.optimizer.state[parameters[name]][key] = placed_like(tensor, parameters[name])

    def _batch(self, step: int, config: TrainConfig) -> tuple[Tensor, Tensor]:
        """This process's rows of a batch."""
        return get_batch(
            self.tokens,
            batch_size=config.batch_size,
            n_ctx=self.model.config.n_ctx,
            seed=config.seed,
            step=step,
            rank=self._worker.rank,
            world_size=self._worker.world_size,
            starts=self.starts,
        )

    def _culprit(self, loss: float) -> str:
        """What of the last batch was not finite, and how."""
        if not math.isfinite(loss):
            return f"the loss was {amount(loss)}"
        norms = {n: whole(p.grad).norm().item() for n, p in self.model.named_parameters() if p.grad is not None}
        # Gradients flow from the end to the beginning, so it came from the last one that isn't finite.
        last = [name for name, norm in norms.items() if not math.isfinite(norm)][-1]
        return f"the gradient of {last} was {amount(norms[last])}"


def amount(value: float) -> str:
    """A number that isn't finite, in words."""
    return "infinite" if math.isinf(value) else "not a number"


def on_device(tokens: Tensor, device: torch.device) -> Tensor:
    """The whole text where the model is, so that no batch has to be sent there; on a CPU as it is, mapped or not."""
    return tokens if device.type == "cpu" else tokens.to(device, torch.int32)
