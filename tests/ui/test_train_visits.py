"""What a visitor brings to the Train tab and how they leave it: vocabularies of their own, closed tabs, energy used."""

import time

import pytest
import torch
from playwright.sync_api import expect

from llm.checkpoint import load_checkpoint
from llm.runs.run import Run
from llm.tokenizers import CharacterTokenizer, WhitespaceTokenizer, train_bpe
from llm.training.energy import EnergyMeter
from llm.ui.train.training import Training
from tests.ui.desk import READY
from tests.ui.test_train_tab import open_tab, tiny
from tests.ui.train_tab import ME, TrainTab, settings

DIGITS = train_bpe("0123456789>\n" * 9 + "01 12 23 34 45 56 67 78 89 " * 9, 270)
MINE = {"corpus": "task:sort", "tokenizer": "mine:Digits, 270"}


@pytest.fixture
def tab(tmp_path, monkeypatch):
    """The tab with an empty home, and one vocabulary on the visitor's shelf."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    tab = TrainTab()
    tab.sessions.of({"visitor": ME}).tokenizers["Digits, 270"] = DIGITS
    return tab


def ended(training, seconds=20):
    """Wait until a run has ended by itself; polling would keep it alive."""
    deadline = time.monotonic() + seconds
    while training.alive:
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)
    return training.state


def test_a_run_out_of_memory_says_so_and_the_next_one_trains(tab, monkeypatch):
    """The failure is one sentence, and nothing stays in the way."""

    def full(self):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")

    with monkeypatch.context() as patched:
        patched.setattr(Training, "_ready", full)
        failed = tab.finish(tab.start(**MINE))
    assert failed["state"] == "failed" and "not enough memory" in failed["failure"] and "GiB" not in failed["failure"]
    assert tab.finish(tab.start(**MINE))["state"] == "finished"


# ---- vocabularies ---------------------------------------------------------------------------------------


def test_a_vocabulary_of_ones_own_is_listed_planned_and_trained_with(tab):
    """The menu has its name and size, the plan counts its tokens, and the run's tokenizer is exactly it."""
    listed = tab.list_choices({"visitor": ME})["vocabularies"]
    assert listed == [{"name": "mine:Digits, 270", "title": "Digits, 270", "size": DIGITS.vocab_size}]
    plan = tab.plan_run(settings(**MINE))
    assert plan["vocab_size"] == DIGITS.vocab_size and plan["parts"][0]["count"] == DIGITS.vocab_size * 16
    assert tab.forecast_run(settings(**MINE))["seconds"] > 0
    assert tab.describe_corpus(settings(**MINE))["vocab_size"] == DIGITS.vocab_size
    request = tab.start(**MINE)
    assert tab.finish(request)["state"] == "finished"
    assert tab.open_run(request)["form"]["tokenizer"] == "mine:Digits, 270"
    assert Run.open(tab.sessions.of(request).runs, request["run"]).tokenizer.hash == DIGITS.hash


def test_a_run_brings_its_vocabulary_back(tab):
    """Another process opens the run: the vocabulary is on the shelf again, beside one that took its name."""
    request = tab.start(**MINE)
    tab.finish(request)
    for taken, expected in ((False, "mine:Digits, 270"), (True, f"mine:Of run {request['run']}")):
        later = TrainTab()
        shelf = later.sessions.of(request).tokenizers
        if taken:
            shelf["Digits, 270"] = train_bpe("something else, " * 9, 260)
        assert later.open_run(request)["form"]["tokenizer"] == expected
        assert later.open_run(request)["form"]["tokenizer"] == expected and len(shelf) == 1 + taken
        assert later.plan_run(settings(corpus="task:sort", tokenizer=expected))["vocab_size"] == DIGITS.vocab_size
        assert later.continue_run({**request, "max_steps": 30 + 10 * taken}) == {"run": request["run"]}
        assert later.finish(request)["state"] == "finished"


