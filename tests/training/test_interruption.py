"""A stop in the middle of a step or an evaluation, and a training that is set aside: nothing is lost by either."""

import time

import pytest
import torch
from trainings import CONFIG, SPLITS, TOKENIZER, make, timeless

from llm.config import ModelConfig, TrainConfig
from llm.data import encode_corpus, split
from llm.model import GPT
from llm.runs.run import Run
from llm.sampler import has_hooks
from llm.training.events import DoneEvent, EvalEvent, Question, SampleEvent, SnapshotEvent, StepEvent
from llm.training.trainer import Trainer

ASKED = {
    "prompt_ids": TOKENIZER.encode("the"),
    "questions": [Question(tuple(TOKENIZER.encode("the c")), tuple(TOKENIZER.encode("at")))],
    "passage_ids": TOKENIZER.encode("the dog lay by the door"),
}
WHOLE = CONFIG.replace(max_steps=7, layer_stats=True, grad_accum_steps=2)


def trained(run, between=lambda: None):
    """A trainer of the run, from its beginning, all of whose events are written down."""
    trainer = Trainer(GPT(run.model_config), *SPLITS, run.train_config, **ASKED)
    trainer.between = between
    for event in trainer:
        run.record(trainer, event)
    return trainer


def new_run(folder):
    return Run.create(folder, make().model.config, WHOLE, TOKENIZER, corpus="cats")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody stopped, and how often it could have been."""
    calls = []
    run = new_run(tmp_path_factory.mktemp("whole"))
    return run, trained(run, lambda: calls.append(0)), len(calls)


@pytest.mark.parametrize("share", [0.0, 0.04, 0.1, 0.3, 0.5, 0.65, 0.7, 0.75, 0.8, 0.9, 0.97, 0.99])
def test_stopped_anywhere_and_resumed_equals_never_stopped(tmp_path, whole, share):
    """In a forward or backward pass, between micro-batches, in an exam or a sample: losses, samples, layers and weights
    are the same bit for bit afterwards, told once each."""
    complete, last, calls = whole
    run, left = new_run(tmp_path), [int(share * calls)]

    def between():
        left[0] -= 1
        if left[0] == -1:
            trainer.stop()

    trainer = Trainer(GPT(run.model_config), *SPLITS, WHOLE, **ASKED)
    trainer.between = between
    for event in trainer:
        run.record(trainer, event)
    assert event == DoneEvent(event.step, "stopped") and event.step < 8
    assert not has_hooks(trainer.model)
    trainer = run.resume(*SPLITS, **ASKED)
    assert trainer.step == event.step
    for event in trainer:
        run.record(trainer, event)
    extra = {"event": "snapshot", "evaluated": False}
    told, expected = (
        [m for m in timeless_lines(one) if {k: m.get(k) for k in extra} != extra] for one in (run, complete)
    )
    assert told == expected
    for name, tensor in last.model.state_dict().items():
        assert torch.equal(tensor, trainer.model.state_dict()[name]), name


def timeless_lines(run):
    """The lines of metrics.jsonl without how long each step took."""
    return [{key: value for key, value in line.items() if key != "seconds"} for line in run.metrics()]


def test_checks_change_no_number():
    """A trainer that others may interrupt tells what it tells alone."""
    calls = []
    trainer = make()
    trainer.between = lambda: calls.append(0)
    assert timeless(trainer) == timeless(make())
    assert len(calls) > 100


def test_set_aside_after_every_step_equals_never_resting(tmp_path, whole):
    """A run that gives up its place between any two steps, and is loaded again each time, tells exactly the same."""
    complete, last, _ = whole
    run = new_run(tmp_path)
    trainer, rest = Trainer(GPT(run.model_config), *SPLITS, WHOLE, **ASKED), False
    while not rest:
        for event in trainer:
            run.record(trainer, event)
            rest = isinstance(event, DoneEvent)
            if isinstance(event, SnapshotEvent) or (isinstance(event, StepEvent) and not event.reports):
                break
        if not rest:
            run.set_aside(trainer)
            assert Run.open(tmp_path, run.id).state == "stopped"
            trainer = run.resume(*SPLITS, **ASKED)
    assert timeless_lines(run) == timeless_lines(complete)
    for name, tensor in last.model.state_dict().items():
        assert torch.equal(tensor, trainer.model.state_dict()[name]), name


def test_a_large_run_stops_within_a_layer():
    """A stop does not wait for the evaluation, nor for the step, that is under way."""
    config = ModelConfig(50, n_ctx=256, n_embd=384, n_head=6, n_layer=6)
    text = encode_corpus(TOKENIZER, "the cat sat on the mat. " * 400)
    train = TrainConfig(batch_size=16, eval_windows=400, sample_tokens=0)
    calls = []

    def between():
        calls.append(time.perf_counter())
        if len(calls) == 5:
            trainer.stop()

    trainer = Trainer(GPT(config), *split(text), train, prompt_ids=[0])
    trainer.between = between
    assert not any(isinstance(event, EvalEvent | SampleEvent) for event in trainer)
    assert len(calls) == 5
