"""The Grokking view: the recorded trainings, and one of the visitor's own, measured while it is there."""

import csv
import io
import re

import pytest
from playwright.sync_api import expect

from llm.config import ModelConfig, TrainConfig
from llm.corpora.tasks.texts import load
from llm.runs.assembly import make_run, make_trainer, prepare
from llm.scaling.grokking import CORPUS, VOCAB_SIZE
from llm.tokenizers import train_tokenizer
from llm.ui.scaling.grokking import build_grokking
from llm.ui.scaling.sweeps import Sweeps
from llm.ui.sessions import Sessions

ME = {"visitor": "0" * 32}


@pytest.fixture
def tab(tmp_path, monkeypatch):
    """The sessions and the view's endpoint, with an empty home."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    sessions = Sessions()
    (read,) = build_grokking(Sweeps(sessions)).server_fns
    return sessions, read


def own_run(root, tokenizer="bpe", ref=CORPUS):
    """A tiny training on sums, finished: its run."""
    corpus = load(CORPUS, size_bytes=60_000)
    prepared = prepare(ref, corpus, train_tokenizer(tokenizer, corpus.text, VOCAB_SIZE))
    shape = ModelConfig(prepared.tokenizer.vocab_size, n_ctx=16, n_embd=8, n_head=1, n_layer=1)
    train = TrainConfig(max_steps=4, batch_size=4, eval_interval=2, eval_windows=2, sample_tokens=0)
    run = make_run(root, prepared, shape, train, corpus="Sums", name="Mine")
    trainer = make_trainer(prepared, shape, train, {"prompt_ids": [0]}, device="cpu")
    for event in trainer:
        run.record(trainer, event)
    return run


def test_the_recorded_ones_are_there_at_once(tab):
    """Without any run of one's own: three seeds, all their moments, and only later ones where that is asked."""
    _, read = tab
    told = read(ME)
    assert [one["ref"] for one in told["offered"]] == ["shipped:1", "shipped:2", "shipped:3"]
    assert told["complete"] and not told["live"] and told["modulus"] == 97 and len(told["moments"]) > 20
    later = read({**ME, "training": "shipped:2", "after": told["moments"][9]["step"]})["moments"]
    assert later[0]["step"] > told["moments"][9]["step"] and len(later[0]["norms"]) == 48


def test_a_run_of_ones_own_is_measured_moment_by_moment(tab):
    """Its snapshots, each once, a few a call; other texts are not offered, and what can't be measured says why."""
    sessions, read = tab
    run = own_run(sessions.of(ME).runs)
    told = read({**ME, "training": f"run:{run.id}"})
    moments = told["moments"]
    while not told["complete"]:
        told = read({**ME, "training": f"run:{run.id}", "after": moments[-1]["step"]})
        moments += told["moments"]
    assert [moment["step"] for moment in moments] == run.snapshots() and moments[0]["shown"]["loss"] > 5
    own_run(sessions.of(ME).runs, ref="task:dates")
    assert [one["title"] for one in read(ME)["offered"]][3:] == ["Mine"]
    cut = own_run(sessions.of(ME).runs, "character")
    assert "no token for each number" in read({**ME, "training": f"run:{cut.id}"})["error"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"training": "run:../../etc"}, "Training must be one of"), ({"training": 5}, "Training must be one of"),
     ({"training": "shipped:9"}, "Training must be one of"), ({"after": "x"}, "After must be a number"),
     ({"after": float("nan")}, "After must be a number"), ({"visitor": "me"}, "visitor token")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(tab, wrong, says):
    """In one sentence."""
    assert says in tab[1]({**ME, **wrong})["error"]


def test_a_grokking_is_watched_from_beginning_to_end(page):
    """Curves and waves at once; keys, slider and curves lead through the moments; the link and the file hold them."""
    page.evaluate("glassbox.openView('scaling', 'grokking')")
    view, caption = page.locator("#gb-grokking"), page.locator("#gb-grokking .gb-caption-now")
    expect(view.locator(".gb-grokking-wave, .gb-grokking-few")).to_have_count(48)
    expect(caption).to_contain_text(re.compile(r"Step 1.500: right 100 % of the sums .* and 98.5 % of the others"))
    few = view.locator(".gb-grokking-few").count()
    assert few < 15
    page.keyboard.press("Home")
    expect(caption).to_contain_text("Step 0:")
    assert view.locator(".gb-grokking-few").count() > 30
    page.keyboard.press("ArrowRight")
    expect(caption).not_to_contain_text("Step 0:")
    box = view.locator("[data-id=curves]").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".gb-tip")).to_contain_text("never shown:")
    at = view.locator("[data-id=at]").text_content()
    view.locator("[data-value=loss]").click()
    expect(view.locator(".gb-legend").first).to_contain_text("loss of the answer")
    assert "curve=loss" in page.url and re.search(r"[&?]at=\d+", page.url)
    page.reload()
    expect(view.locator("[data-id=at]")).to_have_text(at)
    view.locator("[data-id=training]").select_option("shipped:3")
    expect(caption).to_contain_text(re.compile("right 99.6 %"))
    with page.expect_download() as told:
        view.locator("[data-id=csv]").click()
    rows = list(csv.DictReader(io.StringIO(told.value.path().read_text(encoding="utf-8"))))
    assert len(rows) > 20 and float(rows[-1]["held_out_accuracy"]) > 0.9 and "frequency_48" in rows[0]
