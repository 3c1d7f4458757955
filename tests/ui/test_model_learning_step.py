"""A step of learning on the page: its numbers are the core's, its text the model's own, its phases led through."""

import copy
import json
import math
import re
import threading
import time

import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from tiny_model import TEXT, asked, floats, louder

from llm.checkpoint import load_checkpoint
from llm.config import TrainConfig
from llm.corpora import Corpus, load_corpus
from llm.runs.run import Run
from llm.training.learning_step import FACTORS, ORDER, OWN, PARTS, Memory, learning_step
from llm.training.trainer import Trainer
from llm.ui import texts_at_hand
from llm.ui.model import steps
from llm.ui.model.learning_step import build_learning_step
from llm.ui.model.walks import Walks
from llm.ui.sessions import Sessions
from llm.ui.subject import SHIPPED, Subjects

ANYWHERE = {"visitor": "0" * 32, "prompt": "the quick fox"}


@pytest.fixture
def view(tiny):
    """The endpoint, over a tiny random model of 3 layers; the model; its tokenizer."""
    endpoints, model, tokenizer = tiny(
        lambda subjects: build_learning_step(Walks(subjects)), louder, n_ctx=60, n_layer=3
    )
    return whole(endpoints["read_learning_step"]), model, tokenizer


def whole(endpoint):
    """The endpoint, asked again until its step is made, as the page does."""

    def asked_again(request):
        answer = endpoint(request)
        while answer.get("made", {"done": 0, "parts": 0})["done"] < answer.get("made", {"parts": 0})["parts"]:
            answer = endpoint(request)
        return answer

    return asked_again