@pytest.mark.parametrize(
    ("tokenizer", "words"),
    [
        (CharacterTokenizer("012"), "has no '\\n', '3', '4' and 6 more, which this text uses"),
        (WhitespaceTokenizer(["tale", "of"]), "lacks most words of this text"),
        (None, "That vocabulary of yours is gone"),
    ],
)
def test_a_vocabulary_that_does_not_fit_the_text_is_refused(tab, tokenizer, words):
    """Before anything starts, by name, and with what to do."""
    if tokenizer:
        tab.sessions.of({"visitor": ME}).tokenizers["Other"] = tokenizer
    error = tab.start_run(settings(corpus="task:sort", tokenizer="mine:Other"))["error"]
    assert words in error and "Choose another" in error and not tab.sessions.slots.busy


def test_vocabularies_are_the_visitors_own(tab):
    """Nobody trains with another visitor's."""
    assert "is gone" in tab.plan_run(settings(visitor="1" * 32, **MINE))["error"]


def test_a_vocabulary_goes_from_the_tokenizer_tab_into_a_training(page):
    """Train it, keep it under a name with a comma, go on to Train: it is chosen there, and still after a reload."""
    page.get_by_role("tab", name="Tokenizer").click()
    page.get_by_role("button", name="Train a vocabulary").click()
    learning = page.locator("#gb-train_a_vocabulary")
    page.wait_for_function("document.querySelector('#gb-train_a_vocabulary [data-id=corpus]').options.length > 3")
    learning.get_by_label("Learn from").select_option("task:sort")
    learning.get_by_label("Vocabulary, at most").fill("0")
    learning.get_by_label("Merges a second").fill("6")
    learning.get_by_role("button", name="Start", exact=True).click()
    learning.get_by_text("Finished.").wait_for()
    learning.get_by_label("Keep it for this visit as").fill("Sorted, 100%")
    learning.get_by_role("button", name="Keep", exact=True).click()
    learning.get_by_role("button", name="Train a model with it").click()
    chosen = "['tokenizer', 'corpus'].map((name) => document.querySelector(`[data-name=${name}]`)?.value).join()"
    page.wait_for_function(f"{chosen} === 'mine:Sorted, 100%,task:sort'")
    page.get_by_text("Your vocabulary of").wait_for()
    page.wait_for_function("!document.querySelector('.gb-train [data-id=start]').disabled")
    page.reload()
    page.wait_for_function(f"{chosen} === 'mine:Sorted, 100%,task:sort'")


# ---- closed tabs ----------------------------------------------------------------------------------------


@pytest.fixture
def hasty(monkeypatch):
    """Pages have half a second to come back."""
    monkeypatch.setattr("llm.ui.train.training.MAX_AWAY", 0.5)
    monkeypatch.setattr("llm.ui.train.training.ON_THEIR_WAY", 0.05)


@pytest.mark.parametrize("paused", [False, True])
def test_a_run_whose_page_closed_for_good_stops_saved(tab, hasty, paused):
    """It ends as by Stop, with the checkpoint of its last step, and goes on from there."""
    request = tab.start(max_steps=100_000, eval_interval=10_000)
    training = tab.sessions.of(request).trainings[request["run"]]
    tab.until(request, lambda answer: answer["step"] > 3)
    if paused:
        tab.steer_run({**request, "action": "pause"})
    tab.note_presence({"visitor": ME, "present": False})
    assert ended(training) == "stopped"
    assert load_checkpoint(training.run.path / "checkpoint").step == tab.poll_run({**request, "since": 0})["step"]
    tab.continue_run({**request, "max_steps": 100_000})
    tab.steer_run({**request, "action": "stop"})
    tab.finish(request)


