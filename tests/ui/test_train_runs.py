"""Runs after their training: listed, continued, renamed, deleted, exported. By endpoint, without a browser."""

import json
import shutil
import zipfile

import pandas as pd
import pytest
import torch
from trainings import kept_model

from llm.checkpoint import load_checkpoint
from llm.runs.run import Run
from llm.ui.door.receiving import upload_folder
from llm.ui.subject import SHIPPED
from llm.ui.train.example import example_run
from llm.ui.train.run_context import read_context, write_context
from llm.ui.uploads import keep_own
from tests.ui.train_tab import ME, PREPARATIONS, TrainTab, settings


@pytest.fixture
def tab(tmp_path, monkeypatch):
    """The tab with an empty home."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    return TrainTab()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A tab, the request that names its finished run, and the last answer; to look at only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSBOX_HOME", str(tmp_path_factory.mktemp("finished")))
        tab = TrainTab()
        request = tab.start(layer_stats=True)
        yield tab, request, tab.finish(request)


def test_a_run_trains_reports_and_can_be_opened(finished):
    """From Start to the end: losses fall from about ln V, events come once, and the folder loads."""
    tab, request, answer = finished
    assert answer["state"] == "finished" and answer["step"] == 20
    evaluations = [e for e in answer["events"] if e["event"] == "evaluation"]
    assert evaluations[-1]["validation_loss"] < evaluations[0]["validation_loss"] - 0.1
    assert [e["step"] for e in answer["events"] if e["event"] == "step"] == list(range(1, 21))
    assert tab.poll_run({**request, "since": answer["next"]})["events"] == []
    told = tab.open_run(request)
    assert evaluations[0]["validation_loss"] == pytest.approx(told["backdrop"]["baselines"][0]["loss"], abs=0.15)
    assert [step for step, _ in told["curves"]["loss"]] == list(range(1, 21))
    assert told["form"] == {name: settings(layer_stats=True)[name] for name in told["form"]}
    run = Run.open(tab.sessions.of(request).runs, request["run"])
    assert load_checkpoint(run.path / "checkpoint").step == 20


def test_a_run_is_told_the_same_live_and_from_the_disk(finished):
    """Another process that never saw the training shows the same curves, samples, answers and settings."""
    tab, request, _ = finished
    live, read = tab.open_run(request), TrainTab().open_run(request)
    for part in ("curves", "moments", "changes", "end", "form", "backdrop", "about"):
        assert live[part] == read[part]
    assert read["standing"]["state"] == "finished" and read["standing"]["step"] == 20


def test_tasks_are_examined_and_a_passage_is_read(finished):
    """At every evaluation: an answer for each question, and a loss for each token of the passage but the first."""
    tab, request, _ = finished
    told = tab.open_run(request)
    assert [moment["step"] for moment in told["moments"]] == [0, 10, 20]
    assert told["backdrop"]["baselines"][-1]["floor"] and told["backdrop"]["unit"] == "characters"
    for moment in told["moments"]:
        assert len(moment["exam"]) == len(told["backdrop"]["exam"]) > 50
        assert len(moment["passage"]) == len(told["backdrop"]["passage"]) - 1 > 50
    for prompt, answer, seen in told["backdrop"]["exam"]:
        assert "".join(sorted(prompt[:-1])) == answer and not seen


def test_before_the_first_run_there_is_a_shipped_example(tab):
    """Its curves are those of the shipped metrics, its context is what a run of its text would note, and its layers
    are measured at the steps of its evaluations."""
    told, run = tab.read_example_run({"visitor": ME}), example_run()
    shipped = [event for event in run.metrics() if event["event"] == "evaluation"]
    assert [step for step, _ in told["curves"]["validation_loss"]] == [event["step"] for event in shipped]
    assert told["end"]["reason"] == "finished" and len(told["backdrop"]["exam"]) == 64
    prepared = PREPARATIONS.again(tab.sessions.of({"visitor": ME}), run.corpus_ref, run)
    copy = Run.open(shutil.copytree(run.path, tab.sessions.of({"visitor": ME}).runs / "copy").parent, "copy")
    write_context(copy, prepared, "character")
    assert read_context(copy) == told["backdrop"]
    layers = tab.read_layers({"visitor": ME})
    assert [moment["step"] for moment in layers["moments"]] == [event["step"] for event in shipped][1:]
    heads = [len(part["attention_entropy"]) for part in layers["moments"][-1]["layers"]]
    assert heads == [0, 0, run.model_config.n_head, run.model_config.n_head, 0]


def test_the_table_says_what_each_reached_and_what_changed(tab):
    """Newest first; each row holds the settings that differ from the run before it."""
    first = tab.start(max_steps=10)
    tab.finish(first)
    second = tab.start(max_steps=10, n_layer=2, learning_rate=0.02)
    tab.finish(second)
    told = tab.list_ledger({"visitor": ME})
    assert [curve["id"] for curve in told["curves"]] == [second["run"], first["run"]]
    assert told["curves"][1]["loss"] == tab.open_run(first)["curves"]["validation_loss"]
    rows = told["rows"]
    assert [row["id"] for row in rows] == [second["run"], first["run"]]
    assert sorted(rows[0]["changes"]) == [["learning_rate", 0.01, 0.02], ["n_layer", 1, 2]] and rows[1]["changes"] == []
    assert rows[0]["step"] == 10 and rows[0]["state"] == "finished" and not rows[0]["live"]
    assert rows[0]["best"] <= rows[0]["validation_loss"] < 2.6 and 0 <= rows[0]["accuracy"] <= 1
    compared = tab.compare_runs({"visitor": ME, "runs": [first["run"], second["run"], "x", 5]})
    assert {line["name"]: line["values"] for line in compared["settings"]} == {
        "n_layer": [2, 1],
        "learning_rate": [0.02, 0.01],
    }
    json.dumps(rows)  # plain numbers only


def test_rename_and_delete(tab):
    """A name may hold anything but nothing; a deleted run is gone from table and disk."""
    request = tab.start(max_steps=5)
    tab.finish(request)
    assert "name" in tab.rename_run({**request, "name": "  "})["error"]
    tab.rename_run({**request, "name": "<b>mine</b>"})
    assert tab.list_ledger(request)["rows"][0]["name"] == "<b>mine</b>" == TrainTab().open_run(request)["about"]["name"]
    assert tab.delete_run(request) == {}
    assert tab.list_ledger(request)["rows"] == [] and tab.list_choices(request)["run"] is None
    assert "There is no run" in tab.open_run(request)["error"]


def test_a_run_is_kept(tab):
    """The table says so until it is kept no longer, and a run in training goes on saying so."""
    request = tab.start(max_steps=5)
    for kept in (True, False):
        assert tab.keep_run({**request, "kept": kept}) == {}
        assert tab.list_ledger(request)["rows"][0]["kept"] is kept
    tab.keep_run({**request, "kept": True})
    tab.finish(request)
    assert tab.list_ledger(request)["rows"][0]["kept"]


def test_a_finished_run_goes_on_with_more_steps(tab):
    """To a new end and with a new rate; and only forward."""
    request = tab.start(max_steps=10)
    tab.finish(request)
    tab.continue_run({**request, "max_steps": 15, "learning_rate": 0.0001})
    answer = tab.finish(request)
    assert answer["state"] == "finished" and answer["step"] == 15
    told = tab.open_run(request)
    assert [step for step, _ in told["curves"]["loss"]] == list(range(1, 16))
    assert told["changes"] == [{"step": 10, "changes": {"learning_rate": 0.0001}}]
    assert told["form"]["max_steps"] == 15


def test_a_run_cut_off_is_listed_and_goes_on_as_if_nothing_had_happened(tab):
    """Its process ends between two evaluations; another finds it and reaches the same losses. Its text came along."""
    text = "The owl and the pussycat went to sea in a beautiful pea-green boat.\n" * 30
    tab.sessions.of({"visitor": ME}).uploads["owl.txt"] = text
    whole = tab.start(corpus="upload:owl.txt")
    tab.finish(whole)
    cut = tab.start(corpus="upload:owl.txt")
    tab.until(cut, lambda answer: answer["step"] >= 13)
    tab.steer_run({**cut, "action": "pause"})  # and nobody ever resumes it: to the disk that is a killed process

    later = TrainTab()
    row = next(row for row in later.list_ledger(cut)["rows"] if row["id"] == cut["run"])
    assert row["state"] == "interrupted" and not row["live"]
    assert later.open_run(cut)["standing"]["state"] == "interrupted"
    later.continue_run(cut)
    assert later.finish(cut)["state"] == "finished"
    told, expected = later.open_run(cut), later.open_run(whole)
    for curve in ("loss", "validation_loss", "grad_norm"):
        assert told["curves"][curve] == expected["curves"][curve]
    assert told["moments"] == expected["moments"]


def test_two_texts_of_one_name_are_told_apart(tab):
    """Another same.txt gets a name and a card of its own; Continue goes on with the run's own text, or says why not."""
    session = tab.sessions.of({"visitor": ME})
    first, second = "The owl and the pussycat went to sea.\n" * 60, "Pigs fly to the moon on Sundays.\n" * 90
    assert keep_own(session, "same.txt", first) == keep_own(session, "same.txt", first) == "same.txt"
    request = tab.start(corpus="upload:same.txt", max_steps=5)
    tab.finish(request)
    assert keep_own(session, "same.txt", second) == "same.txt (2)"
    card = tab.describe_corpus({**settings(), "corpus": "upload:same.txt (2)"})
    assert card["n_bytes"] == len(second) and "Pigs" in card["sample"]
    other = tab.start(corpus="upload:same.txt (2)", max_steps=5)
    tab.finish(other)
    texts = {ghost["text"] for ghost in tab.read_ghosts({**request, "runs": [request["run"], other["run"]]})["ghosts"]}
    assert len(texts) == 2  # no curve of one is drawn behind the other

    session.uploads.keep_last(0)  # the server was started again, and the other text was uploaded first
    keep_own(session, "same.txt", second)
    assert tab.open_run(request)["form"]["corpus"] == "upload:same.txt (2)"
    tab.continue_run({**request, "max_steps": 8})
    assert tab.finish(request)["state"] == "finished"
    session.uploads.keep_last(0)
    run = Run.open(session.runs, request["run"])
    (run.path / "text.json").write_text(json.dumps(second))
    refused = tab.continue_run({**request, "max_steps": 9})["error"]
    assert "not the text that this run learnt from" in refused and "begin a new run" in refused


