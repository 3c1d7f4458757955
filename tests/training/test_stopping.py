"""A training's end by itself, and settings that change under way: both exactly repeatable after a resume."""

import json

import pytest
import torch
from trainings import CONFIG, MODEL, SPLITS, make, step_once, timeless, until

from llm.model import GPT
from llm.training.events import ChangeEvent, DoneEvent, EvalEvent, SampleEvent, SnapshotEvent, StepEvent
from llm.training.learner import Learner
from llm.training.stopping import Progress
from llm.training.trainer import Trainer


def go_on(trainer):
    """Another trainer with the weights and, through JSON, the state of the first."""
    model = GPT(trainer.model.config, seed=9)
    model.load_state_dict(trainer.model.state_dict())
    other = Trainer(model, *SPLITS, CONFIG, prompt_ids=trainer.prompt_ids)
    tensors, info = trainer.state()
    other.restore(tensors, json.loads(json.dumps(info)))
    return other


def losses(events):
    return [(e.step, e.loss, e.learning_rate, e.tokens_seen) for e in events if isinstance(e, StepEvent)]


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize(
    "change", [{"learning_rate": 2e-2}, {"matrix_learning_rate": 0.2, "learning_rate": 1e-3}, {"batch_size": 6}]
)
def test_a_change_is_as_if_the_settings_had_been_so_from_there_on(change, optimizer):
    """The very steps, of either optimiser, that a trainer with those settings makes from the same weights and state."""
    config = CONFIG.replace(optimizer=optimizer)
    trainer = make(config)
    until(trainer, lambda event: event == SnapshotEvent(5, evaluated=True))
    model = GPT(trainer.model.config, seed=9)
    model.load_state_dict(trainer.model.state_dict())
    other = Trainer(model, *SPLITS, config.replace(**change), prompt_ids=trainer.prompt_ids)
    other.restore(*trainer.state())
    trainer.change(**change)
    first, *after = trainer
    assert first == ChangeEvent(5, change) and trainer.config == config.replace(**change)
    assert timeless(after) == timeless(other)
    assert losses(after)[-1][3] == (5 * 4 + 7 * change.get("batch_size", 4)) * MODEL.n_ctx


def test_another_interval_moves_the_evaluations():
    """From the change on, evaluations come at multiples of the new interval, and at the end as ever."""
    trainer = make()
    until(trainer, lambda event: event.step == 6)
    trainer.change(eval_interval=4)
    assert [e.step for e in trainer if isinstance(e, EvalEvent)] == [8, 12]


def test_several_changes_before_a_step_are_told_as_one():
    """The newest value of each counts; what stays the same in the end is no change."""
    trainer = make()
    step_once(trainer)
    trainer.change(learning_rate=0.5)
    trainer.change(learning_rate=0.25, batch_size=8)
    trainer.change(eval_interval=CONFIG.eval_interval)
    changes = [e for e in step_once(trainer) if isinstance(e, ChangeEvent)]
    assert changes == [ChangeEvent(1, {"learning_rate": 0.25, "batch_size": 8})] and trainer.changes == 1
    trainer.change(learning_rate=1)
    trainer.change(learning_rate=0.25)
    assert not any(isinstance(e, ChangeEvent) for e in step_once(trainer))


