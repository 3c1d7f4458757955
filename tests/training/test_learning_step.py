"""A step taken apart: against autograd, finite differences, and the trainer's own update."""

import copy

import pytest
import torch
from twins import SHAPES, random_ids, randomised

from llm.config import ModelConfig, TrainConfig
from llm.model import GPT
from llm.training.distributed import ALONE
from llm.training.learner import Learner
from llm.training.learning_step import FACTORS, ORDER, OWN, PARTS, Memory, learning_step, learning_step_in_parts

CONFIG = ModelConfig(31, n_ctx=12, n_embd=16, n_head=2, n_layer=3)
TRAIN = TrainConfig(batch_size=1, max_steps=40, warmup_steps=4, learning_rate=0.01, weight_decay=0.1, grad_clip=0.5)


@pytest.fixture
def model():
    return randomised(CONFIG)


@pytest.fixture
def ids():
    return torch.randint(0, 31, (13,), generator=torch.Generator().manual_seed(5)).tolist()


def group_of(model, key):
    return [p for name, p in model.named_parameters() if name.rsplit(".", 1)[0] == key]


def norm(tensors):
    return float(torch.cat([t.detach().flatten() for t in tensors]).norm())


def test_gradients_are_autograds_and_finite_differences(model, ids):
    """Every part's size is that of autograd's gradient, whose entries are how the loss really changes."""
    seen = learning_step(model, ids, TRAIN, step=7)
    plain = copy.deepcopy(model)
    x, y = torch.tensor([ids[:-1]]), torch.tensor([ids[1:]])
    plain.loss(x, y).backward()
    assert [part.key for part in seen.parts][:3] == ["wte", "wpe", "h.0.ln_1"]
    assert seen.parts[-1].key == "ln_f" and len(seen.parts) == 2 + 3 * 6 + 1
    for part in seen.parts:
        parameters = group_of(plain, part.key)
        assert part.gradient == pytest.approx(norm([p.grad for p in parameters]), rel=1e-4)
        assert part.parameters == sum(p.numel() for p in parameters)
    assert seen.gradient == pytest.approx(norm([p.grad for p in plain.parameters()]), rel=1e-4)
    torch.testing.assert_close(seen.rows_V, plain.wte.weight.grad.norm(dim=1))

    exact = copy.deepcopy(model).double()
    for name, place in (("h.1.attn.c_attn.weight", (3, 5)), ("h.2.mlp.c_fc.bias", (7,)), ("wte.weight", (ids[2], 1))):
        parameter, slope = exact.get_parameter(name), plain.get_parameter(name).grad[place]
        with torch.no_grad():
            sides = []
            for by in (1e-4, -2e-4):
                parameter[place] += by
                sides.append(float(exact.loss(x, y)))
            parameter[place] += 1e-4
        assert (sides[0] - sides[1]) / 2e-4 == pytest.approx(float(slope), rel=1e-3, abs=1e-6)