def test_training_on_from_a_model_is_listed_as_its_child(tab):
    """A model of the bar's menu keeps shape and tokens, whatever the form says; the run begins with its weights."""
    parent = load_checkpoint(SHIPPED / "sorter")
    origins = {origin["ref"] for origin in tab.list_choices({"visitor": ME})["origins"]}
    assert "shipped:sorter" in origins
    form = {"origin": "shipped:sorter", "corpus": "task:sort", "tokenizer": "bpe", "n_layer": 3, "max_steps": 2}
    card = tab.describe_corpus({**settings(), **form})
    assert card["vocab_size"] == parent.tokenizer.vocab_size
    request = tab.start(**form)
    assert tab.finish(request)["state"] == "finished"
    run = Run.open(tab.sessions.of(request).runs, request["run"])
    assert run.model_config == parent.model.config and run.tokenizer.hash == parent.tokenizer.hash
    assert torch.equal(kept_model(run, 0).wte.weight, parent.model.wte.weight.half().float())
    (row,) = tab.list_ledger(request)["rows"]
    assert row["parent"] == "sorter" and tab.open_run(request)["form"]["origin"] == "shipped:sorter"
    tab.continue_run({**request, "max_steps": 3})
    assert tab.finish(request)["state"] == "finished"
    child = tab.start(origin=f"run:{run.id}", max_steps=1)
    tab.finish(child)
    assert {row["parent"] for row in tab.list_ledger(request)["rows"]} == {"sorter", run.name}
    misfit = tab.plan_run({**settings(), **form, "corpus": "tales"})["error"]
    assert "“sorter” has no" in misfit
    assert "no such model" in tab.plan_run({**settings(), **form, "origin": "nothing"})["error"]


