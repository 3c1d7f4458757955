"""The Scaling tab's endpoints: the shipped sweep, plans that are refused, a sweep of one's own. Without a browser."""

import time

import pytest

from llm.data import encode_corpus
from llm.evaluate import evaluate
from llm.limits import Limits
from llm.runs.run import Run
from llm.scaling.plan import Plan
from llm.scaling.sweep import Sweep
from llm.ui.scaling import points
from llm.ui.scaling.compute_and_size import build_compute_and_size
from llm.ui.scaling.four_sizes import build_four_sizes
from llm.ui.scaling.loss_and_size import build_loss_and_size
from llm.ui.scaling.plan_a_sweep import build_plan_a_sweep
from llm.ui.scaling.sweeps import Sweeps, Table, folder_of
from llm.ui.sessions import Sessions
from llm.ui.subject import Subjects

ME = {"visitor": "0" * 32}
TINY = {**ME, "corpus": "task:copy", "widths": "16 32 48 64", "seeds": 1, "steps": 16, "batch_size": 2, "n_ctx": 32}


class Tab:
    """The endpoints of its views, by name; `subjects` loads what they refer to."""

    def __init__(self, limits=None):
        self.sessions = Sessions(limits or Limits(trainings=4))
        self.subjects = Subjects(self.sessions)
        self.sweeps = sweeps = Sweeps(self.sessions)
        views = [build(sweeps) for build in (build_loss_and_size, build_compute_and_size, build_plan_a_sweep)]
        for view in [*views, build_four_sizes(self.subjects)]:
            for endpoint in view.server_fns:
                setattr(self, endpoint.__name__, endpoint)

    def until(self, state, seconds=60):
        deadline = time.monotonic() + seconds
        while (answer := self.poll_sweep(ME))["state"] != state:
            assert time.monotonic() < deadline, answer
            time.sleep(0.02)
        return answer


def measured(tab, **asked):
    """All windows of a text, added up."""
    first = tab.measure_window({**ME, **asked, "window": 0})
    assert "error" not in first, first
    windows = [first, *(tab.measure_window({**ME, **asked, "window": n}) for n in range(1, first["windows"]))]
    return {name: sum(window[name] for window in windows) for name in ("nats", "tokens", "bytes", "words")}


@pytest.fixture
def tab(tmp_path, monkeypatch):
    """The tab with an empty home."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    made = Tab()
    yield made
    for training in made.sessions.of(ME).sweeps:
        training.stop()
        training.join(20)


def test_the_shipped_sweep_is_there_at_once_with_its_laws(tab):
    """Points, floor and every law, without a fit; counting the blocks alone moves the exponent."""
    told = tab.read_sweep(ME)
    assert len(told["points"]) > 100 and 0.1 < told["floor"] < 0.4 and not told["mine"]
    assert told["csv"].count("\n") == len(told["points"]) + 1
    started = time.monotonic()
    laws = {count: tab.fit_sweep({**ME, "count": count, "known": True}) for count in told["counts"]}
    assert time.monotonic() - started < 0.5
    assert laws["blocks"]["law"][2] < laws["all"]["law"][2] - 0.1 and len(laws["all"]["others"]) == 100
    assert "no sweep yet" in tab.read_sweep({**ME, "whose": "mine"})["error"]


def test_models_of_the_small_sizes_ship(tab):
    """Each is in the menu, loads, and is of the point that refers to it; the largest's is not there."""
    refs = {point["point"]: point["ref"] for point in tab.read_sweep(ME)["points"]}
    here = {ref for ref in refs.values() if ref}
    assert refs["width-16-seed-1"] in here and not refs["width-192-seed-1"]
    listed = {entry["ref"]: entry["title"] for entry in tab.subjects.available(tab.sessions.of(ME))}
    assert listed["shipped:width-16-seed-1"] == "Width 16, seed 1"
    assert here <= set(listed) and all(tab.subjects.of({**ME, "model": ref}).config.n_ctx == 128 for ref in here)


