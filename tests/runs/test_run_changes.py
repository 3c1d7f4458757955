"""Runs that were changed on the fly, lengthened, renamed, ended by a condition, or have diverged."""

import json
import math

import pytest
import torch
from trainings import CONFIG, MODEL, SPLITS, TOKENIZER, kept_model, make, until

from llm.runs.run import Run
from llm.runs.snapshots import Snapshots
from llm.training.events import DoneEvent, ExamEvent, PassageEvent, Question, SnapshotEvent, StepEvent


def make_run(root, config=CONFIG, **more):
    return Run.create(root, MODEL.replace(dropout=0.2), config, TOKENIZER, corpus="cats", **more)


def record(run, trainer, is_last=lambda event: False):
    for event in trainer:
        run.record(trainer, event)
        if is_last(event):
            break


def resume(run, **more):
    return run.resume(*SPLITS, prompt_ids=TOKENIZER.encode("the"), **more)


def told(run):
    """All that was written down, without times."""
    return [{k: v for k, v in m.items() if k != "seconds"} for m in run.metrics()]


@pytest.mark.parametrize("killed", [True, False])
def test_a_changed_run_resumes_to_the_same_losses(tmp_path, killed):
    """Stopped or killed after a change that a checkpoint has seen, it ends as the run that was never cut."""
    runs = [make_run(tmp_path), make_run(tmp_path)]
    trainers = [make(), make()]
    for run, trainer in zip(runs, trainers, strict=True):
        record(run, trainer, lambda event: event.step == 4)
        trainer.change(learning_rate=1e-2, batch_size=6)
    record(runs[0], trainers[0])
    record(runs[1], trainers[1], lambda event: event.step == (7 if killed else 5))
    if not killed:
        trainers[1].stop()
        record(runs[1], trainers[1])
    whole, run = runs[0], Run.open(tmp_path, runs[1].id)
    assert (run.state, run.metrics()[-1]["step"]) == (("running", 7) if killed else ("stopped", 5))
    trainer = resume(run)
    assert trainer.config == CONFIG.replace(learning_rate=1e-2, batch_size=6) and trainer.changes == 1
    record(run, trainer)
    change = {"event": "change", "step": 4, "changes": {"learning_rate": 1e-2, "batch_size": 6}}
    assert told(run).count(change) == 1
    assert told(run) == told(whole)
    assert torch.equal(kept_model(run, 12).wte.weight, kept_model(whole, 12).wte.weight)


def test_a_change_after_the_checkpoint_is_forgotten_with_it(tmp_path):
    """Killed before the next checkpoint, the run goes on as if nobody had changed anything."""
    untouched = make_run(tmp_path)
    record(untouched, make())
    run, trainer = make_run(tmp_path), make()
    record(run, trainer, lambda event: event == SnapshotEvent(5, evaluated=True))
    trainer.change(learning_rate=1e-2)
    record(run, trainer, lambda event: event.step == 7)
    assert {"event": "change", "step": 5, "changes": {"learning_rate": 1e-2}} in run.metrics()
    run = Run.open(tmp_path, run.id)
    record(run, resume(run))
    assert told(run) == told(untouched)


def test_a_finished_run_goes_on_to_a_later_end(tmp_path):
    """With the schedule stretched to it, exams and passage if asked for, and the new end written down."""
    run = make_run(tmp_path)
    record(run, make())
    with pytest.raises(ValueError, match="has made 12 steps already"):
        resume(run, max_steps=12)
    assert Run.open(tmp_path, run.id).state == "finished"
    trainer = resume(run, max_steps=20, questions=[Question((1,), (2,))], passage_ids=[1, 2, 3])
    assert trainer.config == CONFIG.replace(max_steps=20)
    events = until(trainer, lambda event: event.step == 15 and isinstance(event, SnapshotEvent))
    expected = make(CONFIG.replace(max_steps=20))
    rates = {e.step: e.learning_rate for e in expected if isinstance(e, StepEvent)}
    assert [e.step for e in events if isinstance(e, StepEvent)] == [13, 14, 15]
    assert all(e.learning_rate == rates[e.step] for e in events if isinstance(e, StepEvent))
    assert {ExamEvent, PassageEvent} <= {type(event) for event in events}
    for event in events:
        run.append(event)
    again = Run.open(tmp_path, run.id)
    assert again.train_config.max_steps == 20 and again.state == "running"
    record(again, resume(again))  # killed under way, it needs not be told again
    assert again.state == "finished" and again.metrics()[-1]["step"] == 20


@pytest.mark.parametrize(
    ("condition", "reason", "step"),
    [({"patience": 1}, "patience", 5), ({"target_loss": 100.0}, "target", 0), ({"max_seconds": 1e-9}, "time", 1)],
)
def test_a_condition_that_ended_a_run_is_off_when_it_goes_on(tmp_path, condition, reason, step):
    """The state names the reason; the run is saved at that very step, and resuming trains on to the end."""
    config = CONFIG.replace(learning_rate=1e-30, weight_decay=0.0, **condition)
    run = make_run(tmp_path, config)
    record(run, make(config))
    assert (run.state, run.metrics()[-1]["step"], run.snapshots()[-1]) == (reason, step, step)
    run = Run.open(tmp_path, run.id)
    trainer = resume(run)
    assert trainer.step == step and trainer.config == config.replace(**dict.fromkeys(condition, 0))
    record(run, trainer)
    assert run.state == "finished" and run.train_config == trainer.config


