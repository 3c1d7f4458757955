"""A run as a zip: only what is named, whole, and openable."""

import json
import shutil
import zipfile
from pathlib import PurePosixPath

import pytest
import torch
from trainings import CONFIG, MODEL, TOKENIZER, make

from llm.checkpoint import load_checkpoint
from llm.runs.run import Run
from llm.training.events import SnapshotEvent

NAMES = ["checkpoint/README.md", "checkpoint/config.json", "checkpoint/model.safetensors", "checkpoint/tokenizer.json"]


@pytest.fixture
def run(tmp_path):
    run, trainer = (
        Run.create(tmp_path, MODEL, CONFIG, TOKENIZER, corpus="cats", name="Küche ../x", run_id="mine"),
        make(),
    )
    for event in trainer:
        run.record(trainer, event)
        if event == SnapshotEvent(5, evaluated=True):
            break
    return run


def test_the_zip_holds_a_model_that_opens(run, tmp_path):
    """Unpacked, its checkpoint is the run's newest, and settings and events are the run's."""
    (run.path / "secret.txt").write_text("not for others", encoding="utf-8")
    with (run.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"event": "st')  # being written just now
    run.export_zip(tmp_path / "run.zip")
    with zipfile.ZipFile(tmp_path / "run.zip") as file:
        names = sorted(file.namelist())
        assert names == [f"mine/{name}" for name in [*NAMES, "metrics.jsonl", "run.json"]]
        assert not any(PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts for name in names)
        file.extractall(tmp_path / "there")
    there = tmp_path / "there" / "mine"
    model, newest = load_checkpoint(there / "checkpoint").model, load_checkpoint(run.path / "checkpoint").model
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), newest.parameters(), strict=True))
    lines = (there / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == run.metrics()
    assert Run.open(tmp_path / "there", "mine").train_config == CONFIG
    card = (there / "checkpoint" / "README.md").read_text(encoding="utf-8")
    assert "Küche ../x" in card and f"{MODEL.n_params:,} parameters" in card
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "run.zip", "there"]


def test_without_a_checkpoint_nothing_is_left(run, tmp_path):
    """A run that has saved nothing yet is refused, and no half file stays."""
    shutil.rmtree(run.path / "checkpoint")
    with pytest.raises(ValueError, match=r"no file .*config\.json"):
        run.export_zip(tmp_path / "run.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_checkpoint_replaced_meanwhile_is_read_again(run, tmp_path, monkeypatch):
    """Weights of one step never come with the config of another."""
    write, replaced = zipfile.ZipFile.write, []

    def write_slowly(file, name, *more):
        write(file, name, *more)
        if not replaced:  # right after config.json was read
            replaced.append(name)
            trainer = make()
            while trainer.step < 3:
                next(trainer)
            run.save_checkpoint(trainer)

    monkeypatch.setattr(zipfile.ZipFile, "write", write_slowly)
    run.export_zip(tmp_path / "run.zip")
    with zipfile.ZipFile(tmp_path / "run.zip") as file:
        assert json.loads(file.read("mine/checkpoint/config.json"))["step"] == 3