def test_a_point_is_trained_again_to_the_very_losses_of_the_table(tab, tmp_path, monkeypatch):
    """Of a tiny sweep in the shipped one's place: one point, forecast, trained, opened; no other is begun."""
    plan = Plan(corpus="task:copy", widths=("16", "32"), seeds=2, steps=16, batch_size=2, n_ctx=32)
    first = Sweep.create(tmp_path / "first", plan)
    for _ in first.train():
        pass
    tab.sweeps.shipped = Table(plan, first.rows(), None)
    asked = {**ME, "point": "width-32-seed-2"}
    assert tab.poll_point(ME)["state"] == "none" and tab.read_sweep(ME)["again"] == []
    assert tab.forecast_point(asked)["seconds"] > 0
    assert "must be one of" in tab.start_point({**ME, "point": "width-32-seed-3"})["error"]
    assert "No point of yours" in tab.steer_point({**ME, "action": "stop"})["error"]
    tab.start_point(asked)
    tab.sessions.of(ME).points.join(60)
    assert tab.poll_point(ME)["state"] == "finished" and not tab.sessions.of(ME).busy
    told = tab.read_sweep(ME)
    table = {(point["point"], point["tokens"]): point["loss"] for point in told["points"]}
    assert len(told["again"]) == 8 == tab.poll_point(ME)["losses"]
    assert all(one["loss"] == table[one["point"], one["tokens"]] for one in told["again"])
    refs = {point["point"]: point["ref"] for point in told["points"] if point["ref"].startswith("point:")}
    assert refs == {"width-32-seed-2": "point:width-32-seed-2"}
    listed = {entry["ref"]: entry["title"] for entry in tab.subjects.available(tab.sessions.of(ME))}
    assert listed["point:width-32-seed-2"] == "Width 32, seed 2"
    steps = {point["step"] for point in told["points"]}
    loaded = tab.subjects.of({**ME, "model": "point:width-32-seed-2", "step": min(steps)})
    assert loaded.config.n_embd == 32 and loaded.step == min(steps)

    size = Run.open(tab.sessions.of(ME).point_runs, "width-32-seed-2").size_bytes()
    monkeypatch.setattr(points, "SHARE", 1.5 * size / tab.sessions.limits.visitor_disk_mb / 1e6)
    tab.start_point({**ME, "point": "width-32-seed-1"})  # there is no room for two
    tab.sessions.of(ME).points.join(60)
    assert {one["point"] for one in tab.read_sweep(ME)["again"]} == {"width-32-seed-1"}

    tab.sweeps.shipped = Table(plan.replace(steps=20), first.rows(), None)  # a newer version's sweep
    assert tab.read_sweep(ME)["again"] == []
    tab.start_point(asked)
    tab.sessions.of(ME).points.join(60)
    assert {one["tokens"] for one in tab.read_sweep(ME)["again"]} > {20 * 2 * 32}


def test_the_best_size_grows_with_the_budget(tab):
    """Of the shipped sweep: lowest points that grow, a frontier through them beside the law's, whatever is counted."""
    exponents = {}
    for count in ("all", "blocks and head", "blocks"):
        told = tab.read_budgets({**ME, "count": count})
        best = [budget["lowest"]["params"] for budget in told["budgets"] if budget["lowest"]]
        assert len(best) >= 4 and best == sorted(best)
        assert all(bool(budget["why_not"]) != bool(budget["lowest"]) for budget in told["budgets"])
        assert told["frontier"]["low"] <= told["frontier"]["exponent"] <= told["frontier"]["high"]
        assert 0 < told["law"]["exponent"] < 1 and told["each"][0] >= 6
        assert told["csv"].count("\n") == 1 + sum(len(budget["reached"]) for budget in told["budgets"])
        exponents[count] = told["frontier"]["exponent"]
    assert exponents["all"] < exponents["blocks"] - 0.1
    assert "no sweep yet" in tab.read_budgets({**ME, "whose": "mine"})["error"]
    assert "must be one of" in tab.read_budgets({**ME, "count": "heads"})["error"]


def test_the_four_sizes_and_the_model_that_is_looked_at_are_told_alike(tab):
    """The paper's, each with its scores, and the visitor's own beside them."""
    told = tab.read_sizes({**ME, "model": "shipped:tales"})
    assert [size["printed"] for size in told["sizes"]] == ["117M", "345M", "762M", "1542M"]
    assert all(len(row["scores"]) == 4 and row["how"] for row in told["scores"]) and len(told["scores"]) == 10
    assert told["mine"].keys() - {"title"} == told["sizes"][0].keys() - {"name", "printed"}
    assert told["mine"]["n_embd"] < 768 and "error" in tab.read_sizes({**ME, "model": "shipped:gone"})


def test_a_model_is_measured_on_a_text_as_the_command_does(tab):
    """Window by window it adds up to what `evaluate` says of the whole; of a visitor's own text all of it is read."""
    text = "Once there was a girl called Mina. " * 60
    tab.sessions.of(ME).uploads["notes.txt"] = text
    told = tab.read_sizes({**ME, "model": "shipped:tales"})
    assert told["texts"][0] == {"ref": "upload:notes.txt", "title": "notes.txt"}
    loaded = tab.subjects.of({**ME, "model": "shipped:tales"})
    ids = encode_corpus(loaded.tokenizer, text)
    lengths = [len(loaded.tokenizer.token_bytes(id)) for id in range(loaded.tokenizer.vocab_size)]
    whole = evaluate(loaded.model, ids, bytes_per_id=lengths)
    found = measured(tab, model="shipped:tales", text="upload:notes.txt")
    assert found["nats"] == pytest.approx(whole.loss * whole.tokens, rel=1e-5)
    assert (found["tokens"], found["bytes"]) == (whole.tokens, whole.bytes)
    assert abs(found["words"] - len(text.split())) <= len(ids) // loaded.config.n_ctx + 1  # one may be cut by a window
    made = tab.measure_window({**ME, "model": "shipped:tales", "text": "tales", "window": 10**9})
    assert made["windows"] == 128 and not made["whole"] and made["tokens"] > 200
    assert "gone" in tab.measure_window({**ME, "model": "shipped:tales", "text": "upload:other"})["error"]


