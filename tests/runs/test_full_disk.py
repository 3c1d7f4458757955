"""A disk that fills: nothing that was saved is lost, nothing half-written stays, and a training can go on."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_disk import small_disk
from test_runs import MODEL, SPLITS, TOKENIZER, TRAIN, make_run, make_trainer, record, resume, timeless

from llm import files
from llm.checkpoint import load_checkpoint, load_trainer_state
from llm.files import disk_trouble
from llm.limits import LAPTOP
from llm.model import GPT
from llm.runs.run import Run, list_runs
from llm.runs.snapshots import Snapshots
from llm.training.trainer import Trainer
from llm.ui.slots import Slots
from llm.ui.train.training import DISK_FULL, Training

ROOT = Path(__file__).resolve().parents[2]
OFTEN = TRAIN.replace(max_steps=40, eval_interval=1)


def is_sound(run):
    """Every snapshot and the checkpoint can be read, every line of the metrics too; nothing half-written is there."""
    snapshots = Snapshots(run.path / "snapshots")
    for step in snapshots.steps():
        assert snapshots.load(step)
    if run.resumable:
        load_checkpoint(run.path / "checkpoint")
        load_trainer_state(run.path / "checkpoint")
    run.metrics()
    assert not list(run.path.rglob("*.new"))
    return True


def whole_run(root, config):
    run = Run.create(root, MODEL, config, TOKENIZER, corpus="numbers")
    record(run, Trainer(GPT(MODEL), *SPLITS, config, prompt_ids=[0, 1]))
    return run


@pytest.mark.parametrize("refused", range(1, 40, 3))
def test_whatever_write_finds_the_disk_full_can_be_made_again(tmp_path, monkeypatch, refused):
    """The n-th file that should be put in its place is refused: all is sound, and the same event is recorded later."""
    (tmp_path / "whole").mkdir()
    expected, run = whole_run(tmp_path / "whole", TRAIN), make_run(tmp_path)
    count, to_disk = 0, files.to_disk

    def full(path):
        nonlocal count
        count += 1
        if count == refused:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        to_disk(path)

    monkeypatch.setattr(files, "to_disk", full)
    trainer, failed = make_trainer(), 0
    for event in trainer:
        try:
            run.record(trainer, event)
        except OSError:
            assert is_sound(run)
            failed += 1
            run.record(trainer, event)
    assert failed <= 1 and is_sound(run)
    assert timeless(run.metrics()) == timeless(expected.metrics()) and run.snapshots() == expected.snapshots()


def test_a_line_that_did_not_fit_leaves_no_half(tmp_path):
    """The metrics end with the last whole line, and the run that began where there was no room is not there."""
    with small_disk(tmp_path / "disk", 64) as disk:
        run = make_run(disk.path)
        trainer = make_trainer()
        (disk.path / "ballast").write_bytes(b"x" * 4096)
        with pytest.raises(OSError) as full:
            record(run, trainer)
        assert disk_trouble(full.value).startswith("The disk is full")
        assert is_sound(run)
        with pytest.raises(OSError):
            for _ in range(40):
                make_run(disk.path)
        assert all((path / "run.json").is_file() for path in disk.path.iterdir() if path.is_dir())


def test_a_run_on_the_page_pauses_until_there_is_room(tmp_path):
    """With a message; then it goes on as if nothing had happened, and no snapshot is missing."""
    expected = whole_run(tmp_path / "whole", OFTEN)
    with small_disk(tmp_path / "disk", 400) as disk:
        run = Run.create(disk.path, MODEL, OFTEN, TOKENIZER, corpus="numbers")
        training = Training(run, lambda: Trainer(GPT(MODEL), *SPLITS, OFTEN, prompt_ids=[0, 1]), slots := Slots(LAPTOP))
        slots.admit(training)
        training.start()
        training._thread.join(3)
        assert training.alive and training.state == "paused" and training.since(0)["failure"] == DISK_FULL
        assert is_sound(run) and run.resumable
        training.resume()  # there is still no room
        training._thread.join(0.5)
        assert training.alive and training.state == "paused" and training.failure == DISK_FULL
        disk.grow(8_000)
        training.resume()
        training.join()
        assert training.state == "finished" and not training.failure and is_sound(run)
        assert timeless(run.metrics()) == timeless(expected.metrics()) and run.snapshots() == expected.snapshots()


def test_a_run_that_is_stopped_while_the_disk_is_full_ends(tmp_path):
    """What was saved before is whole, and the sentence says why the rest is not."""
    with small_disk(tmp_path / "disk", 400) as disk:
        run = Run.create(disk.path, MODEL, OFTEN, TOKENIZER, corpus="numbers")
        training = Training(run, lambda: Trainer(GPT(MODEL), *SPLITS, OFTEN, prompt_ids=[0, 1]), slots := Slots(LAPTOP))
        slots.admit(training)
        training.start()
        training._thread.join(3)
        training.stop()
        training.join()
        assert training.state == "failed" and "The disk is full" in training.failure
        assert is_sound(run) and resume(run).step > 0


@pytest.mark.slow
def test_the_command_line_says_so_and_goes_on_later(tmp_path):
    """One sentence, exit code 1, the old checkpoint whole; with room, --resume makes the rest of the run."""
    (tmp_path / "text.txt").write_text("one two three four five six " * 60)
    shape = ["--n-layer", "1", "--n-head", "1", "--n-embd", "16", "--n-ctx", "8", "--batch-size", "2"]
    often = ["--max-steps", "30", "--eval-interval", "1", "--eval-windows", "2", "--sample-tokens", "2"]
    text = ["--text", str(tmp_path / "text.txt")]
    command = [sys.executable, "-m", "llm", "train", *text]

    def train(*more):
        environment = {**os.environ, "GLASSBOX_HOME": str(tmp_path / "disk")}
        return subprocess.run([*command, *more], cwd=ROOT, env=environment, capture_output=True, text=True)

    with small_disk(tmp_path / "disk", 300) as disk:
        ended = train("--tokenizer", "character", *shape, *often)
        assert ended.returncode == 1 and "Traceback" not in ended.stderr
        (run,) = list_runs(disk.path / "runs")
        last = ended.stderr.strip().splitlines()[-1]
        assert last.startswith("The disk is full") and last.endswith(f"To go on: --resume {run.id}")
        assert is_sound(run) and run.resumable
        disk.grow(8_000)
        ended = train("--resume", run.id)
        assert ended.returncode == 0, ended.stderr
        assert [m["step"] for m in run.metrics() if m["event"] == "step"] == list(range(1, 31))