def test_the_numbers_are_the_cores(view):
    """On the prompt, since nobody knows what this model learnt from; JSON can hold all of it."""
    read, model, tokenizer = view
    answer = read(asked())
    json.dumps(answer, allow_nan=False)
    ids = tokenizer.encode(TEXT)
    config = TrainConfig()
    seen = learning_step(model, ids, config, step=config.max_steps)
    assert not answer["own"] and not answer["ofRun"] and not answer["remembered"]
    assert [token["id"] for token in answer["tokens"]] == ids
    np.testing.assert_allclose(floats(answer["losses"]), seen.losses_FT.numpy().ravel(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(floats(answer["stream"]), seen.stream_LT.numpy().ravel(), rtol=1e-4)
    assert [part["key"] for part in answer["parts"]] == [part.key for part in seen.parts]
    for mine, part in zip(answer["parts"], seen.parts, strict=True):
        assert (mine["gradient"], mine["update"]) == pytest.approx((part.gradient, part.update), rel=1e-4)
    assert answer["rows"]["read"] == len(set(ids[:-1])) and answer["rows"]["any"] == model.config.vocab_size
    assert answer["places"] == {"any": len(ids) - 1, "all": 60}
    assert {str(id) for row in answer["best"] for id in row} == set(answer["texts"])


def test_the_loaded_model_stays_as_it_is(view, monkeypatch):
    """The very model that other visitors look at: bit for bit, and the same answer twice costs one step."""
    subjects = Subjects(Sessions())
    loaded = subjects.of(asked())
    before = copy.deepcopy(loaded.model.state_dict())
    endpoint = whole(build_learning_step(Walks(subjects)).server_fns[0])
    first = endpoint(asked())
    monkeypatch.setattr(steps, "learning_step_in_parts", None)
    assert endpoint(asked()) == first
    assert all(torch.equal(value, before[name]) for name, value in loaded.model.state_dict().items())


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_run_goes_on_with_what_its_optimiser_remembers(view, tmp_path, monkeypatch, optimizer):
    """At the moment of its checkpoint: its settings, its rate, its moments. At an earlier moment: empty ones."""
    _, model, tokenizer = view
    config = TrainConfig(
        max_steps=6, eval_interval=4, batch_size=2, sample_tokens=0, optimizer=optimizer, warmup_steps=1
    )
    ids = torch.tensor(tokenizer.encode(TEXT * 20))
    subjects = Subjects(Sessions())
    root = subjects.sessions.of(asked()).runs
    run = Run.create(root, model.config, config, tokenizer, corpus="Foxes", corpus_ref="tales", run_id="one")
    trainer = Trainer(copy.deepcopy(model), ids, ids, config, prompt_ids=[0])
    for event in trainer:
        run.record(trainer, event)
    corpus = Corpus("foxes", "Foxes", TEXT * 100, "", "")
    monkeypatch.setattr(texts_at_hand, "load_corpus", lambda name, allow_download: corpus)
    endpoint = whole(build_learning_step(Walks(subjects)).server_fns[0])
    answer = endpoint({**ANYWHERE, "model": "run:one"})
    assert answer["own"] and answer["ofRun"] and answer["remembered"] and answer["step"] == 6
    assert answer["title"] == "Foxes" and len(answer["tokens"]) == 61
    tensors, _ = trainer.state()
    weights = subjects.of({**ANYWHERE, "model": "run:one"}).model
    seen = learning_step(
        weights, [token["id"] for token in answer["tokens"]], config, step=6, memory=Memory(tensors, 6)
    )
    assert answer["rate"] == seen.rate and answer["matrixRate"] == seen.matrix_rate
    np.testing.assert_allclose(floats(answer["losses"]), seen.losses_FT.numpy().ravel(), rtol=1e-4, atol=1e-5)
    early = endpoint({**ANYWHERE, "model": "run:one", "step": 4})
    assert early["step"] == 4 and early["ofRun"] and not early["remembered"]


def test_pieces_come_from_what_the_model_learnt():
    """Of a shipped model: other pieces for other numbers, all from before the last tenth of its text."""
    read = whole(build_learning_step(Walks(Subjects(Sessions()))).server_fns[0])
    text = load_corpus("task:copy").text
    starts = set()
    for piece in range(4):
        answer = read({**ANYWHERE, "model": "shipped:induction", "piece": piece})
        told = "".join(token["text"] for token in answer["tokens"])
        assert answer["own"] and len(answer["tokens"]) == 65
        starts.add(text.index(told))
    assert len(starts) == 4 and max(starts) < 0.9 * len(text)
    assert min(starts) == 0 and all(start == 0 or text[start - 1] == "\n" for start in starts)


def test_where_the_text_is_not_at_hand_the_prompt_serves(monkeypatch):
    """And where it is asked for; without one there is nothing, with one token a sentence."""
    read = whole(build_learning_step(Walks(Subjects(Sessions()))).server_fns[0])
    tale = {**ANYWHERE, "model": "shipped:tales", "prompt": "Once there was a girl"}
    asked_for = read({**tale, "source": "prompt"})
    assert not asked_for["own"] and "".join(token["text"] for token in asked_for["tokens"]) == tale["prompt"]

    def missing(name, allow_download):
        raise ValueError("not here")

    monkeypatch.setattr(texts_at_hand, "load_corpus", missing)
    assert read(tale)["tokens"] == asked_for["tokens"]
    assert read({**tale, "prompt": ""}) == {"tokens": []}
    assert "two tokens" in read({**tale, "prompt": "Once"})["error"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": None},
        {"model": "shipped:../x"},
        {"piece": math.nan},
        {"piece": "1"},
        {"source": "web"},
        {"source": []},
    ],
    ids=str,
)
def test_nonsense_is_refused_with_a_sentence(view, wrong):
    """Endpoints are public: whatever comes, one sentence goes back."""
    error = view[0](asked(**wrong))["error"]
    assert error.endswith(".") and "Something went wrong" not in error


def test_a_diverged_model_says_so(view):
    """Weights that hold NaN: a sentence, no picture."""
    subjects = Subjects(Sessions())
    with torch.no_grad():
        subjects.of(asked()).model.h[0].mlp.c_fc.weight[0, 0] = torch.nan
    assert "NaN" in whole(build_learning_step(Walks(subjects)).server_fns[0])(asked())["error"]


def test_a_step_is_made_as_long_as_somebody_asks(view, monkeypatch):
    """Questions see it go on; a neglected one is given up and leaves the turn to the next, which begins anew."""
    monkeypatch.setattr(steps, "CALL_SECONDS", 0.05)
    monkeypatch.setattr(steps, "REST_SECONDS", 0.3)
    go_on, parts = threading.Semaphore(0), steps.learning_step_in_parts

    def slowly(*args, **more):
        for part in parts(*args, **more):
            go_on.acquire()
            yield part

    monkeypatch.setattr(steps, "learning_step_in_parts", slowly)
    read = build_learning_step(Walks(Subjects(Sessions()))).server_fns[0]
    first = read(asked())
    assert first["made"] == {"done": 0, "parts": PARTS} and "losses" not in first and first["tokens"]
    go_on.release(5)
    time.sleep(0.2)
    partial = read(asked())
    assert partial["made"]["done"] == 5 and partial["known"] == [i in ORDER[:3] for i in range(len(FACTORS))]
    time.sleep(0.4)  # nobody asks
    go_on.release(1)
    other = "lazy dog"
    assert read(asked(other))["made"]["done"] == 0
    go_on.release(PARTS)
    assert whole(read)(asked(other))["made"]["done"] == PARTS
    assert read(asked())["made"]["done"] == 0  # not gone on with
    go_on.release(PARTS)
    assert all(whole(read)(asked())["known"])


def test_a_visitor_has_two_steps_in_the_making_at_most(view, monkeypatch):
    """A third question gives the oldest up; when too many wait, one sentence."""
    monkeypatch.setattr(steps, "CALL_SECONDS", 0.01)
    monkeypatch.setattr(steps, "MAX_MAKING", 3)
    held = threading.Event()

    def never(*args, **more):
        held.wait(20)
        yield None

    monkeypatch.setattr(steps, "learning_step_in_parts", never)
    read = build_learning_step(Walks(Subjects(Sessions()))).server_fns[0]
    assert all(read(asked(text))["made"]["done"] == 0 for text in ("the fox", "the dog", "the quick"))
    answers = [read({**asked("jumps"), "visitor": f"{i:032x}"}) for i in range(3)]
    assert any("try again in a moment" in answer.get("error", "") for answer in answers)
    held.set()


# ---- in a browser --------------------------------------------------------------------------------------


def number(text):
    return float(text.replace("−", "-").replace("\u202f", ""))


def test_a_visitor_leads_through_a_step(page):
    """Phases by key and click, the learning rate by key and slider; the caption's losses are the model's own."""
    page.evaluate("glassbox.openView('model', 'learning_step')")
    says, caption = (page.locator(f"#gb-learning_step {one}") for one in ("[data-id=says]", ".gb-caption-now"))
    expect(says).to_contain_text("64 tokens is predicted")
    answer = whole(build_learning_step(Walks(Subjects(Sessions()))).server_fns[0])(
        {**ANYWHERE, "model": "shipped:tales"}
    )
    losses = floats(answer["losses"]).reshape(len(FACTORS), -1)

    page.keyboard.press("ArrowRight")
    expect(says).to_contain_text("The loss pulls at every weight")
    expect(says).to_contain_text("1\u202f024 rows of the token embedding 1\u202f024")
    expect(page.locator("#gb-learning_step [data-part='stream.6']")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(says).to_contain_text("AdamW")
    page.get_by_role("button", name="4 Read again").click()
    expect(says).to_contain_text(f"{int((losses[OWN] < losses[0]).sum())} of 64 losses fell")
    before, after = re.search(r"loss (\S+) nats → (\S+) at", caption.text_content()).groups()
    assert number(before) == pytest.approx(losses[0].mean(), rel=5e-3)
    assert number(after) == pytest.approx(losses[OWN].mean(), rel=5e-3)

    page.keyboard.press("ArrowUp")
    expect(caption).to_contain_text("(×3)")
    slider = page.locator("#gb-learning_step [data-id=rate]")
    slider.fill(str(FACTORS.index(1000.0)))
    expect(caption).to_contain_text("×1\u202f000")
    after = re.search(r"→ (\S+) at", caption.text_content())[1]
    assert number(after) == pytest.approx(losses[FACTORS.index(1000.0)].mean(), rel=5e-3) and number(after) > number(
        before
    )
    page.reload()
    expect(page.locator("#gb-learning_step .gb-caption-now")).to_contain_text("×1\u202f000")


def test_another_piece_and_the_prompt(page):
    """Another piece is another text, in the link; the prompt's tokens where asked for; writing redraws those."""
    page.evaluate("glassbox.openView('model', 'learning_step')")
    reading = page.locator("#gb-learning_step [data-id=reading]")
    expect(reading.locator(".gb-token")).to_have_count(65)
    first = reading.text_content()
    page.get_by_role("button", name="Another piece").click()
    page.wait_for_function("location.hash.includes('passage=1')")
    expect(reading).not_to_have_text(first)
    page.get_by_role("button", name="the prompt", exact=True).click()
    page.evaluate("glassbox.look({ prompt: 'Once there was a boy called Tom.' })")
    tokens = len(load_checkpoint(SHIPPED / "tales").tokenizer.encode("Once there was a boy called Tom."))
    expect(reading.locator(".gb-token")).to_have_count(tokens)
    reading.locator(".gb-token").nth(2).hover()
    expect(page.locator(".gb-tip")).to_contain_text("likeliest")


def test_play_ends_where_the_text_is_read_again(page):
    """Space leads on to the last phase; an act of one's own stops it."""
    page.evaluate("glassbox.openView('model', 'learning_step')")
    expect(page.locator("#gb-learning_step [data-id=says]")).to_contain_text("predicted")
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="2 Gradient")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#gb-learning_step [data-id=play]")).to_have_text("Pause")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#gb-learning_step [data-id=play]")).to_have_text("Play")
    expect(page.get_by_role("button", name="1 Predict")).to_have_attribute("aria-pressed", "true")


def test_the_picture_can_be_taken_away(page):
    """SVG has the phases' texts, the table and the curve in it."""
    page.evaluate("glassbox.openView('model', 'learning_step')")
    expect(page.locator("#gb-learning_step .gb-back-curve svg")).to_be_visible()
    with page.expect_download() as download:
        page.locator("#gb-learning_step [data-id=svg]").click()
    text = download.value.path().read_text(encoding="utf-8")
    assert download.value.suggested_filename == "glassbox-learning-step-predict.svg"
    assert all(word in text for word in ("Predict", "embedding", "MLP", "along", "<path"))


def test_progress_is_shown_and_can_be_stopped(page, monkeypatch):
    """The text stands there at once, with how far the step is; Stop keeps what is known; Go on makes the rest."""
    go_on, parts = threading.Semaphore(0), steps.learning_step_in_parts

    def slowly(*args, **more):
        for part in parts(*args, **more):
            go_on.acquire()
            yield part

    monkeypatch.setattr(steps, "learning_step_in_parts", slowly)
    page.evaluate("glassbox.look({ prompt: 'Once there was a boy who counted steps.' })")
    page.evaluate("glassbox.address.set({ on: 'prompt' })")
    page.evaluate("glassbox.openView('model', 'learning_step')")
    panel = page.locator("#gb-learning_step")
    expect(panel.locator("[data-id=reading] .gb-token")).not_to_have_count(0)
    expect(panel.locator("[data-id=progress]")).to_contain_text("Reading the text")
    expect(panel.locator("[data-id=empty]")).to_be_hidden()
    go_on.release(5)
    expect(panel.locator(".gb-back-curve circle")).to_have_count(3)
    expect(panel.locator("[data-id=progress]")).to_contain_text("s left")
    panel.locator("[data-id=stop]").click()
    expect(panel.locator("[data-id=progress]")).to_be_hidden()
    expect(panel.locator(".gb-back-curve circle")).to_have_count(3)
    go_on.release(2 * PARTS)
    panel.get_by_role("button", name="Go on").click()
    expect(panel.locator(".gb-back-curve circle")).to_have_count(len(FACTORS))
    expect(panel.get_by_role("button", name="Go on")).to_be_hidden()
