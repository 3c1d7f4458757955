"""More visitors than slots: who trains, who waits, and what becomes of those whose page is gone."""

import dataclasses
import secrets
import time

import pytest
import torch

from llm.checkpoint import load_checkpoint
from llm.limits import LAPTOP
from llm.runs.run import Run
from tests.ui.train_tab import TrainTab, settings

ONE = dataclasses.replace(LAPTOP, trainings=1, queue=3)
LONG = {"max_steps": 100_000, "eval_interval": 10_000}


@pytest.fixture
def tab(tmp_path, monkeypatch):
    """One slot, three may wait, and an empty home. All runs are stopped in the end."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    tab = TrainTab(ONE)
    yield tab
    for session in tab.sessions.all():
        for training in session.trainings.values():
            training.stop()
            training.join()


def begin(tab, **changes):
    """Another visitor presses Start; returns the request that names their run, or the refusal."""
    visitor = secrets.token_hex(16)
    answer = tab.start_run(settings(visitor=visitor, **changes))
    return {"visitor": visitor, "run": answer["run"]} if "run" in answer else answer


def standing(tab, request):
    answer = tab.poll_run({**request, "since": 0})
    return answer["state"], answer["place"]


def training_of(tab, request):
    return tab.sessions.of(request).trainings[request["run"]]


def test_who_comes_later_waits_and_begins_by_itself(tab):
    """First come, first served; each is told its place, and none is refused while there is room."""
    first, second, third = begin(tab, **LONG), begin(tab, **LONG), begin(tab)
    tab.until(first, lambda answer: answer["step"] > 2)
    assert [standing(tab, one) for one in (first, second, third)] == [("running", None), ("waiting", 1), ("waiting", 2)]
    assert tab.list_ledger(second)["rows"][0]["state"] == "waiting"
    assert "waits for its turn" in tab.start_run(settings(visitor=second["visitor"]))["error"]
    fourth = begin(tab)
    assert "All places to train are taken here, and 3 more wait" in begin(tab)["error"]
    tab.steer_run({**first, "action": "stop"})
    tab.until(second, lambda answer: answer["state"] == "running")
    assert standing(tab, third) == ("waiting", 1) and standing(tab, fourth) == ("waiting", 2)
    tab.steer_run({**second, "action": "stop"})
    assert [tab.finish(one)["state"] for one in (first, second, third, fourth)] == ["stopped"] * 2 + ["finished"] * 2


def test_never_more_trainers_than_slots(tab, monkeypatch):
    """Runs that go round hold no model while they wait, and every one comes to its end, as if it had been alone."""
    monkeypatch.setattr("llm.ui.slots.TURN_SECONDS", 0.2)
    alone = tab.start(seed=5, dropout=0.1, max_steps=40)
    tab.finish(alone)
    requests = [begin(tab, seed=5, dropout=0.1, max_steps=40) for _ in range(3)]
    turns, holding = 0, {}
    while any(training_of(tab, one).alive for one in requests):
        trainers = [training_of(tab, one)._trainer for one in requests]
        assert sum(trainer is not None for trainer in trainers) <= 1
        for i, trainer in enumerate(trainers):
            turns += trainer is not None and holding.get(i) != id(trainer)
            if trainer is not None:
                holding[i] = id(trainer)
        [tab.poll_run({**one, "since": 0}) for one in requests]
        time.sleep(0.01)
    expected = final_weights(tab, alone)
    for one in requests:
        assert tab.poll_run({**one, "since": 0})["state"] == "finished"
        assert torch.equal(final_weights(tab, one), expected)
        told, before = (tab.open_run(each)["curves"] for each in (one, alone))
        assert told["loss"] == before["loss"] and told["validation_loss"] == before["validation_loss"]
    assert turns > 3, "nobody took turns"


def final_weights(tab, request):
    run = Run.open(tab.sessions.of(request).runs, request["run"])
    return load_checkpoint(run.path / "checkpoint").model.wte.weight


def test_a_paused_run_does_not_keep_others_waiting(tab):
    """Its slot goes to who waits; Step and Resume queue again, and Step makes one step."""
    first = begin(tab, **LONG)
    tab.until(first, lambda answer: answer["step"] > 2)
    tab.steer_run({**first, "action": "pause"})
    second = begin(tab, max_steps=300)
    tab.until(second, lambda answer: answer["state"] == "running")
    paused = tab.poll_run({**first, "since": 0})
    assert (paused["state"], paused["place"]) == ("paused", None)
    tab.steer_run({**first, "action": "step"})
    tab.until(first, lambda answer: answer["place"] == 1)
    assert tab.finish(second)["state"] == "finished"
    tab.until(first, lambda answer: answer["state"] == "paused" and answer["step"] == paused["step"] + 1)
    time.sleep(0.2)
    assert standing(tab, first) == ("paused", None) and training_of(tab, first)._step == paused["step"] + 1
    tab.steer_run({**first, "action": "resume"})
    tab.until(first, lambda answer: answer["step"] > paused["step"] + 3)


def test_a_run_that_nobody_watches_makes_room(tab, monkeypatch):
    """It is set aside for who is there, goes on when the slot is free, and stops, saved, when that never comes."""
    first = begin(tab, **LONG)
    tab.until(first, lambda answer: answer["step"] > 2)
    left = training_of(tab, first)
    monkeypatch.setattr("llm.ui.train.training.UNWATCHED", 0.5)
    second = begin(tab, **LONG)
    tab.until(second, lambda answer: answer["state"] == "running")
    assert left.state == "waiting" and left.alive and left.run.resumable
    tab.steer_run({**second, "action": "stop"})
    tab.finish(second)
    deadline = time.monotonic() + 20
    while left.state != "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    third = begin(tab, **LONG)
    monkeypatch.setattr("llm.ui.train.training.MAX_UNSEEN_PAUSE", 0.6)
    tab.until(third, lambda answer: not left.alive)
    assert left.state == "stopped" and standing(tab, third)[0] == "running"
    assert tab.continue_run({**first, "max_steps": 100_000}) == {"run": first["run"]}
    assert standing(tab, first) == ("waiting", 1)


def test_who_leaves_the_queue_leaves_nothing(tab, monkeypatch):
    """By the button or because the page is gone: the run that never began is no run, and the others move up."""
    first, second, third, fourth = (begin(tab, **LONG) for _ in range(4))
    tab.steer_run({**second, "action": "stop"})
    assert tab.finish(second)["state"] == "left"
    assert tab.list_ledger(second)["rows"] == [] and "There is no run" in tab.open_run(second)["error"]
    assert standing(tab, third) == ("waiting", 1)
    monkeypatch.setattr("llm.ui.train.training.UNWATCHED", 0.5)
    gone = training_of(tab, third)
    tab.until(fourth, lambda answer: tab.poll_run({**first, "since": 0}) and not gone.alive)
    assert gone.state == "left" and standing(tab, fourth) == ("waiting", 1)
    again = tab.start_run(settings(visitor=second["visitor"]))["run"]
    assert list(tab.sessions.of(second).trainings) == [again]


def test_restart_while_waiting_keeps_the_place(tab):
    """Other settings are no reason to queue anew; but who trains, while others wait, queues for the next run."""
    first, second, third = begin(tab, **LONG), begin(tab, **LONG), begin(tab, **LONG)
    request = {"visitor": second["visitor"]}
    request["run"] = tab.start_run(settings(**request, replace=True))["run"]
    assert standing(tab, request) == ("waiting", 1) and tab.finish(second)["state"] == "left"
    mine = {"visitor": first["visitor"], "run": tab.start_run(settings(visitor=first["visitor"], replace=True))["run"]}
    assert tab.finish(request)["state"] == "finished"
    assert standing(tab, mine) == ("waiting", 1) and standing(tab, third)[0] == "running"


def test_the_expected_wait_comes_from_those_ahead(tab, monkeypatch):
    """A turn for each run of unknown length, less for one that was measured to be shorter."""
    monkeypatch.setattr("llm.ui.slots.TURN_SECONDS", 1_000.0)
    short = settings(max_steps=50)
    first = begin(tab, **LONG)
    measured = tab.forecast_run(short)["seconds"]
    second, third, fourth = begin(tab, max_steps=50), begin(tab, **LONG), begin(tab, **LONG)
    waits = [tab.poll_run({**one, "since": 0})["wait"] for one in (second, third, fourth)]
    assert waits[0] <= 1_000
    assert waits[1] - waits[0] == pytest.approx(measured, abs=1)
    assert waits[2] - waits[1] == pytest.approx(1_000, abs=1)
    assert tab.poll_run({**first, "since": 0})["wait"] is None


def test_changes_while_it_waits_count(tab):
    """What is changed on the fly before a run's first or next turn is used in it."""
    first, second = begin(tab, **LONG), begin(tab, **LONG)
    tab.change_run({**second, "batch_size": 7})
    assert "number" in tab.change_run({**second, "learning_rate": None})["error"]
    tab.steer_run({**first, "action": "stop"})
    answer = tab.until(second, lambda answer: answer["step"] > 1)
    assert {"event": "change", "step": 0, "changes": {"batch_size": 7}} in answer["events"]


def test_an_allowance_is_told_before_start_and_kept(tmp_path, monkeypatch):
    """Too many parameters or tokens are refused in a sentence, before anything starts; minutes end a run, saved."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    limits = dataclasses.replace(LAPTOP, run_parameters=20_000, run_tokens=50_000, run_minutes=0.1)
    tab = TrainTab(limits)
    for ask in (tab.plan_run, tab.start_run):
        assert "may have 20,000. Use fewer layers" in ask(settings(n_layer=8, n_embd=32))["error"]
        assert "Use at most 390 steps" in ask(settings(max_steps=391))["error"]
    known = tab.list_choices(settings())["settings"]
    assert (known["max_seconds"]["high"], known["n_embd"]["high"]) == (6, 40)
    request = tab.start(max_steps=390, eval_interval=1)
    monkeypatch.setattr(training_of(tab, request)._pace, "at_work", 7.0)
    ended = tab.finish(request)
    assert ended["state"] == "stopped" and "6" not in ended["remark"] and "0.1 minutes" in ended["remark"]
    assert "Use at most" in tab.continue_run({**request, "max_steps": 391})["error"]