def test_the_streams_gradient_is_how_the_loss_hangs_on_each_position(model, ids):
    """A nudge of the residual stream after a block changes the loss as much as that gradient says; reading rows too."""
    seen = learning_step(model, ids, TRAIN, step=7)
    ids_T = torch.tensor(ids)
    x = model.embed(ids_T[None, :-1]).detach().requires_grad_()
    stream = x
    for layer, block in enumerate(model.h):
        stream = block(stream, layer)
    loss = torch.nn.functional.cross_entropy(model.unembed(stream)[0], ids_T[1:])
    (slope,) = torch.autograd.grad(loss, x)
    torch.testing.assert_close(seen.stream_LT[0], slope[0].norm(dim=1))
    assert seen.stream_LT.shape == (4, 12)
    read = {i for i in range(31) if seen.read_V[i] > 0}
    assert read == set(ids[:-1])
    assert (seen.rows_V > 0).all()  # a tied head pulls at every row
    untied = GPT(ModelConfig(31, n_ctx=12, n_embd=16, n_head=2, n_layer=1, tie_word_embeddings=False), seed=1)
    alone = learning_step(untied, ids, TRAIN, step=0)
    torch.testing.assert_close(alone.rows_V, alone.read_V)
    assert alone.parts[-1].key == "lm_head"


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("updates", [0, 6])
def test_the_step_is_the_trainers_own(model, ids, optimizer, updates):
    """After any number of updates, the same weights as the Learner's, by their sizes and by what they then predict."""
    config = TRAIN.replace(optimizer=optimizer)
    learner = Learner(model, torch.tensor(ids), config, ALONE)  # all the text there is makes one window
    for step in range(updates):
        learner.update(step, config)
    model.eval()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    memory = Memory(learner.memory(), updates) if updates else None
    seen = learning_step(model, ids, config, step=updates, memory=memory)

    told = learner.update(updates, config)
    model.eval()
    assert (seen.rate, seen.gradient) == pytest.approx((told.learning_rate, told.grad_norm))
    assert seen.clipped == pytest.approx(told.clipped_norm)
    assert float(seen.losses_FT[0].mean()) == pytest.approx(told.loss, rel=1e-5)
    assert (seen.matrix_rate is None) == (optimizer == "adamw")
    for part in seen.parts:
        after, old = group_of(model, part.key), [p for n, p in before.items() if n.rsplit(".", 1)[0] == part.key]
        assert part.weight == pytest.approx(norm(old), rel=1e-5)
        assert part.update == pytest.approx(norm([p - q for p, q in zip(after, old, strict=True)]), rel=1e-4)
    with torch.no_grad():
        logits = model(torch.tensor([ids[:-1]]))[0]
    losses = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none")
    torch.testing.assert_close(seen.losses_FT[OWN], losses, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(seen.odds_FT[OWN], logits.softmax(1).amax(1), atol=1e-4, rtol=1e-4)
    assert torch.equal(seen.best_FT[OWN], logits.argmax(1))


def test_along_the_step_the_loss_first_follows_the_gradient_and_ends_far_too_high(model, ids):
    """A small share of the step lowers the loss; three thousand times it does not."""
    seen = learning_step(model, ids, TRAIN.replace(weight_decay=0.0), step=7)
    means = seen.losses_FT.mean(dim=1)
    assert len(means) == len(FACTORS) and means[1] < means[0] and not means[-1] < means[0]


def test_the_model_is_left_as_it_was(model, ids):
    """Bit for bit: weights, no gradients, no hooks, its mode; the optimiser's memory too."""
    learner = Learner(model, torch.tensor(ids), TRAIN, ALONE)
    learner.update(0, TRAIN)
    model.zero_grad(set_to_none=True)
    model.eval()
    memory = Memory(learner.memory(), 1)
    weights, remembered = copy.deepcopy(model.state_dict()), copy.deepcopy(memory.tensors)
    learning_step(model, ids, TRAIN, step=1, memory=memory)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert all(torch.equal(value, remembered[name]) for name, value in memory.tensors.items())
    assert not model.training and all(p.grad is None for p in model.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


@pytest.mark.parametrize("shape", [*SHAPES, ModelConfig(40, n_ctx=12, n_embd=8, n_head=2, n_layer=2, bias=False)])
def test_every_shape_of_ours_can_take_a_step(shape):
    """Widths, heads and layers of any number; one without biases too."""
    seen = learning_step(randomised(shape), random_ids(shape, 1, 9)[0].tolist(), TRAIN, step=3)
    assert seen.losses_FT[0].isfinite().all() and seen.losses_FT.shape == (len(FACTORS), 8)


def test_what_cannot_be_learnt_from_is_refused(model, ids):
    """One token, too many, foreign ids, another model's memory, NaN weights: a sentence each."""
    for text, words in (([1], "2 to 13 tokens"), ([1] * 14, "2 to 13 tokens"), ([1, 99], "not one of")):
        with pytest.raises(ValueError, match=words):
            learning_step(model, text, TRAIN, step=0)
    with pytest.raises(ValueError, match="another model"):
        learning_step(model, ids, TRAIN, step=4, memory=Memory({"wte.weight.exp_avg": torch.zeros(2)}, 4))
    with torch.no_grad():
        model.h[1].mlp.c_fc.weight[0, 0] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        learning_step(model, ids, TRAIN, step=0)


def test_where_the_schedule_has_ended_the_peak_is_taken(model, ids):
    """A rate of nothing would show nothing."""
    config = TRAIN.replace(schedule="linear", min_lr_ratio=0.0)
    assert learning_step(model, ids, config, step=40).rate == pytest.approx(0.01)


def test_it_can_be_watched_and_given_up(model, ids):
    """Nothing until it was read again at its own rate, then a factor more each time; the last is the whole step."""
    weights = copy.deepcopy(model.state_dict())
    parts = list(learning_step_in_parts(model, ids, TRAIN, step=7))
    assert len(parts) == PARTS and parts[:3] == [None] * 3
    read = [part.read_F.nonzero().ravel().tolist() for part in parts[3:]]
    assert read == [sorted(ORDER[: i + 2]) for i in range(len(FACTORS) - 1)]
    whole = learning_step(model, ids, TRAIN, step=7)
    torch.testing.assert_close(parts[-1].losses_FT, whole.losses_FT, rtol=0, atol=0, equal_nan=True)
    assert torch.equal(parts[3].losses_FT[OWN], whole.losses_FT[OWN]) and whole.read_F.all()
    begun = learning_step_in_parts(model, ids, TRAIN, step=7)
    next(begun)
    begun.close()
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
