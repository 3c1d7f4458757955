"""The Train tab's endpoints, called directly with what a page or a stranger might send."""

import io
import math
import secrets
import time

import gradio as gr
import pandas as pd
import pytest

from llm.checkpoint import load_checkpoint
from llm.config import ModelConfig
from llm.model import GPT
from llm.runs import Run
from llm.ui.sessions import Sessions
from llm.ui.train.watching import LIMITS, build_watching

TINY = {"n_layer": 1, "n_head": 2, "n_embd": 16, "n_ctx": 16, "batch_size": 4, "max_steps": 40, "eval_interval": 10}


@pytest.fixture
def tab(tmp_path, monkeypatch):
    """The tab's component, with an empty home and a session registry of its own."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    sessions = Sessions()
    with gr.Blocks():
        lens = build_watching(sessions)
    lens.sessions = sessions
    return lens


def settings(**changes):
    defaults = {name: default for name, (_, _, default) in LIMITS.items()}
    return {"visitor": "0" * 32, "corpus": "pydoc", "tokenizer": "character", **defaults, **TINY, **changes}


def wait_for_end(tab, request, seconds=60):
    deadline = time.monotonic() + seconds
    while (answer := tab.poll_run({**request, "since": 0}))["state"] in ("running", "paused"):
        assert time.monotonic() < deadline, "the run did not end"
        time.sleep(0.05)
    return answer


def test_plan_counts_what_the_model_has(tab):
    """The parts of the plan add up to the parameters of the model that Start would build."""
    plan = tab.plan_run(settings(n_layer=3, n_embd=24))
    config = ModelConfig(vocab_size=plan["vocab_size"], n_ctx=16, n_embd=24, n_head=2, n_layer=3)
    built = sum(p.numel() for p in GPT(config).parameters())
    assert plan["n_params"] == sum(part["count"] for part in plan["parts"]) == built


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_head": 3, "n_embd": 16}, "can't share a width"),
        ({"learning_rate": math.nan}, "Learning rate must be a number"),
        ({"n_layer": "four"}, "Layers must be a number"),
        ({"seed": None}, "Seed must be a number"),
        ({"tokenizer": "../etc"}, "Tokenizer must be one of"),
        ({"corpus": "upload:../../secret"}, "Choose the file again"),
        ({"corpus": ["pydoc"]}, "Corpus must be a text"),
        ({"visitor": "me"}, "Reload"),
        ({"n_ctx": 1024, "n_embd": 768, "n_head": 16, "batch_size": 128, "n_layer": 12}, "smaller batch"),
    ],
)
def test_bad_settings_get_one_sentence(tab, changes, words):
    """What can't be trained is refused with what to change, and nothing starts."""
    answer = tab.start_run(settings(**changes))
    assert words in answer["error"]
    assert tab.sessions.training_count() == 0


def test_requests_that_are_no_dictionaries_are_refused(tab):
    """Anyone can post anything; every endpoint answers with a sentence."""
    for endpoint in (tab.list_choices, tab.plan_run, tab.start_run, tab.steer_run, tab.poll_run, tab.read_history):
        for request in (None, [], "x", 3, {}):
            assert set(endpoint(request)) == {"error"}


def test_numbers_out_of_range_are_clamped(tab):
    """A number beyond a slider's end means the end."""
    plan = tab.plan_run(settings(n_layer=10**9, max_steps=-5))
    assert plan["n_params"] == ModelConfig(plan["vocab_size"], n_ctx=16, n_embd=16, n_head=2, n_layer=12).n_params


def test_context_longer_than_the_text_is_explained(tab):
    """A short upload with a long context says which context would fit."""
    session = tab.sessions.of({"visitor": "0" * 32})
    session.uploads["short.txt"] = "To be, or not to be. " * 8
    assert "Use a context of" in tab.plan_run(settings(corpus="upload:short.txt", n_ctx=512))["error"]


def test_a_run_trains_reports_and_can_be_opened(tab):
    """From Start to the end: losses fall from about ln V, events arrive once, and the folder loads."""
    request = {"visitor": "0" * 32, "run": tab.start_run(settings())["run"]}
    answer = wait_for_end(tab, request)
    assert answer["state"] == "finished" and answer["step"] == 40
    evaluations = [e for e in answer["events"] if e["event"] == "evaluation"]
    assert evaluations[0]["validation_loss"] == pytest.approx(answer["baselines"][0]["loss"], abs=0.15)
    assert evaluations[-1]["validation_loss"] < evaluations[0]["validation_loss"] - 0.3
    assert [e["step"] for e in answer["events"] if e["event"] == "step"] == list(range(1, 41))
    assert tab.poll_run({**request, "since": answer["next"]})["events"] == []
    session = tab.sessions.of(request)
    run = Run.open(session.runs, request["run"])
    assert load_checkpoint(run.path / "checkpoint").step == 40
    history = tab.read_history(request)
    assert [s[0] for s in history["steps"]] == list(range(1, 41)) and history["state"] == "finished"
    table = pd.read_csv(io.StringIO(tab.export_metrics(request)["csv"]))
    assert table["step"].tolist() == list(range(1, 41))
    assert table["loss"].tolist() == pytest.approx([s[1] for s in history["steps"]])
    assert table["validation_loss"].notna().sum() == 4


def test_pause_step_resume_stop(tab):
    """A paused run stands still, Step makes exactly one step, Resume goes on, Stop ends and saves."""
    request = {"visitor": "0" * 32, "run": tab.start_run(settings(max_steps=100_000, eval_interval=10_000))["run"]}

    def step():
        return tab.poll_run({**request, "since": 0})["step"]

    def until(condition):
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    until(lambda: step() > 3)
    tab.steer_run({**request, "action": "pause"})
    time.sleep(0.2)
    paused = step()
    time.sleep(0.3)
    assert step() == paused
    tab.steer_run({**request, "action": "step"})
    until(lambda: step() == paused + 1)
    time.sleep(0.2)
    assert step() == paused + 1
    assert "still training" in tab.start_run(settings())["error"]
    tab.steer_run({**request, "action": "resume"})
    until(lambda: step() > paused + 3)
    tab.steer_run({**request, "action": "stop"})
    assert wait_for_end(tab, request)["state"] == "stopped"


def test_visitors_do_not_see_each_other(tab):
    """One visitor's run can't be read or steered with another's token."""
    run = tab.start_run(settings())["run"]
    stranger = {"visitor": secrets.token_hex(16), "run": run}
    assert "error" in tab.poll_run(stranger) and "error" in tab.steer_run({**stranger, "action": "stop"})
    assert tab.list_choices(stranger)["run"] is None
    wait_for_end(tab, {"visitor": "0" * 32, "run": run})


def test_upload_paths_outside_the_upload_folder_are_refused(tab, tmp_path):
    """The page names the file to read, so any other file of the server must be out of reach."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret", encoding="utf-8")
    for path in (str(secret), "../secret.txt", "", None, 5, "a\0b"):
        assert "choose the file again" in tab.keep_upload({"visitor": "0" * 32, "path": path})["error"]
    assert secret.exists()
