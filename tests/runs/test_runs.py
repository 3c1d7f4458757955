"""Runs on disk: what is recorded, resuming after a kill, thinning, ids that can't leave the folder."""

import dataclasses
import itertools
import json
import shutil

import pytest
import torch
from trainings import kept_model

from llm.config import ModelConfig, TrainConfig
from llm.data import encode_corpus, split
from llm.model import GPT
from llm.runs.run import Run, list_runs
from llm.runs.snapshots import MAX_SNAPSHOTS
from llm.tokenizers import train_tokenizer
from llm.training.trainer import SnapshotEvent, StepEvent, Trainer

TEXT = "one two three four five six seven eight nine ten " * 10
TOKENIZER = train_tokenizer("character", TEXT)
SPLITS = split(encode_corpus(TOKENIZER, TEXT))
MODEL = ModelConfig(TOKENIZER.vocab_size, n_ctx=8, n_embd=12, n_head=2, n_layer=1, dropout=0.1)
TRAIN = TrainConfig(max_steps=14, batch_size=2, eval_interval=5, eval_windows=2, sample_tokens=4)


def make_run(root, **more) -> Run:
    return Run.create(root, MODEL, TRAIN, TOKENIZER, corpus="numbers", **more)


def make_trainer():
    return Trainer(GPT(MODEL), *SPLITS, TRAIN, prompt_ids=[0, 1])


def resume(run) -> Trainer:
    return run.resume(*SPLITS, prompt_ids=[0, 1])


def record(run, trainer, until=None):
    """Train and record; as if killed right after the first event for which `until` is true."""
    for event in trainer:
        run.record(trainer, event)
        if until is not None and until(event):
            return


