"""The trainer: its events and their order, exact resume, stopping and divergence."""

import functools
import json
import math

import pytest
import torch
from trainings import CONFIG, SPLITS, TEXT, TOKENIZER, make, step_once, timeless

from llm.config import ModelConfig
from llm.data import get_batch
from llm.model import GPT
from llm.training import learner as learner_module
from llm.training.events import DoneEvent, EvalEvent, SampleEvent, SnapshotEvent, StepEvent
from llm.training.trainer import Trainer


def weights(trainer):
    return {name: t.detach().clone() for name, t in trainer.model.state_dict().items()}


def assert_same_weights(one, other):
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


def test_events_and_their_order():
    """Evaluation, sample and snapshot before, at each interval and at the end; early snapshots at powers of two."""
    trainer = make()
    events = list(trainer)
    names = [(type(e).__name__.removesuffix("Event"), e.step) for e in events]
    full = lambda step: [("Eval", step), ("Sample", step), ("Snapshot", step)]  # noqa: E731
    assert names == [
        *full(0),
        ("Step", 1), ("Snapshot", 1), ("Step", 2), ("Snapshot", 2), ("Step", 3), ("Step", 4), ("Snapshot", 4),
        ("Step", 5), *full(5), ("Step", 6), ("Step", 7), ("Step", 8), ("Step", 9), ("Step", 10), *full(10),
        ("Step", 11), ("Step", 12), *full(12), ("Done", 12),
    ]  # fmt: skip
    assert events[-1] == DoneEvent(12, "finished")
    assert list(trainer) == []
    steps = [e for e in events if isinstance(e, StepEvent)]
    assert [e.tokens_seen for e in steps] == [64 * n for n in range(1, 13)]
    assert all(e.seconds > 0 and e.grad_norm > 0 for e in steps)
    samples = [e for e in events if isinstance(e, SampleEvent)]
    assert all(e.prompt_length == 3 and len(e.ids) == 9 for e in samples)
    assert {e.ids[:3] for e in samples} == {tuple(TOKENIZER.encode("the"))}


def test_untrained_loss_is_that_of_guessing():
    """Before the first step both losses are about ln(V): the evaluation measures what it should."""
    first = next(make())
    assert isinstance(first, EvalEvent)
    assert first.train_loss == pytest.approx(math.log(TOKENIZER.vocab_size), abs=0.1)
    assert first.validation_loss == pytest.approx(math.log(TOKENIZER.vocab_size), abs=0.1)


def test_it_learns_a_tiny_text_by_heart():
    """The whole loop works: loss goes to nearly nothing and the sample is the text itself."""
    config = CONFIG.replace(
        max_steps=300, learning_rate=1e-2, eval_interval=300, batch_size=16, sample_tokens=16, weight_decay=0.0
    )
    events = list(make(config, dropout=0.0))
    *_, evaluation, sample, _, _ = events
    assert evaluation.train_loss < 0.3 and evaluation.validation_loss < 0.3
    assert TOKENIZER.decode(sample.ids) in TEXT


def test_same_seed_same_run_other_seed_another():
    """Everything random follows from the seed, with other random numbers drawn in between."""
    one, other, third = make(), make(), make(CONFIG.replace(seed=7))
    events = []
    for event in other:
        torch.rand(3)
        events.append(event)
    assert timeless(one) == timeless(events) != timeless(third)
    assert_same_weights(weights(one), weights(other))


def test_training_leaves_the_global_random_state_alone():
    """Two runs in one process must not disturb each other."""
    before = torch.get_rng_state()
    list(make())
    assert torch.equal(torch.get_rng_state(), before)


@functools.cache
def never_stopped(config, dropout):
    """The events and the last weights of a training that went on to its end."""
    trainer = make(config, dropout)
    return list(trainer), weights(trainer)


