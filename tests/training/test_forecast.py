"""What a training will take: the arithmetic exactly, memory nearly, time by trying it."""

from types import SimpleNamespace

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode
from twins import SHAPES, random_ids

from llm.config import GPT2_SIZES, TrainConfig
from llm.model import GPT
from llm.training import forecast
from llm.training.flops import flops_per_token
from llm.training.forecast import activation_floats, measure, memory_bytes
from llm.training.optim import make_optimizer


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("training", [False, True])
def test_flops_are_those_that_torch_counts(shape, training):
    """Each matrix product of a pass over full contexts, forwards and backwards; to the last operation."""
    model = GPT(shape.replace(dropout=0.1)).train()  # with dropout, attention is plain products
    model.set_dropout_seed(1)
    ids_BT = random_ids(shape, 2, shape.n_ctx)
    with FlopCounterMode(display=False) as counter:
        loss = model.loss(ids_BT, ids_BT)
        if training:
            loss.backward()
    assert counter.get_total_flops() == flops_per_token(shape, training=training) * ids_BT.numel()


def test_flops_of_gpt2():
    """The usual rule of thumb, 6 for each parameter, holds for the products' own matrices."""
    config = GPT2_SIZES["gpt2"]
    in_products = config.n_params - 1024 * 768  # positions are only looked up
    assert flops_per_token(config) == pytest.approx(6 * in_products + 12 * 12 * 1024 * 768, rel=2e-3)


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("shape", SHAPES)
def test_activations_are_what_the_backward_pass_keeps(shape, dropout):
    """Counted by autograd itself, each storage once and weights not at all, to 15 %."""
    model = GPT(shape.replace(dropout=dropout)).train()
    model.set_dropout_seed(1)
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights and tensor.is_floating_point():
            kept[storage.data_ptr()] = storage.nbytes() // 4
        return tensor

    ids_BT = random_ids(shape, 2, shape.n_ctx)
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = model.loss(ids_BT, ids_BT)
    assert activation_floats(model.config) * ids_BT.numel() == pytest.approx(sum(kept.values()), rel=0.15)
    loss.backward()


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_memory_holds_what_an_optimiser_keeps(optimizer):
    """Weights, gradients and every moment are in it, and what a larger batch adds is its activations and logits."""
    config, model = TrainConfig(optimizer=optimizer, batch_size=3), GPT(SHAPES[0])
    made = make_optimizer(model, config)
    ids_BT = random_ids(SHAPES[0], 2, 32)
    model.loss(ids_BT, ids_BT).backward()
    made.step()
    moments = [t for state in made.state.values() for t in state.values() if t.dim()]
    tensors = [*model.parameters(), *(p.grad for p in model.parameters()), *moments]
    each = 4 * 32 * (activation_floats(SHAPES[0]) + 2 * SHAPES[0].vocab_size)
    assert memory_bytes(SHAPES[0], config) == sum(tensor.nbytes for tensor in tensors) + 3 * each
    assert memory_bytes(SHAPES[0], config.replace(batch_size=5)) - memory_bytes(SHAPES[0], config) == 2 * each


def test_a_small_model_is_measured(monkeypatch):
    """Steps are made, in a clock that ticks once a look; the total counts every step, evaluation and sample."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(forecast, "time", SimpleNamespace(perf_counter=lambda: next(ticks) * 1e-3))
    before = torch.get_rng_state()
    config = TrainConfig(max_steps=100, eval_interval=30, eval_windows=2, sample_tokens=8, batch_size=2)
    found = measure(SHAPES[0], config)
    assert found.measured and torch.equal(torch.get_rng_state(), before)
    assert found.seconds_per_step == pytest.approx(1e-3)
    # Five evaluations: two windows of each split, and twice as many tokens as were tried.
    assert found.seconds_total == pytest.approx(100 * 1e-3 + 5 * (2e-3 + 2e-3))


def test_a_huge_model_is_only_estimated(monkeypatch):
    """Nothing is built; more layers or rows take longer, and Muon longer than AdamW."""
    monkeypatch.setattr(forecast, "GPT", None)
    monkeypatch.setattr(forecast, "flops_per_second", lambda device: 1e11)
    monkeypatch.setattr(forecast, "bytes_per_second", lambda device: 1e10)
    config = TrainConfig(batch_size=4)
    times = [measure(GPT2_SIZES[name], config) for name in ("gpt2", "gpt2-medium", "gpt2-xl")]
    assert not any(found.measured for found in times)
    assert times[0].seconds_per_step < times[1].seconds_per_step < times[2].seconds_per_step
    twice = measure(GPT2_SIZES["gpt2"], config.replace(grad_accum_steps=2)).seconds_per_step
    assert 1.8 * times[0].seconds_per_step < twice < 2 * times[0].seconds_per_step
    assert measure(GPT2_SIZES["gpt2"], config.replace(optimizer="muon")).seconds_per_step > times[0].seconds_per_step
    flops = flops_per_token(GPT2_SIZES["gpt2"]) * 4 * 1024
    assert times[0].seconds_per_step == pytest.approx(flops / (1e11 * forecast.EFFICIENCY), rel=0.1)