def test_a_page_that_fell_behind_is_told_so(tab):
    """A page that followed the run before it was continued reads its story anew instead of missing a part."""
    request = tab.start(max_steps=10)
    tab.finish(request)
    later = TrainTab()
    assert later.poll_run({**request, "since": 0})["events"] == []
    later.continue_run({**request, "max_steps": 14})
    later.finish(request)
    assert later.poll_run({**request, "since": 0})["behind"]
    assert later.poll_run({**request, "since": 10**9})["behind"]
    told = later.open_run(request)
    assert told["curves"]["loss"][-1][0] == 14 and not later.poll_run({**request, "since": told["next"]})["behind"]


def test_metrics_and_the_run_can_be_taken_along(finished):
    """A CSV with a row a step, the JSON lines as they lie on the disk, and a zip with a model in it."""
    tab, request, _ = finished
    run = Run.open(tab.sessions.of(request).runs, request["run"])

    def export(kind):
        answer = tab.export_run({**request, "kind": kind})
        _, place, key, name = answer["address"].split("/")
        assert (place, name) == ("exports", answer["name"]) and name == f"Sort-1-x-2-x-16.{kind}"
        return next((upload_folder() / place).glob(f"*/{key}/{name}"))

    lines = export("jsonl").read_text(encoding="utf-8")
    assert lines == (run.path / "metrics.jsonl").read_text(encoding="utf-8")
    with zipfile.ZipFile(export("zip")) as file:
        assert f"{run.id}/checkpoint/model.safetensors" in file.namelist()
    table = pd.read_csv(export("csv"))
    assert table["step"].tolist() == list(range(1, 21))
    steps = [m for m in run.metrics() if m["event"] == "step"]
    assert table["loss"].tolist() == pytest.approx([m["loss"] for m in steps])
    assert (
        table["validation_loss"].notna().sum() == table["accuracy"].notna().sum() == 2
    )  # not that before the first step
    assert "must be one of" in tab.export_run({**request, "kind": "exe"})["error"]


def test_layers_are_measured_when_asked(finished):
    """With the switch on, each evaluation after the first step tells of every part."""
    tab, request, _ = finished
    told = tab.read_layers(request)
    assert [moment["step"] for moment in told["moments"]] == [10, 20] and told["measured"]
    assert [part["name"] for part in told["moments"][0]["layers"]] == ["wte", "wpe", "h.0", "ln_f"]
    assert [m["step"] for m in tab.read_layers({**request, "since": 10})["moments"]] == [20]


def test_ghosts_are_the_visitors_own_runs(finished):
    """Their validation curves come with the tokens seen; whatever else is asked for is left out."""
    tab, request, _ = finished
    ghosts = tab.read_ghosts({"visitor": ME, "runs": [request["run"], "nothing", None, "../x"]})["ghosts"]
    assert [ghost["id"] for ghost in ghosts] == [request["run"]]
    assert [step for step, _ in ghosts[0]["curves"]["validation_loss"]] == [0, 10, 20]
    assert tab.read_ghosts({**settings(), "visitor": "1" * 32, "runs": [request["run"]]})["ghosts"] == []