def test_a_model_that_is_too_large_for_strangers_is_not_measured(tmp_path, monkeypatch):
    """In one sentence, with the way out."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    said = Tab(Limits(run_parameters=1_000_000)).measure_window({**ME, "model": "shipped:tales", "text": "tales"})
    assert "a computer of your own" in said["error"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"widths": ""}, "at least one number into widths"), ({"widths": "16 banana"}, "widths"),
     ({"widths": "17"}, "multiples of 16"), ({"seeds": "x"}, "Seeds must be a number"),
     ({"seeds": float("nan")}, "Seeds must be a number"), ({"rates": "nan"}, "rates"), 
     ({"widths": 5}, "must be a text"), ({"corpus": "/etc/passwd"}, "must be one of")],
)  # fmt: skip
def test_plans_that_make_no_sense_are_refused(tab, wrong, says):
    """In one sentence, by plan, forecast and start alike."""
    for endpoint in (tab.plan_sweep, tab.forecast_sweep, tab.start_sweep):
        assert says in endpoint({**TINY, **wrong})["error"]


@pytest.mark.parametrize(
    ("limits", "says"),
    [({"run_parameters": 20_000}, "leave the widest out"), ({"run_tokens": 1_000}, "fewer steps or seeds"),
     ({"visitor_disk_mb": 10}, "keeps about"), ({"run_minutes": 0.1}, "minutes and a sweep here may take")],
)  # fmt: skip
def test_plans_over_the_limits_are_refused(tmp_path, monkeypatch, limits, says):
    """Parameters, tokens, disk, minutes: each with what to use less of; nothing is begun."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    tab = Tab(Limits(**limits))
    plan = {**TINY, "widths": "16 32 512" if "visitor_disk_mb" in limits else "16 32 64", "steps": 20_000}
    if "run_minutes" not in limits:
        plan["steps"] = 100
    assert says in tab.start_sweep(plan)["error"]
    assert tab.poll_sweep(ME)["state"] == "none"


def test_a_plan_is_forecast_trained_and_looked_at(tab):
    """Counts, seconds, then losses; the largest is predicted; every run is a model of the menu and loads."""
    planned = tab.plan_sweep(TINY)
    assert planned["trainings"] == 4 and [size["width"] for size in planned["sizes"]] == [16, 32, 48, 64]
    assert planned["sizes"][0]["tokens"] == 16 * 2 * 32 and planned["sizes"][0]["loss"] is None
    assert tab.forecast_sweep(TINY)["total"] > 0
    assert tab.start_sweep(TINY)["state"] == "running"
    assert tab.sessions.slots.busy and tab.sessions.of(ME).busy
    done = tab.until("finished")
    assert all(training["ended"] for training in done["trainings"]) and len(done["trainings"]) == 4
    told = tab.read_sweep({**ME, "whose": "mine"})
    assert len({point["ref"] for point in told["points"]}) == 4 and told["mine"]
    law = tab.fit_sweep({**ME, "whose": "mine"})
    budgets = tab.read_budgets({**ME, "whose": "mine"})
    assert len(budgets["budgets"]) == 6 and budgets["widths"] == [16, 32, 48, 64] and not tab.read_rates(ME)["mine"]
    assert law["predicted"]["width"] == 64 and law["floor_known"]
    listed = {entry["ref"] for entry in tab.subjects.available(tab.sessions.of(ME)) if entry["group"] == "My sweep"}
    assert listed == {point["ref"] for point in told["points"]}
    loaded = tab.subjects.of({**ME, "model": told["points"][-1]["ref"]})
    assert loaded.config.n_embd == 64 and loaded.step == 16


def test_a_plan_that_the_shipped_law_knows_expects_its_losses(tab):
    """Where text, vocabulary, context and amount of data are the shipped sweep's, and nowhere else."""
    like = {**ME, "corpus": "tales", "vocab_size": 1024, "n_ctx": 128, "widths": "16 64", "steps": 1000}
    small, large = tab.plan_sweep(like)["sizes"]
    assert 3 < small["loss"] < 4 and 1.2 < large["loss"] < 1.8
    for other in ({"n_ctx": 64}, {"steps": 50}):
        assert tab.plan_sweep({**like, **other})["sizes"][0]["loss"] is None


