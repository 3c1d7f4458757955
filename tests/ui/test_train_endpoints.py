"""The Train tab's endpoints, called directly with what a page or a stranger might send."""

import bz2
import gzip
import math
import pickle
import secrets
import tarfile
import time
from pathlib import Path

import gradio as gr
import pytest
import torch

from llm.config import ModelConfig, TrainConfig
from llm.corpora import CORPORA
from llm.model import GPT
from llm.runs.run import Run
from llm.tokenizers import KINDS
from llm.training.forecast import memory_bytes
from llm.ui.train import planning
from llm.ui.train.presets import FORM as FIELDS
from llm.ui.train.presets import PRESETS
from tests.ui.train_tab import ME, TrainTab, settings

FORM = ("list_choices", "download_corpus", "keep_upload", "keep_paste", "plan_run", "forecast_run", "describe_corpus")
DRIVE = ("start_run", "continue_run", "steer_run", "change_run", "open_run", "poll_run", "read_layers")
RUNS = ("list_ledger", "read_ghosts", "export_run", "compare_runs", "rename_run", "delete_run")
OPEN = ("list_choices", "list_ledger", "read_example_run")


CONFIGS = ("model_config", "train_config")


@pytest.fixture
def tab(tmp_path, monkeypatch):
    """The tab with an empty home."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    return TrainTab()


def test_plan_counts_what_the_model_has(tab):
    """The parts of the plan add up to the parameters of the model that Start would build."""
    plan = tab.plan_run(settings(n_layer=3, n_embd=24))
    config = ModelConfig(vocab_size=plan["vocab_size"], n_ctx=32, n_embd=24, n_head=2, n_layer=3)
    built = sum(p.numel() for p in GPT(config).parameters())
    assert plan["n_params"] == sum(part["count"] for part in plan["parts"]) == built


def test_plan_draws_the_schedule(tab):
    """From the first step to the last, with the peak after the warm-up."""
    schedule = tab.plan_run(settings(max_steps=300, warmup_steps=77, learning_rate=0.01))["schedule"]
    assert schedule[0][0] == 0 and schedule[-1][0] == 299
    assert max(schedule, key=lambda point: point[1]) == pytest.approx((77, 0.01))


def test_forecast_is_a_time_for_the_whole_run(tab):
    """Twice the steps take longer, and nothing is left behind."""
    short, long = (tab.forecast_run(settings(max_steps=steps))["seconds"] for steps in (100, 10_000))
    assert 0 < short < long
    assert not tab.sessions.slots.busy


def test_presets_hold_only_what_the_form_can_show():
    """Every preset's settings are known ones within their limits, and make a model and a recipe."""
    for preset in PRESETS:
        values = preset["settings"]
        assert values["corpus"] in CORPORA and values.get("tokenizer", "character") in KINDS
        for name in values.keys() - {"corpus", "tokenizer"}:
            assert FIELDS[name].problem(values[name]) is None, (preset["name"], name)
        full = {name: setting.default for name, setting in FIELDS.items()} | values
        ModelConfig(**{name: value for name, value in full.items() if name in ModelConfig.__dataclass_fields__})
        TrainConfig(**{name: value for name, value in full.items() if name in TrainConfig.__dataclass_fields__})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_head": 3, "n_embd": 16}, "can't share a width"),
        ({"learning_rate": math.nan}, "Learning rate must be a number"),
        ({"n_layer": "four"}, "Layers must be a number"),
        ({"seed": None}, "Seed must be a number"),
        ({"layer_stats": "yes"}, "Layer stats must be true or false"),
        ({"tokenizer": "../etc"}, "Tokenizer must be one of"),
        ({"corpus": "upload:../../secret"}, "Choose the file again"),
        ({"corpus": "task:nothing"}, "no such text"),
        ({"corpus": ["pydoc"]}, "Corpus must be a text"),
        ({"visitor": "me"}, "Reload"),
        ({"n_ctx": 16}, "the context holds 16"),
        ({"n_ctx": 1024, "n_embd": 768, "n_head": 16, "batch_size": 128, "n_layer": 12}, "smaller batch"),
    ],
)
def test_bad_settings_get_one_sentence(tab, changes, words):
    """What can't be trained is refused with what to change, and nothing starts."""
    answer = tab.start_run(settings(**changes))
    assert words in answer["error"]
    assert not tab.sessions.slots.busy