def timeless(metrics):
    return [{k: v for k, v in m.items() if k != "seconds"} for m in metrics]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was never interrupted."""
    run = make_run(tmp_path_factory.mktemp("runs"), name="Counting ✓", run_id="whole")
    record(run, make_trainer())
    return run


def test_everything_is_found_again(whole):
    """Opened again, a run has its name, settings, tokenizer, state and metrics."""
    run = Run.open(whole.path.parent, "whole")
    assert (run.id, run.name, run.corpus, run.state) == ("whole", "Counting ✓", "numbers", "finished")
    assert (run.model_config, run.train_config) == (MODEL, TRAIN)
    assert run.tokenizer.hash == TOKENIZER.hash
    assert run.created == whole.created
    expected = list(make_trainer())
    metrics = run.metrics()
    assert [m["event"] for m in metrics[:4]] == ["evaluation", "sample", "snapshot", "step"]
    assert metrics[-1] == {"event": "done", "step": 14, "reason": "finished", "why": ""}
    assert len(metrics) == len(expected)
    for line, event in zip(timeless(metrics), expected, strict=True):
        fields = {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(event).items()}
        assert {k: v for k, v in line.items() if k != "event"} == {k: v for k, v in fields.items() if k != "seconds"}


def test_every_snapshot_event_leaves_a_model(tmp_path, whole):
    """Snapshots are the weights of their step, rounded to float16; the checkpoint is the newest, unrounded."""
    assert whole.snapshots() == [0, 1, 2, 4, 5, 10, 14]
    trainer = make_trainer()
    for event in trainer:
        if isinstance(event, SnapshotEvent):
            kept = kept_model(whole, event.step).state_dict()
            for name, tensor in trainer.model.state_dict().items():
                assert torch.equal(tensor.half().float(), kept[name]), (event.step, name)
    shutil.copytree(whole.path, tmp_path / "copy")
    resumed = resume(Run.open(tmp_path, "copy"))
    assert torch.equal(resumed.model.wte.weight, trainer.model.wte.weight)


def test_a_snapshot_that_is_not_kept_is_refused(whole):
    """Steps may come from a browser: anything but a kept one names those there are."""
    for step in (3, -1, 10**12):
        with pytest.raises(ValueError, match=r"choose one of \[0, 1, 2, 4, 5, 10, 14\]"):
            kept_model(whole, step)


@pytest.mark.parametrize(
    "at", [(StepEvent, 1), (SnapshotEvent, 4), (SnapshotEvent, 5), (StepEvent, 9), (StepEvent, 14)]
)
def test_killed_and_resumed_equals_never_killed(tmp_path, whole, at):
    """Wherever the process died, the resumed run has the very same metrics, snapshots and weights."""
    run = make_run(tmp_path)
    record(run, make_trainer(), until=lambda event: (type(event), event.step) == at)
    with (run.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"event": "step", "st')  # the line it was writing
    run = Run.open(tmp_path, run.id)
    assert run.state == "running"
    trainer = resume(run)
    assert trainer.step == at[1] - at[1] % 5 if at[1] < 14 else 10  # the last evaluation
    record(run, trainer)
    assert timeless(run.metrics()) == timeless(whole.metrics())
    assert run.snapshots() == whole.snapshots()
    assert run.state == "finished"
    for step in run.snapshots():
        assert torch.equal(
            kept_model(run, step).wte.weight,
            kept_model(whole, step).wte.weight,
        )


def test_stopped_and_resumed_loses_nothing(tmp_path, whole):
    """A stop saves the very step; the metrics afterwards only have one snapshot more."""
    run, trainer = make_run(tmp_path), make_trainer()
    for event in trainer:
        run.record(trainer, event)
        if event.step == 7:
            trainer.stop()
    assert run.state == Run.open(tmp_path, run.id).state == "stopped"
    assert run.snapshots()[-1] == 7
    trainer = resume(run)
    assert trainer.step == 7 and run.state == "running"
    record(run, trainer)
    extra = {"event": "snapshot", "step": 7, "evaluated": False}
    assert [m for m in timeless(run.metrics()) if m != extra] == timeless(whole.metrics())
    assert torch.equal(kept_model(run, 14).wte.weight, kept_model(whole, 14).wte.weight)


def test_stop_at_a_light_snapshot_is_saved_too(tmp_path):
    """Step 4 was only kept for looking at, so the stop itself must write the checkpoint."""
    run, trainer = make_run(tmp_path), make_trainer()
    for event in trainer:
        run.record(trainer, event)
        if event == SnapshotEvent(4, evaluated=False):
            trainer.stop()
    assert resume(run).step == 4


def test_divergence_is_noted(tmp_path):
    """The state says so, every line stays JSON that a browser reads, and the last checkpoint stands."""
    run, trainer = make_run(tmp_path), make_trainer()
    for event in trainer:
        run.record(trainer, event)
        if event.step == 6:
            trainer.model.loss = lambda x, y: trainer.model(x).sum() * float("nan")
    assert Run.open(tmp_path, run.id).state == "diverged"
    for line in (run.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert resume(run).step == 5


def test_a_run_without_a_checkpoint_begins_anew(tmp_path, whole):
    """Killed before the first checkpoint, with some events and a snapshot written, it becomes the run it was to be."""
    run = make_run(tmp_path)
    assert resume(run).step == 0
    record(run, make_trainer(), until=lambda event: isinstance(event, SnapshotEvent))
    shutil.rmtree(run.path / "checkpoint")
    record(run, resume(Run.open(tmp_path, run.id)))
    assert timeless(run.metrics()) == timeless(whole.metrics()) and run.snapshots() == whole.snapshots()
    (run.path / "checkpoint" / "config.json").unlink()
    with pytest.raises(ValueError, match=r"config\.json"):
        resume(run)  # an unsound one is no missing one


def test_damage_inside_the_metrics_is_an_error(tmp_path):
    """Only the last line may be torn; anything else would be a hole in the curve that nobody sees."""
    run = make_run(tmp_path)
    assert run.metrics() == []
    path = run.path / "metrics.jsonl"
    path.write_bytes(b'{"event": "done", "step": 1}\n\xff\xfe')
    assert run.metrics() == [{"event": "done", "step": 1}]
    path.write_bytes(b'{"event": "do\n{"event": "done", "step": 1}\n')
    with pytest.raises(ValueError, match="damaged"):
        run.metrics()


def test_thinning_keeps_first_newest_and_an_even_spread(tmp_path):
    """However long the run, at most 48 snapshots stay, and no gap between them is more than twice another."""
    run, trainer = make_run(tmp_path), make_trainer()
    for trainer.step in range(0, 1300, 10):
        run.snapshot(trainer)
        steps = run.snapshots()
        assert len(steps) <= MAX_SNAPSHOTS
        assert steps[0] == 0 and steps[-1] == trainer.step
    gaps = [after - before for before, after in itertools.pairwise(steps)]
    assert len(steps) == MAX_SNAPSHOTS
    assert max(gaps[:-1]) <= 2 * min(gaps[:-1])


@pytest.mark.parametrize(
    "bad", ["..", ".", "../other", "a/b", "a\\b", "/etc", "", "a" * 65, "a b", "-rf", "a\n", "a\0", "ä", "a.b"]
)
def test_ids_cannot_leave_the_folder(tmp_path, bad):
    """An id may come from a browser; none of these may name a path."""
    with pytest.raises(ValueError, match="can't name a run"):
        Run.open(tmp_path, bad)
    if bad:  # an empty one asks for an id of its own
        with pytest.raises(ValueError, match="can't name a run"):
            make_run(tmp_path, run_id=bad)
    assert not list(tmp_path.iterdir())


def test_listing_and_deleting(tmp_path):
    """Newest first, strangers and damaged runs left out; a deleted run is gone and the others stay."""
    assert list_runs(tmp_path / "nowhere") == []
    runs = [make_run(tmp_path, run_id=f"run-{n}") for n in range(3)]
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text('{"name": 3}', encoding="utf-8")
    (tmp_path / "strange").mkdir()
    values = json.loads((runs[0].path / "run.json").read_text(encoding="utf-8"))
    values["model"]["n_head"] = 7
    (tmp_path / "strange" / "run.json").write_text(json.dumps(values), encoding="utf-8")
    assert [run.id for run in list_runs(tmp_path)] == ["run-2", "run-1", "run-0"]
    runs[1].delete()
    assert [run.id for run in list_runs(tmp_path)] == ["run-2", "run-0"]
    assert not runs[1].path.exists()
    with pytest.raises(ValueError, match="no run run-1"):
        Run.open(tmp_path, "run-1")


def test_own_ids_differ_and_taken_ones_are_refused(tmp_path):
    """Two runs of the same second are two runs; a name given twice is refused and changes nothing."""
    one, other = make_run(tmp_path), make_run(tmp_path)
    assert one.id != other.id and one.id[:8] == one.created[:10].replace("-", "")
    make_run(tmp_path, run_id="mine", name="first")
    with pytest.raises(ValueError, match="already a run mine"):
        make_run(tmp_path, run_id="mine", name="second")
    assert Run.open(tmp_path, "mine").name == "first"