@pytest.mark.parametrize("accumulation", [1, 3])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("at", [0, 1, 5, 7])
def test_resume_equals_never_having_stopped(at, dropout, accumulation):
    """Losses, samples, events and final weights are the same bit for bit, through JSON, wherever it was cut."""
    config = CONFIG.replace(grad_accum_steps=accumulation)
    events, last = never_stopped(config, dropout)

    first = make(config, dropout)
    before = [next(first)]
    while first.step < at or not isinstance(before[-1], StepEvent | SnapshotEvent):
        before.append(next(first))
    saved = {name: t.clone() for name, t in first.model.state_dict().items()}
    tensors, info = first.state()
    list(first)  # training on must not change what was saved

    second = make(config.replace(), dropout)
    for parameter in second.model.parameters():
        torch.nn.init.ones_(parameter)
    second.model.load_state_dict(saved)
    second.restore(tensors, json.loads(json.dumps(info)))
    after = list(second)
    # Cut between a step and its evaluation, the evaluation comes after; nothing is lost or told twice.
    assert timeless(before + after) == timeless(events)
    assert_same_weights(last, weights(second))
    list(second)
    fresh = make(config, dropout)
    fresh.model.load_state_dict(saved)
    fresh.restore(tensors, info)
    assert timeless(fresh) == timeless(after)  # the state is still whole after one use


def test_accumulated_batches_equal_one_large_batch():
    """The gradient of two batches of 4 accumulated is that of their 8 rows at once."""
    accumulated = make(CONFIG.replace(grad_accum_steps=2, max_steps=1), dropout=0.0)
    step = step_once(accumulated)[-1]
    batches = [get_batch(SPLITS.train, batch_size=4, n_ctx=16, seed=CONFIG.seed, step=s) for s in (0, 1)]
    x_BT, y_BT = (torch.cat(parts) for parts in zip(*batches, strict=True))
    model = make(dropout=0.0).model
    loss = model.loss(x_BT, y_BT)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), math.inf)
    assert step.loss == pytest.approx(loss.item(), rel=1e-6)
    assert step.grad_norm == pytest.approx(norm.item(), rel=1e-5)
    assert step.tokens_seen == 8 * 16


def test_no_batch_is_drawn_twice(monkeypatch):
    """With accumulation each micro-step of each step has a batch of its own."""
    drawn = []

    def watched(*args, step, **more):
        drawn.append(step)
        return get_batch(*args, step=step, **more)

    monkeypatch.setattr(learner_module, "get_batch", watched)
    list(make(CONFIG.replace(grad_accum_steps=3)))
    assert drawn == list(range(12 * 3))


def test_grad_norm_is_reported_before_clipping():
    """Clipping changes the weights but not the reported norm; 0 switches it off."""
    free, clipped = (make(CONFIG.replace(grad_clip=clip)) for clip in (0.0, 1e-3))
    one, other = step_once(free)[-1], step_once(clipped)[-1]
    assert one.grad_norm == other.grad_norm > 1e-3
    norm = torch.nn.utils.get_total_norm([p.grad for p in clipped.model.parameters()])
    assert norm.item() == pytest.approx(1e-3, rel=1e-3)
    assert other.clipped_norm == pytest.approx(norm.item(), rel=1e-3) and one.clipped_norm == one.grad_norm


def test_step_once_makes_one_step():
    """A single step ends right after it; what was due before it comes along."""
    trainer = make()
    assert [type(e) for e in step_once(trainer)] == [EvalEvent, SampleEvent, SnapshotEvent, StepEvent]
    assert trainer.step == 1
    assert [type(e) for e in step_once(trainer)] == [SnapshotEvent, StepEvent]
    assert trainer.step == 2
    list(trainer)
    assert step_once(trainer) == []


def test_breaking_out_and_going_on_is_a_pause():
    """The iterator goes on where it was left, not from the beginning."""
    trainer, events = make(), []
    for event in trainer:
        events.append(event)
        if event.step == 6:
            break
    assert trainer.step == 6
    assert timeless([*events, *trainer]) == timeless(make())