@pytest.mark.parametrize("sign", ["it says so", "it asks for news"])
def test_a_page_that_is_back_keeps_its_run(tab, hasty, sign):
    """After a reload, or while another page of the visitor's looks at the run, it goes on."""
    request = tab.start(max_steps=100_000)
    training = tab.sessions.of(request).trainings[request["run"]]
    tab.note_presence({"visitor": ME, "present": False})
    time.sleep(0.1)
    if sign == "it says so":
        tab.note_presence({"visitor": ME, "present": True})
    else:
        tab.poll_run({**request, "since": 0})
    time.sleep(0.8)
    assert training.alive and training.state == "running"
    training.stop()
    ended(training)


def test_a_question_that_was_on_its_way_is_no_sign_of_life(tab, monkeypatch):
    """One that the page asked just before it closed may be answered after the farewell."""
    monkeypatch.setattr("llm.ui.train.training.MAX_AWAY", 0.5)
    request = tab.start(max_steps=100_000)
    training = tab.sessions.of(request).trainings[request["run"]]
    tab.note_presence({"visitor": ME, "present": False})
    tab.poll_run({**request, "since": 0})
    assert ended(training) == "stopped"


def test_a_closed_tab_takes_its_run_along_if_told_to_and_a_reload_does_not(page, monkeypatch):
    """The choice is kept in the address, a reload finds the run training, and closing the tab stops it."""
    signs = []
    for name in ("leave", "come_back"):
        noted = getattr(Training, name)
        monkeypatch.setattr(
            Training, name, lambda self, name=name, noted=noted: (noted(self), signs.append((name, self)))
        )
    open_tab(page)
    tiny(page, 100_000)
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_function("document.querySelectorAll('.gb-samples time').length > 1", timeout=60_000)
    expect(page.get_by_label("When this tab closes")).to_have_value("go on")
    page.locator(".gb-train summary").get_by_text("More").click()
    page.get_by_label("When this tab closes").select_option("stop")
    page.get_by_role("tab", name="Tokenizer").click()  # the Train tab is not even drawn after the next reload
    page.reload()
    page.wait_for_function(READY)
    deadline = time.monotonic() + 10
    while len(signs) < 2 and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert [name for name, _ in signs] == ["leave", "come_back"]
    open_tab(page)
    page.wait_for_function("document.querySelector('[data-id=status]').textContent === 'Training.'")
    expect(page.get_by_label("When this tab closes")).to_have_value("stop")
    monkeypatch.setattr("llm.ui.train.training.MAX_AWAY", 0.5)
    page.close()
    assert ended(signs[0][1]) == "stopped" and len(signs) == 3


# ---- energy ---------------------------------------------------------------------------------------------


def test_a_run_tells_the_energy_it_used_where_the_system_counts_it(tab, tmp_path, monkeypatch):
    """Joules of the time at work, none of a pause; and nothing at all without a counter."""
    zone = tmp_path / "powercap" / "intel-rapl:0"
    zone.mkdir(parents=True)
    for name, text in (("name", "package-0"), ("max_energy_range_uj", "262143328850"), ("energy_uj", "1000")):
        (zone / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr("llm.ui.train.pace.METER_SECONDS", 0.0)
    told = tab.finish(tab.start())
    assert told["joules"] is None and told["joules_of"] is None

    monkeypatch.setattr("llm.ui.train.pace.EnergyMeter", lambda: EnergyMeter(tmp_path / "powercap", lambda: None))
    request = tab.start(max_steps=100_000)
    tab.until(request, lambda answer: answer["step"] > 2)
    (zone / "energy_uj").write_text("5001000", encoding="utf-8")
    assert tab.until(request, lambda answer: answer["joules"])["joules"] == pytest.approx(5.0)
    tab.steer_run({**request, "action": "pause"})
    time.sleep(0.3)
    (zone / "energy_uj").write_text("9001000", encoding="utf-8")
    step = tab.poll_run({**request, "since": 0})["step"]
    tab.steer_run({**request, "action": "resume"})
    told = tab.until(request, lambda answer: answer["step"] > step + 2)
    assert told["joules"] == pytest.approx(5.0) and told["joules_of"] == "CPU"
    tab.steer_run({**request, "action": "stop"})
    tab.finish(request)