@pytest.mark.slow
def test_paused_stopped_and_taken_up_by_another_process_nothing_is_trained_twice(tab):
    """It pauses between two steps, stops, and goes on to the losses of a sweep that was left alone."""
    plan = {**TINY, "widths": "16 32", "steps": 200}
    tab.start_sweep(plan)
    deadline = time.monotonic() + 60
    while tab.poll_sweep(ME)["step"] < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert tab.steer_sweep({**ME, "action": "pause"})["state"] == "paused"
    time.sleep(0.5)
    paused = tab.poll_sweep(ME)
    time.sleep(0.2)
    assert tab.poll_sweep(ME)["step"] == paused["step"]
    assert "still training" in tab.start_sweep(plan)["error"]
    tab.steer_sweep({**ME, "action": "stop"})
    tab.sessions.of(ME).sweep.join(20)
    assert "No sweep of yours" in tab.steer_sweep({**ME, "action": "pause"})["error"]

    later = Tab()  # the server was started again
    assert later.poll_sweep(ME)["state"] == "stopped"
    later.continue_sweep(ME)
    later.until("finished")
    later.sessions.of(ME).sweep.join(20)
    parted = Sweep.open(folder_of(later.sessions.of(ME)))
    whole = Sweep.create(folder_of(later.sessions.of(ME)).parent / "whole", parted.plan)
    for _ in whole.train():
        pass
    assert [(row.point, row.tokens, row.loss) for row in parted.rows()] == [
        (row.point, row.tokens, row.loss) for row in whole.rows()
    ]
    assert "start this one in its place" in later.start_sweep({**plan, "steps": 20})["error"]
    assert later.start_sweep({**plan, "steps": 20, "replace": True})["state"] == "running"
    later.until("finished")
    assert later.read_sweep({**ME, "whose": "mine"})["points"][-1]["tokens"] == 20 * 2 * 32


def test_with_all_places_taken_a_sweep_waits_and_a_paused_one_makes_room(tmp_path, monkeypatch):
    """It is told its place and begins by itself; nothing is lost of the one that made room; with no place left in the
    queue it is refused in one sentence."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    tab = Tab(Limits(trainings=1, queue=1))
    other, third = {"visitor": "1" * 32}, {"visitor": "2" * 32}
    tab.start_sweep({**TINY, **other, "widths": "16", "steps": 20_000})
    assert tab.start_sweep(TINY)["state"] == "waiting" and tab.poll_sweep(ME)["place"] == 1
    assert "Try again" in tab.start_sweep({**TINY, **third})["error"] and not tab.sessions.of(third).busy
    while tab.poll_sweep(other)["step"] < 3:
        time.sleep(0.01)
    tab.steer_sweep({**other, "action": "pause"})
    tab.until("finished")
    paused = tab.poll_sweep(other)
    assert (paused["state"], paused["place"]) == ("paused", None)
    tab.steer_sweep({**other, "action": "resume"})
    while (now := tab.poll_sweep(other)["step"]) <= paused["step"]:
        time.sleep(0.01)
    assert now > paused["step"]
    tab.steer_sweep({**other, "action": "stop"})
    tab.sessions.of(other).sweep.join(20)
    run = Run.open(tab.sessions.of(other).sweep_runs, "width-16-seed-1")
    steps = [event["step"] for event in run.metrics() if event["event"] == "step"]
    assert steps == list(range(1, len(steps) + 1)) and run.resumable
    assert not tab.sessions.slots.busy


def test_sweeps_take_turns_and_reach_what_they_would_alone(tmp_path, monkeypatch):
    """Two for one place: each is set aside between two steps and goes on there."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    monkeypatch.setattr("llm.ui.slots.TURN_SECONDS", 0.1)
    tab = Tab(Limits(trainings=1))
    plan, other = {**TINY, "widths": "16", "steps": 150}, {"visitor": "1" * 32}
    tab.start_sweep(plan)
    tab.start_sweep({**plan, **other})
    states = set()
    deadline = time.monotonic() + 60
    while not states >= {(a, b) for a, b in [("running", "waiting"), ("waiting", "running")]}:
        assert time.monotonic() < deadline
        time.sleep(0.01)
        states.add((tab.poll_sweep(ME)["state"], tab.poll_sweep(other)["state"]))
    tab.until("finished")
    tab.sessions.of(other).sweep.join(60)
    first, second = (Sweep.open(folder_of(tab.sessions.of(who))) for who in (ME, other))
    alone = Sweep.create(tmp_path / "alone", first.plan)
    for _ in alone.train():
        pass
    expected = [row.loss for row in alone.rows()]
    assert [row.loss for row in first.rows()] == expected == [row.loss for row in second.rows()]