def test_divergence_keeps_the_last_good_snapshot(tmp_path):
    """A light snapshot whose weights gave no finite loss goes; the one before it gives one, and the reason is told."""
    run, trainer = make_run(tmp_path), make()
    for event in trainer:
        run.record(trainer, event)
        if event == SnapshotEvent(4, evaluated=False):
            trainer.model.loss = lambda x, y: trainer.model(x).sum() * math.nan
    done = run.metrics()[-1]
    assert (run.state, done["step"], done["reason"]) == ("diverged", 4, "diverged")
    assert done["why"].startswith("In step 5") and "the loss was not a number" in done["why"]
    assert run.snapshots() == [0, 1, 2]
    ids_BT = SPLITS.train[None, :16].long()
    assert kept_model(run, 2).loss(ids_BT, ids_BT).isfinite()
    assert resume(run).step == 0


def test_a_snapshot_that_was_evaluated_stays_after_divergence(tmp_path):
    """Its loss was measured and finite, so a broken batch after it says nothing against it."""
    run, trainer = make_run(tmp_path), make()
    for event in trainer:
        run.record(trainer, event)
        if event == SnapshotEvent(5, evaluated=True):
            trainer.model.loss = lambda x, y: trainer.model(x).sum() * math.nan
            trainer.change(eval_interval=3)  # by which no evaluation would be due at step 5
    assert run.state == "diverged" and run.snapshots() == [0, 1, 2, 4, 5]


def test_names_and_where_the_text_is(tmp_path):
    """A run is renamed on the disk, whoever holds it; the way to its text is kept; older runs have none."""
    run = make_run(tmp_path, corpus_ref="task:sort")
    Run.open(tmp_path, run.id).rename("  Sorting,\n second try ")
    run.record(make(), DoneEvent(0, "stopped"))  # which must not bring the old name back
    again = Run.open(tmp_path, run.id)
    assert (again.name, again.corpus_ref, again.state) == ("Sorting, second try", "task:sort", "stopped")
    for wrong in ("", " \n", "x" * 101):
        with pytest.raises(ValueError, match="1 to 100 characters"):
            again.rename(wrong)
    values = json.loads((run.path / "run.json").read_text(encoding="utf-8"))
    (run.path / "run.json").write_text(json.dumps({**values, "corpus_ref": 3}), encoding="utf-8")
    with pytest.raises(ValueError, match="incomplete"):
        Run.open(tmp_path, run.id)
    del values["corpus_ref"]
    (run.path / "run.json").write_text(json.dumps(values), encoding="utf-8")
    assert Run.open(tmp_path, run.id).corpus_ref == ""


def test_size_is_that_of_all_files(tmp_path):
    """Every file in the folder counts, in whatever subfolder."""
    run, trainer = make_run(tmp_path), make()
    record(run, trainer, lambda event: event == SnapshotEvent(1, evaluated=False))
    assert run.size_bytes() == sum(p.stat().st_size for p in run.path.rglob("*") if p.is_file())
    assert run.size_bytes() > 2 * 4 * MODEL.n_params


def test_snapshots_stay_under_a_limit_of_bytes(tmp_path):
    """Large ones are thinned further, down to the first and the newest."""
    run, trainer = make_run(tmp_path), make()
    for trainer.step in range(0, 100, 10):
        run.snapshot(trainer)
    snapshots = Snapshots(run.path / "snapshots")
    size = sum(path.stat().st_size for path in snapshots.path(0).iterdir())
    snapshots.thin(max_bytes=5 * size + 100)
    assert len(snapshots.steps()) == 5 and {0, 90} <= {*snapshots.steps()}
    snapshots.thin(max_bytes=1)
    assert snapshots.steps() == [0, 90]


def test_weights_too_large_for_float16_are_kept_as_they_are(tmp_path):
    """A training about to diverge may have some; rounded, they would be infinite and the snapshot worthless."""
    run, trainer = make_run(tmp_path), make()
    with torch.no_grad():
        trainer.model.wte.weight[0, 0] = 1e5
    run.snapshot(trainer)
    assert torch.equal(kept_model(run, 0).wte.weight, trainer.model.wte.weight)


def test_a_change_is_told_where_it_happened(tmp_path):
    """In the file it stands between what came before it and the first step it holds for."""
    run, trainer = make_run(tmp_path), make()
    record(run, trainer, lambda event: event == SnapshotEvent(2, evaluated=False))
    trainer.change(batch_size=6)
    record(run, trainer, lambda event: event.step == 3)
    snapshot, change, step = run.metrics()[-3:]
    assert (snapshot["event"], change, step["step"]) == (
        "snapshot",
        {"event": "change", "step": 2, "changes": {"batch_size": 6}},
        3,
    )