def test_a_run_is_planned_within_the_memory(tab, monkeypatch):
    """With 2 GB, half of them for what is looked at, a run of 12 x 768 is refused in one sentence; a small one is not.

    What others' runs were promised is no room either, though they may not have taken it yet.
    """
    large = settings(n_layer=12, n_head=12, n_embd=768, n_ctx=128)
    for free, limit in ((1_500_000_000, 2_000_000_000), (1_000_000_000, 64_000_000_000)):
        monkeypatch.setattr(planning, "memory_free", lambda device, free=free: free)
        monkeypatch.setattr(planning, "memory_limit", lambda limit=limit: limit)
        tab.sessions.memory.budget = limit // 2
        for ask in (tab.plan_run, tab.start_run, tab.forecast_run):
            assert "needs about 2.4 GB of memory and there are 1.0 for it here" in ask(large)["error"]
        assert "memory" in tab.plan_run(settings())
    request = tab.start(max_steps=100_000)
    small = memory_bytes(*(Run.open(tab.sessions.of(request).runs, request["run"]).__dict__[name] for name in CONFIGS))
    monkeypatch.setattr(planning, "memory_limit", lambda: tab.sessions.memory.budget + 3 * small // 2)
    assert "memory" in tab.plan_run(settings())  # it would end first
    assert "there are 0.0 for it" in tab.plan_run(settings(visitor="1" * 32))["error"]
    tab.steer_run({**request, "action": "stop"})
    tab.finish(request)


def test_requests_that_are_no_dictionaries_are_refused(tab):
    """Anyone can post anything; every endpoint answers with a sentence."""
    for name in {*FORM, *DRIVE, *RUNS, *OPEN}:
        for request in (None, [], "x", 3, {}, {"visitor": ME, "run": "../x", "runs": "all"}):
            answer = getattr(tab, name)(request)
            if name in OPEN and request and isinstance(request, dict):
                continue  # a visitor's token is all that these need
            assert set(answer) == {"error"}, (name, request)
            assert "went wrong" not in answer["error"], (name, request)


def test_numbers_out_of_range_are_clamped(tab):
    """A number beyond a slider's end means the end."""
    plan = tab.plan_run(settings(n_layer=10**9, max_steps=-5))
    assert plan["n_params"] == ModelConfig(plan["vocab_size"], n_ctx=32, n_embd=16, n_head=2, n_layer=12).n_params


def test_context_longer_than_the_text_is_explained(tab):
    """A short upload with a long context says which context would fit."""
    tab.sessions.of({"visitor": ME}).uploads["short.txt"] = "To be, or not to be. " * 8
    assert "Use a context of" in tab.plan_run(settings(corpus="upload:short.txt", n_ctx=512))["error"]


def test_pause_step_resume_stop(tab):
    """A paused run stands still, Step makes exactly one step, Resume goes on, Stop ends and saves."""
    request = tab.start(max_steps=100_000, eval_interval=10_000)

    def step():
        return tab.poll_run({**request, "since": 0})["step"]

    tab.until(request, lambda answer: answer["step"] > 3)
    tab.steer_run({**request, "action": "pause"})
    time.sleep(0.2)
    paused = step()
    time.sleep(0.2)
    assert step() == paused
    tab.steer_run({**request, "action": "step"})
    tab.until(request, lambda answer: answer["step"] == paused + 1)
    time.sleep(0.1)
    assert step() == paused + 1
    assert "still training" in tab.start_run(settings())["error"]
    assert "in training" in tab.delete_run(request)["error"] and "in training" in tab.continue_run(request)["error"]
    tab.steer_run({**request, "action": "resume"})
    tab.until(request, lambda answer: answer["step"] > paused + 3)
    tab.steer_run({**request, "action": "stop"})
    assert tab.finish(request)["state"] == "stopped"
    assert "not in training" in tab.steer_run({**request, "action": "step"})["error"]


def test_a_step_onto_an_evaluation_brings_the_evaluation(tab):
    """Whoever steps onto it sees its losses, and not only one step later."""
    request = tab.start(eval_interval=2)
    tab.steer_run({**request, "action": "pause"})
    for _ in range(4):
        tab.steer_run({**request, "action": "step"})
    answer = tab.until(request, lambda answer: answer["events"] and answer["events"][-1]["step"] == 4
                       and answer["events"][-1]["event"] == "snapshot")  # fmt: skip
    assert answer["step"] == 4 and answer["state"] == "paused"
    assert [e["step"] for e in answer["events"] if e["event"] == "evaluation"] == [0, 2, 4]
    tab.steer_run({**request, "action": "stop"})
    tab.finish(request)


def test_a_paused_run_that_nobody_looks_at_stops(tab, monkeypatch):
    """An abandoned pause must not keep others from training; it ends saved, as one that was stopped."""
    monkeypatch.setattr("llm.ui.train.training.MAX_UNSEEN_PAUSE", 0.3)
    request = tab.start(max_steps=100_000)
    tab.steer_run({**request, "action": "pause"})
    deadline = time.monotonic() + 30
    while tab.sessions.slots.busy:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert tab.poll_run({**request, "since": 0})["state"] == "stopped"
    assert tab.list_ledger(request)["rows"][0]["state"] == "stopped"


def test_settings_change_on_the_fly_and_leave_a_mark(tab):
    """Rate, batch and interval are used from the next step on; anything else, or nonsense, is refused."""
    request = tab.start(max_steps=100_000)
    tab.until(request, lambda answer: answer["step"] > 2)
    tab.change_run({**request, "learning_rate": 0.0005, "batch_size": 8, "n_layer": 7})
    changed = tab.until(
        request,
        lambda answer: any(e["event"] == "change" and e["step"] < answer["step"] for e in answer["events"]),
    )
    mark = next(e for e in changed["events"] if e["event"] == "change")
    assert mark["changes"] == {"learning_rate": 0.0005, "batch_size": 8}
    assert "number" in tab.change_run({**request, "batch_size": math.inf})["error"]
    tab.steer_run({**request, "action": "stop"})
    tab.finish(request)
    told = tab.open_run(request)
    assert [change["changes"] for change in told["changes"]] == [mark["changes"]]
    seen = dict(told["curves"]["tokens_seen"])
    assert seen[mark["step"] + 1] - seen[mark["step"]] == 8 * 32
    assert "start it first" in tab.change_run({**request, "batch_size": 2})["error"]


def test_restart_takes_the_place_of_the_run_in_training(tab):
    """The old run stops and is saved; the new one begins."""
    old = tab.start(max_steps=100_000)
    tab.until(old, lambda answer: answer["step"] > 2)
    new = tab.start(replace=True)
    assert tab.finish(new)["state"] == "finished" and tab.finish(old)["state"] == "stopped"
    assert not tab.sessions.slots.busy


def test_visitors_do_not_see_each_other(tab):
    """One visitor's run can't be read, steered, renamed, exported or deleted with another's token."""
    request = tab.start()
    stranger = {
        "visitor": secrets.token_hex(16),
        "run": request["run"],
        "action": "stop",
        "name": "mine",
        "kind": "zip",
    }
    for endpoint in (tab.open_run, tab.poll_run, tab.steer_run, tab.rename_run, tab.export_run, tab.delete_run):
        assert "There is no run" in endpoint(stranger)["error"]
    assert tab.list_choices(stranger)["run"] is None and tab.list_ledger(stranger)["rows"] == []
    assert tab.finish(request)["state"] == "finished"


def test_two_visitors_train_at_once(tab):
    """Each has a run of their own."""
    mine, other = settings(), settings(visitor=secrets.token_hex(16), seed=7)
    requests = [{"visitor": s["visitor"], "run": tab.start_run(s)["run"]} for s in (mine, other)]
    assert [tab.finish(request)["state"] for request in requests] == ["finished", "finished"]
    assert [len(tab.list_ledger(request)["rows"]) for request in requests] == [1, 1]


def test_upload_paths_outside_the_upload_folder_are_refused(tab, tmp_path):
    """The page names the file to read, so any other file of the server must be out of reach."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret", encoding="utf-8")
    for path in (str(secret), "../secret.txt", "", None, 5, "a\0b"):
        assert "choose the file again" in tab.keep_upload({"visitor": ME, "path": path})["error"]
    assert secret.exists()


def test_links_archives_and_pickles_are_no_uploads(tab, tmp_path):
    """By what a file is, not by its name: a link could lead anywhere, an archive unfold without end, a pickle run."""
    folder = Path(gr.utils.get_upload_folder()) / secrets.token_hex(8)
    folder.mkdir(parents=True)
    other = folder.parent / secrets.token_hex(8)
    other.write_text("another visitor's text " * 20, encoding="utf-8")
    (folder / "soft.txt").symlink_to(other)
    (folder / "hard.txt").hardlink_to(other)
    for name in ("soft.txt", "hard.txt"):
        assert "choose the file again" in tab.keep_upload({"visitor": ME, "path": str(folder / name)})["error"]
    other.unlink()
    torch.save({"a": torch.zeros(3)}, folder / "zip")
    torch.save({"a": torch.zeros(3)}, folder / "old", _use_new_zipfile_serialization=False)
    with tarfile.open(folder / "tar", "w") as archive:
        archive.add(folder / "zip", "x")
    packed = {
        "archive": [
            (folder / "zip").read_bytes(),
            (folder / "tar").read_bytes(),
            gzip.compress(b"a"),
            bz2.compress(b"a"),
        ],
        "pickle": [(folder / "old").read_bytes(), pickle.dumps([1], 2), pickle.dumps({"a": "b" * 999})],
    }
    for what, contents in packed.items():
        for content in contents:
            (folder / "t.txt").write_bytes(content)
            error = tab.keep_upload({"visitor": ME, "path": str(folder / "t.txt")})["error"]
            assert what in error and len(error) < 200 and not (folder / "t.txt").exists()


@pytest.mark.parametrize(
    "names", [["../../up.txt"], ["/etc/x.txt"], ["con.txt", "a\\b.txt", "%2e%2e%2fx.txt", "<b>.txt"]]
)
def test_an_uploads_name_is_a_name_and_never_a_path(tab, names):
    """Whatever a file is called, its text is kept in memory under that name, and nothing is written by it."""
    for name in names:
        folder = Path(gr.utils.get_upload_folder()) / secrets.token_hex(8)
        folder.mkdir(parents=True)
        path = folder / name.rpartition("/")[2]
        path.write_text("one story " * 40, encoding="utf-8")
        assert tab.keep_upload({"visitor": ME, "path": str(path)})["name"] == f"upload:{path.name}"
        assert not folder.exists()


def test_tables_and_pasted_texts_become_corpora(tab):
    """Of a table a column can be chosen, and what is not text to learn from is refused."""
    folder = Path(gr.utils.get_upload_folder()) / secrets.token_hex(8)

    def upload(**more):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "t.csv").write_text("id,body\n" + "1,one story\n2,another one\n" * 40, encoding="utf-8")
        return tab.keep_upload({"visitor": ME, "path": str(folder / "t.csv"), **more})

    taken = {"name": "upload:t.csv: body", "columns": ["id", "body"], "column": "body"}
    assert upload() == {**taken, "found": "", "encodings": []}
    assert upload(column="id")["name"] == "upload:t.csv: id"
    assert "must be one of" in upload(column="nothing")["error"]
    assert tab.plan_run(settings(corpus="upload:t.csv: body"))["vocab_size"] == len(set("one story\nanother one\n"))
    pasted = tab.keep_paste({"visitor": ME, "text": "Row, row, row your boat. " * 40})["name"]
    assert tab.describe_corpus(settings(corpus=pasted))["n_characters"] == 1000
    assert "nothing to learn" in tab.keep_paste({"visitor": ME, "text": " \n "})["error"]
