"""Parameter groups, AdamW, and the learning-rate schedule."""

import pytest
import torch
from transformers import get_cosine_schedule_with_warmup

from llm.config import ModelConfig, TrainConfig
from llm.model import GPT
from llm.training.optim import (
    learning_rate,
    make_adamw,
    make_optimizer,
    parameter_groups,
    set_learning_rates,
    state_shapes,
)

MODEL = ModelConfig(vocab_size=11, n_ctx=8, n_embd=12, n_head=3, n_layer=2)


def test_only_matrices_decay():
    """Each parameter is in exactly one group: matrices and embeddings with decay, biases and LayerNorms without."""
    model = GPT(MODEL)
    decayed, kept = parameter_groups(model, 0.1)
    assert decayed["weight_decay"] == 0.1 and kept["weight_decay"] == 0.0
    names = {id(p): name for name, p in model.named_parameters()}
    in_decayed, in_kept = ({names[id(p)] for p in group["params"]} for group in (decayed, kept))
    assert in_kept == {n for n in names.values() if n.endswith("bias") or ".ln_" in n or n.startswith("ln_f")}
    assert in_decayed == set(names.values()) - in_kept


def test_adamw_makes_the_update_of_the_paper():
    """One step computed by hand, decoupled decay included."""
    config = TrainConfig(learning_rate=0.01, weight_decay=0.5, beta1=0.8, beta2=0.9)
    model = GPT(MODEL)
    optimizer = make_adamw(model, config)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    model.loss(torch.tensor([[1, 2, 3]]), torch.tensor([[2, 3, 4]])).backward()
    optimizer.step()
    for name, p in model.named_parameters():
        assert p.grad is not None, name
        decay = 0.5 if p.dim() >= 2 else 0.0
        # After one step the bias-corrected moments are the gradient and its square.
        expected = before[name] * (1 - 0.01 * decay) - 0.01 * p.grad / (p.grad.abs() + 1e-8)
        assert torch.allclose(p, expected, atol=1e-6), name


def test_cosine_agrees_with_transformers():
    """From the end of the warm-up to the last step the schedule is transformers' when it falls to zero."""
    config = TrainConfig(max_steps=60, warmup_steps=10, learning_rate=0.5, min_lr_ratio=0.0)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    theirs = get_cosine_schedule_with_warmup(optimizer, 10, 60)
    for step in range(60):
        if step >= 10:
            assert learning_rate(step, config) == pytest.approx(theirs.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        theirs.step()


def test_schedule_at_its_corners():
    """Never zero at the first step, the peak right after the warm-up, the given share of it at the end and beyond."""
    config = TrainConfig(max_steps=100, warmup_steps=4, learning_rate=1.0, min_lr_ratio=0.1)
    assert [learning_rate(s, config) for s in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert learning_rate(52, config) == pytest.approx(0.55)
    assert learning_rate(100, config) == learning_rate(500, config) == pytest.approx(0.1)


def test_schedule_without_and_with_nothing_but_warm_up():
    """No warm-up starts at the peak; a warm-up longer than the training only ever rises."""
    assert learning_rate(0, TrainConfig(warmup_steps=0, learning_rate=0.3)) == pytest.approx(0.3)
    config = TrainConfig(max_steps=5, warmup_steps=50)
    rates = [learning_rate(s, config) for s in range(5)]
    assert rates == sorted(rates) and rates[-1] < config.learning_rate


def test_linear_schedule_is_a_straight_line_to_its_end():
    """After the warm-up the rate falls by the same amount each step, and reaches zero if that is asked for."""
    config = TrainConfig(max_steps=60, warmup_steps=10, learning_rate=0.5, min_lr_ratio=0.0, schedule="linear")
    rates = [learning_rate(step, config) for step in range(10, 61)]
    assert rates == pytest.approx([0.5 * (1 - i / 50) for i in range(51)])


def test_every_parameter_has_one_group_under_muon():
    """Matrices inside blocks go to Muon with its own rate; embeddings and vectors to AdamW; none is forgotten."""
    model = GPT(MODEL)
    config = TrainConfig(optimizer="muon", learning_rate=0.006, matrix_learning_rate=0.03)
    optimizer = make_optimizer(model, config)
    matrices, decayed, kept = optimizer.param_groups
    names = {id(p): name for name, p in model.named_parameters()}
    in_muon, in_decayed, in_kept = ({names[id(p)] for p in g["params"]} for g in (matrices, decayed, kept))
    assert in_muon == {n for n in names.values() if n.startswith("h.") and n.endswith("weight") and ".ln_" not in n}
    assert in_decayed == {"wte.weight", "wpe.weight"}
    assert in_muon | in_decayed | in_kept == set(names.values())
    assert set_learning_rates(optimizer, config.warmup_steps, config) == decayed["lr"] == kept["lr"] == 0.006
    assert matrices["lr"] == pytest.approx(0.03)


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_state_shapes_name_what_is_remembered(name):
    """What a resumed run is checked against is exactly what the optimiser holds after a step."""
    model = GPT(MODEL)
    optimizer = make_optimizer(model, TrainConfig(optimizer=name))
    model.loss(torch.tensor([[1, 2, 3]]), torch.tensor([[2, 3, 4]])).backward()
    optimizer.step()
    held = {p: {key: tuple(value.shape) for key, value in state.items()} for p, state in optimizer.state.items()}
    assert held == state_shapes(optimizer)