def test_what_cannot_change_is_refused():
    """Other settings, unknown ones and bad values: a sentence, and the training stays as it was."""
    trainer = make()
    for wrong, sentence in [
        ({"seed": 1}, "seed can't change while training"),
        ({"nonsense": 1}, "nonsense can't change"),
        ({"learning_rate": -1.0}, "learning_rate is -1.0"),
        ({"batch_size": 2.5}, "batch_size is 2.5"),
        ({"batch_size": 0, "learning_rate": 0.1}, "batch_size is 0"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            trainer.change(**wrong)
    assert timeless(trainer) == timeless(make())


def test_changes_survive_a_resume():
    """A restored training goes on with the changed settings, to the same losses bit for bit."""
    trainer = make()
    until(trainer, lambda event: event.step == 3)
    trainer.change(learning_rate=1e-2, batch_size=6)
    until(trainer, lambda event: event == SnapshotEvent(5, evaluated=True))
    other = go_on(trainer)
    assert (other.config, other.changes) == (trainer.config, 1)
    assert timeless(other) == timeless(trainer)


def test_stop_and_change_together_keep_the_change():
    """Asked for both before the same step, the training notes the change and ends; resumed, it goes on with it."""
    trainer = make()
    until(trainer, lambda event: event.step == 7)
    trainer.change(learning_rate=0.01)
    trainer.stop()
    assert list(trainer) == [
        ChangeEvent(7, {"learning_rate": 0.01}),
        SnapshotEvent(7, evaluated=False),
        DoneEvent(7, "stopped"),
    ]
    other = go_on(trainer)
    assert other.config.learning_rate == 0.01
    assert not any(isinstance(event, ChangeEvent) for event in other)


def test_it_stops_when_time_is_up(monkeypatch):
    """The seconds of the steps are added up, over a resume too; the end is evaluated and kept like any other."""
    made = Learner.update

    def takes_a_second(learner, *args, **more):
        clock[0] += 1.0
        return made(learner, *args, **more)

    clock = [0.0]
    monkeypatch.setattr(Learner, "update", takes_a_second)
    monkeypatch.setattr("llm.training.trainer.time.perf_counter", lambda: clock[0])
    events = list(make(CONFIG.replace(max_seconds=7.0)))
    assert [type(e) for e in events[-5:]] == [StepEvent, EvalEvent, SampleEvent, SnapshotEvent, DoneEvent]
    assert events[-1] == DoneEvent(7, "time")

    trainer = make()
    until(trainer, lambda event: event == SnapshotEvent(5, evaluated=True))
    other = go_on(trainer)
    other.config = CONFIG.replace(max_seconds=7.0)
    assert list(other)[-1] == DoneEvent(7, "time")


def test_it_stops_at_the_target():
    """At the first evaluation whose validation loss is low enough, not before, and after its snapshot."""
    evaluations = [e for e in make() if isinstance(e, EvalEvent)]
    third = evaluations[2].validation_loss
    assert all(e.validation_loss > third for e in evaluations[:2])
    *_, snapshot, done = make(CONFIG.replace(target_loss=third))
    assert (snapshot, done) == (SnapshotEvent(10, evaluated=True), DoneEvent(10, "target"))


def test_it_stops_when_nothing_improves():
    """With a learning rate that moves nothing, the second evaluation is no better than the first."""
    config = CONFIG.replace(learning_rate=1e-30, weight_decay=0.0, patience=2)
    *_, snapshot, done = make(config)
    assert (snapshot, done) == (SnapshotEvent(10, evaluated=True), DoneEvent(10, "patience"))
    trainer = make(config)
    until(trainer, lambda event: event == SnapshotEvent(5, evaluated=True))
    other = go_on(trainer)
    other.config = config
    assert list(other)[-1] == DoneEvent(10, "patience")  # it counts on from before the resume


def test_progress_counts_evaluations_since_the_best():
    """A new lowest loss starts the count again, an equal one doesn't; the reasons have an order."""
    progress = Progress()
    for loss in (3.0, 3.0, 2.0, 2.5, 2.0):
        progress.after_evaluation(loss)
    assert (progress.best_loss, progress.stale) == (2.0, 2)
    config = CONFIG.replace(target_loss=2.0, patience=2)
    ask = {"stopped": True, "late": True}
    assert progress.reason(12, config, **ask) == "target"
    assert progress.reason(12, config.replace(target_loss=1.9), **ask) == "finished"
    assert progress.reason(3, config.replace(target_loss=1.9), **ask) == "patience"
    assert progress.reason(3, CONFIG, **ask) == "stopped"
    assert progress.reason(3, CONFIG, stopped=False, late=True) == "time"
    assert progress.reason(3, CONFIG, stopped=False, late=False) is None


def test_an_evaluation_that_diverged_ends_the_training():
    """Weights that an update has spoiled are neither sampled from nor kept as a snapshot."""
    trainer = make()
    until(trainer, lambda event: event == SnapshotEvent(4, evaluated=False))
    (step,) = step_once(trainer)
    assert step.step == 5
    with torch.no_grad():
        trainer.model.ln_f.weight.fill_(float("nan"))
    assert list(trainer) == [DoneEvent(5, "diverged", "After step 5 the training loss was not a number.")]