def test_stop_ends_with_a_snapshot():
    """Asked to stop, it makes no further step, gives the weights a last time and says so."""
    trainer = make()
    while trainer.step < 3:
        next(trainer)
    trainer.stop()
    assert list(trainer) == [SnapshotEvent(3, evaluated=False), DoneEvent(3, "stopped")]
    trainer.restore(*trainer.state())
    assert next(trainer).step == 4


def test_stop_right_after_a_snapshot_gives_no_second_one():
    """The snapshot of step 5 was announced already."""
    trainer = make()
    while next(trainer) != SnapshotEvent(5, evaluated=True):
        pass
    trainer.stop()
    assert list(trainer) == [DoneEvent(5, "stopped")]


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_divergence_leaves_the_weights_good(broken):
    """A loss that isn't finite ends the training before it can spoil weights or moments."""
    trainer = make()
    while trainer.step < 3:
        next(trainer)
    before, moments = weights(trainer), trainer.state()[0]
    loss = trainer.model.loss
    trainer.model.loss = lambda x, y: loss(x, y) * broken
    word = "not a number" if math.isnan(broken) else "infinite"
    assert list(trainer) == [
        DoneEvent(3, "diverged", f"In step 4, at a learning rate of 0.00293, the loss was {word}.")
    ]
    assert_same_weights(before, weights(trainer))
    assert_same_weights(moments, trainer.state()[0])


def test_infinite_gradient_of_a_finite_loss_is_divergence_too():
    """Clipping would turn it into NaN and write that into every weight."""
    trainer = make()
    step_once(trainer)
    before = weights(trainer)
    trainer.model.ln_f.bias.register_hook(lambda gradient: gradient * math.inf)
    snapshot, done = list(trainer)
    assert (snapshot, done.step, done.reason) == (SnapshotEvent(1, evaluated=False), 1, "diverged")
    assert "In step 2" in done.why and "the gradient of ln_f.bias was infinite" in done.why
    assert_same_weights(before, weights(trainer))


def test_evaluation_is_without_dropout_and_hands_the_modes_back():
    """Two evaluations agree despite dropout; training mode and gradients are on again at every event."""
    trainer = make(dropout=0.5)
    assert next(trainer).train_loss == next(make(dropout=0.0)).train_loss
    for _ in trainer:
        assert trainer.model.training and torch.is_grad_enabled()


def test_no_samples_when_none_are_wanted():
    """sample_tokens = 0 leaves them out."""
    assert not any(isinstance(e, SampleEvent) for e in make(CONFIG.replace(sample_tokens=0)))


def test_text_too_short_is_refused_before_training():
    """The message names the tokens there are and a context that fits, for the smaller split."""
    model = GPT(ModelConfig(TOKENIZER.vocab_size, n_ctx=100, n_embd=24, n_head=2, n_layer=1))
    with pytest.raises(ValueError, match=r"64 of them in its smaller part.*Use a context of 63 or less"):
        Trainer(model, *SPLITS, CONFIG, prompt_ids=[0])


def test_state_of_another_model_is_refused():
    """Moments of another shape, missing ones, or a step that is no number: refused, and nothing is changed."""
    trainer = make()
    step_once(trainer)
    tensors, info = trainer.state()
    name = next(iter(tensors))
    wrong = [
        ({**tensors, name: torch.zeros(3)}, info),
        ({k: v for k, v in tensors.items() if k != name}, info),
        ({**tensors, "x.step": torch.zeros(())}, info),
        ({}, info),
        (tensors, {**info, "step": 0}),
        (tensors, {**info, "step": "1"}),
        (tensors, {**info, "step": -1}),
        (tensors, {"step": 1}),
        (tensors, {}),
    ]
    other = make()
    for state in wrong:
        with pytest.raises(ValueError, match="another model or is damaged"):
            other.restore(*state)
    assert timeless(other) == timeless(make())
