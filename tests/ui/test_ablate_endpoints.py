"""The Ablate view's endpoints: the shipped study, one's own beside it, and what is refused. Without a browser."""

import time

import pytest

from llm.limits import Limits
from llm.scaling.ablations import ABLATIONS, FULL, AblationPlan, ablation_of
from llm.scaling.sweep import Sweep
from llm.ui.scaling.ablate import build_ablate
from llm.ui.scaling.sweeps import SHIPPED, Sweeps
from llm.ui.sessions import Sessions
from llm.ui.subject import Subjects

ME = {"visitor": "0" * 32}


class View:
    """The endpoints by name; `subjects` loads what they refer to."""

    def __init__(self, limits=None):
        self.sessions = Sessions(limits or Limits(trainings=4))
        self.subjects = Subjects(self.sessions)
        for endpoint in build_ablate(Sweeps(self.sessions)).server_fns:
            setattr(self, endpoint.__name__, endpoint)

    def until(self, state, seconds=120):
        deadline = time.monotonic() + seconds
        while (answer := self.poll_ablation(ME))["state"] != state:
            assert time.monotonic() < deadline, answer
            time.sleep(0.02)
        return answer


@pytest.fixture
def view(tmp_path, monkeypatch):
    """The view with an empty home."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    made = View()
    yield made
    training = made.sessions.of(ME).study
    if training:
        training.stop()
        training.join(20)


def test_the_shipped_study_is_there_at_once(view):
    """Every change with its two curves, what it does and what was learnt; nothing of the visitor's yet."""
    told = view.read_ablations(ME)
    assert [change["name"] for change in told["changes"]] == [FULL, *ABLATIONS]
    assert all(change["does"] and change["learnt"] for change in told["changes"][1:])
    shipped, study = Sweep.open(SHIPPED).plan, Sweep.open(SHIPPED / "ablations", AblationPlan).plan
    assert (shipped.corpus, shipped.vocab_size) == (study.corpus, study.vocab_size)  # so the floor is the sweep's
    assert 0.1 < told["floor"] < 0.4
    for change in told["changes"]:
        curves = [curve for curve in told["curves"] if curve["name"] == change["name"]]
        assert len(curves) == change["seeds"] and not any(curve["mine"] or curve["ref"] for curve in curves)
        assert all(curve["steps"][-1] == told["steps"] for curve in curves)
        mean = sum(curve["losses"][-1] for curve in curves) / len(curves)
        assert mean == pytest.approx(change["loss"]) and change["mine"] is None
    assert told["csv"].count("\n") == 1 + sum(len(curve["losses"]) for curve in told["curves"])
    assert view.poll_ablation(ME) == {
        "state": "none", "place": None, "failure": "", "under_way": "", "step": 0, "name": "", "steps": 0, "losses": 0
    }  # fmt: skip


def test_bad_questions_are_refused_in_a_sentence(view):
    """Unknown changes, no numbers, nothing to steer."""
    assert "must be one of" in view.start_ablation({**ME, "name": "no-weights"})["error"]
    assert "must be one of" in view.start_ablation({**ME, "name": FULL})["error"]
    assert "Steps must be a number" in view.start_ablation({**ME, "name": "no-mlp", "steps": "x"})["error"]
    assert "No ablation of yours" in view.steer_ablation({**ME, "action": "stop"})["error"]
    assert "must be one of" in view.steer_ablation({**ME, "action": "explode"})["error"]
    assert "visitor" in view.read_ablations({})["error"]
    assert view.poll_ablation(ME)["state"] == "none"


@pytest.mark.parametrize(
    ("limits", "says"),
    [({"run_parameters": 20_000}, "parameters"), ({"run_tokens": 1_000}, "tokens"),
     ({"run_minutes": 0.1}, "minutes and a sweep here may take")],
)  # fmt: skip
def test_more_than_a_visitor_may_is_refused(tmp_path, monkeypatch, limits, says):
    """Nothing is begun."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    view = View(Limits(**limits))
    assert says in view.start_ablation({**ME, "name": "no-mlp", "steps": 2_000})["error"]
    assert view.poll_ablation(ME)["state"] == "none"


@pytest.mark.slow
def test_one_is_trained_paused_stopped_and_taken_up_and_its_runs_open(view):
    """The full model and the change, once; another change trains only itself; each is a model of the menu."""
    asked = {**ME, "name": "no-mlp", "steps": 20}
    assert view.start_ablation(asked)["state"] == "running"
    assert view.sessions.of(ME).busy and view.sessions.slots.busy
    assert view.steer_ablation({**ME, "action": "pause"})["state"] == "paused"
    assert "still training" in view.start_ablation(asked)["error"]
    view.steer_ablation({**ME, "action": "stop"})
    view.sessions.of(ME).study.join(20)
    view.start_ablation(asked)
    view.until("finished")
    told = view.read_ablations(ME)
    mine = [curve for curve in told["curves"] if curve["mine"]]
    assert {curve["name"] for curve in mine} == {FULL, "no-mlp"}
    change = next(change for change in told["changes"] if change["name"] == "no-mlp")
    assert change["mine"] == pytest.approx(mine[1]["losses"][-1] - mine[0]["losses"][-1])

    later = View()  # the server was started again
    later.start_ablation({**asked, "name": "no-positions"})
    trained = {ablation_of(point.id) for point in later.sessions.of(ME).study.sweep.points}
    assert trained == {FULL, "no-positions"}
    later.until("finished")
    told = later.read_ablations(ME)
    refs = {curve["name"]: curve["ref"] for curve in told["curves"] if curve["mine"]}
    assert set(refs) == {FULL, "no-mlp", "no-positions"}
    listed = {entry["ref"] for entry in later.subjects.available(later.sessions.of(ME))}
    assert set(refs.values()) <= listed
    loaded = later.subjects.of({**ME, "model": refs["no-mlp"]})
    assert loaded.config.without == ("mlp",) and loaded.step == 20
    assert "in their place" in later.start_ablation({**asked, "steps": 21})["error"]
    assert later.start_ablation({**asked, "steps": 21, "replace": True})["state"] == "running"
    later.steer_ablation({**ME, "action": "stop"})
    later.sessions.of(ME).study.join(20)
