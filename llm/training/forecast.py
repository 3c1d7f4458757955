"""How long a training will take on this machine, and how much memory, before it begins.

Shapes: C embedding width.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from llm.config import ModelConfig, TrainConfig
from llm.model import GPT
from llm.training.distributed import ALONE
from llm.training.examination import mean_loss, sample
from llm.training.flops import flops_per_token
from llm.training.learner import Learner

SOON = 0.35
"""Seconds that a step with all its rows, or with fewer, should take to be measured."""
ENOUGH = 0.5
"""Seconds after which no further step is made."""
STEPS = 4
"""Steps to measure at most; the first one is slower and doesn't count."""
MOST_PARAMETERS = 20_000_000
"""A larger model would take too long to build."""
SAMPLED = 4
"""Tokens written to measure a sample."""
EFFICIENCY = 0.5
"""Share of the speed of one square product that an estimate expects of the products in a model."""
BYTES_PER_PARAMETER = 52
"""What a step reads and writes of each parameter besides the products: AdamW, the gradient's norm, clipping."""


@dataclass(frozen=True)
class Forecast:
    """What a training will take, if the machine does nothing else meanwhile."""

    seconds_per_step: float
    seconds_total: float
    """All steps, evaluations and samples."""
    memory_bytes: int
    measured: bool
    """Whether a few steps were made to find out; else it is a rough estimate."""


class _Times(NamedTuple):
    """Seconds for the parts of a training."""

    row: float
    """One row of a batch, forwards and backwards."""
    update: float
    """What a step takes besides its rows."""
    evaluation: float
    sample: float


def measure(model_config: ModelConfig, train_config: TrainConfig, *, device: torch.device | str = "cpu") -> Forecast:
    """Make a few steps on random tokens, and work out what the whole training will take.

    This lasts about a second: of a large batch only some rows are tried. Of a model too large for
    that nothing is built; its time follows from the arithmetic it needs (`llm.training.flops`), the speed of
    a matrix product here, and that of memory.
    """
    device, t = torch.device(device), train_config
    times = _estimated(model_config, t, device)
    rows = min(t.batch_size, int((SOON - times.update) / times.row))
    measured = rows > 0 and model_config.n_params <= MOST_PARAMETERS
    if measured:
        times = _measured(model_config, t.replace(batch_size=rows, grad_accum_steps=1), device, times.update)
    step = times.row * t.batch_size * t.grad_accum_steps + times.update
    evaluations = 1 + math.ceil(t.max_steps / t.eval_interval)
    total = t.max_steps * step + evaluations * (times.evaluation + times.sample)
    return Forecast(step, total, memory_bytes(model_config, t), measured)


def memory_bytes(model_config: ModelConfig, train_config: TrainConfig) -> int:
    """About how much memory a training in float32 takes: weights, gradients, moments and `activation_floats`.

    The logits count three times: their gradient is as large, and so is what the loss makes it from.
    Saving copies the moments, when the activations of the step are gone.
    """
    c = model_config
    in_muon = (4 * c.n_embd + 2 * c.neurons) * c.n_embd * c.n_layer if train_config.optimizer == "muon" else 0
    copies = 5 if train_config.layer_stats else 4
    kept = copies * model_config.n_params - in_muon  # Muon has one moment where AdamW has two
    tokens = train_config.batch_size * model_config.n_ctx
    step = tokens * (activation_floats(model_config) + 2 * model_config.vocab_size)
    return 4 * (kept + max(step, 2 * model_config.n_params - in_muon))


def activation_floats(config: ModelConfig) -> int:
    """How many numbers the backward pass needs of each token: what went into each product, LayerNorm and GELU.

    In a block, in units of C: 4 around the two LayerNorms, 3 queries, keys and values, 2 of what
    attention gives; and what goes into the GELU and comes out. Dropout keeps what it was given and what it zeroed, and
    attention, then written out, its weights three times.
    """
    C, dropped = config.n_embd, config.dropout > 0
    block = 9 * C + 2 * config.neurons + (4 * C + 3 * config.n_head * config.n_ctx if dropped else 0)
    return config.n_layer * block + (4 if dropped else 2) * C + config.vocab_size


def flops_per_second(device: torch.device) -> float:
    """How fast this machine multiplies two square matrices in float32."""
    side = 512 if device.type == "cpu" else 4096
    matrix = torch.ones(side, side, device=device)
    return 2 * side**3 / min(_seconds(lambda: torch.mm(matrix, matrix)[0, 0].item()) for _ in range(4))


def bytes_per_second(device: torch.device) -> float:
    """How fast it reads and writes memory."""
    source = torch.ones(8_000_000, device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / min(_seconds(lambda: target.copy_(source)[0].item()) for _ in range(3))


def _estimated(model_config: ModelConfig, train_config: TrainConfig, device: torch.device) -> _Times:
    """From what is computed and moved."""
    c, t = model_config, train_config
    speed, bandwidth = flops_per_second(device) * EFFICIENCY, bytes_per_second(device)
    # Muon turns each of six matrices, of which two are the MLP's, three times with three products.
    short, long = sorted((c.n_embd, c.neurons))
    muon = 3 * c.n_layer * (24 * c.n_embd**3 + 4 * short**2 * (2 * long + short)) if t.optimizer == "muon" else 0
    return _Times(
        row=flops_per_token(c) * c.n_ctx / speed,
        update=muon / speed + BYTES_PER_PARAMETER * c.n_params / bandwidth,
        evaluation=2 * t.eval_windows * c.n_ctx * flops_per_token(c, training=False) / speed,
        sample=t.sample_tokens * 4 * c.n_params / bandwidth,  # a new token reads all weights
    )


def _measured(model_config: ModelConfig, train_config: TrainConfig, device: torch.device, update: float) -> _Times:
    """From doing it, but for a share of the windows and tokens. A step can't tell how much the `update` is of it."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(model_config.vocab_size, (4 * model_config.n_ctx + 1,), generator=generator)
    train_config = train_config.replace(loss_on="text")  # random tokens have no answers, and take as long
    learner = Learner(GPT(model_config, seed=0).to(device), tokens, train_config, ALONE)
    taken: list[float] = []
    while len(taken) < 2 or (len(taken) < STEPS and sum(taken) < ENOUGH):
        taken.append(_seconds(lambda: learner.update(len(taken), train_config)))
    step, rows = min(taken[1:]), train_config.batch_size
    update = min(update, step / 2)

    windows, ids = min(rows, 4, train_config.eval_windows), min(SAMPLED, train_config.sample_tokens)
    short = train_config.replace(eval_windows=windows, sample_tokens=ids)
    evaluation = _seconds(lambda: mean_loss(learner.model, learner.tokens, short))
    sampling = _seconds(lambda: sample(learner.model, [0], short))
    return _Times(
        row=(step - update) / rows,
        update=update,
        evaluation=evaluation * 2 * train_config.eval_windows / windows,
        sample=sampling * train_config.sample_tokens / max(1, ids),
    )


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
