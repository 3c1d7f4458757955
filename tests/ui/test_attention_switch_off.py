"""Switching parts off: numbers are those of the model without them, and the page compares them."""

import json
import math

import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from tiny_model import TEXT, asked, floats, louder

from llm.checkpoint import load_checkpoint
from llm.evaluate import surprisal
from llm.inside.ablation import Part, ablated, mean_outputs, parts_of
from llm.ui import subject
from llm.ui.attention import switch_off
from llm.ui.attention.passes import Passes
from llm.ui.attention.switch_off import build_switch_off

OFF = [Part(0, 1), Part(1, 3), Part(1, None)]
NAMES = "0.1_1.3_1.mlp"


@pytest.fixture
def view(tiny):
    """Endpoints by name, over a tiny random model of 2 layers of 4 heads; the model; its tokenizer."""
    return tiny(lambda subjects: build_switch_off(Passes(subjects)), louder, n_ctx=60)


@pytest.mark.parametrize("how", ["zero", "mean"])
def test_before_and_after_are_the_models_with_and_without_the_parts(view, how):
    """Losses of every token and both probabilities of each bar, for zeros and for the prompt's means."""
    endpoints, model, tokenizer = view
    answer = endpoints["compare_parts"](asked(off=NAMES, how=how))
    ids = tokenizer.encode(TEXT)
    means = mean_outputs(model, ids) if how == "mean" else None
    assert answer["off"] == ["0.1", "1.3", "1.mlp"] and (answer["layers"], answer["heads"]) == (2, 4)
    np.testing.assert_allclose(floats(answer["before"]), surprisal(model, ids)[1:], rtol=1e-5)
    with ablated(model, OFF, means), torch.no_grad():
        np.testing.assert_allclose(floats(answer["after"]), surprisal(model, ids)[1:], rtol=1e-5)
        after_V = model(torch.tensor([ids]))[0, -1].softmax(dim=0)
    with torch.no_grad():
        before_V = model(torch.tensor([ids]))[0, -1].softmax(dim=0)
    shown = [token["id"] for token in answer["next"]]
    assert {*before_V.topk(8).indices.tolist(), *after_V.topk(8).indices.tolist()} == set(shown)
    for side, odds_V in (("before", before_V), ("after", after_V)):
        np.testing.assert_allclose([token[side] for token in answer["next"]], odds_V[shown], rtol=1e-4)


def test_nothing_off_is_the_same_twice_and_foreign_parts_are_left_out(view):
    """Before and after are equal bit for bit; a link made with a larger model opens on what this one has."""
    answer = view[0]["compare_parts"](asked(off="11.3_0.9_7.mlp"))
    assert answer["off"] == [] and answer["before"] == answer["after"]


def test_the_sweep_covers_every_part_once_in_bounded_pieces(view, monkeypatch):
    """Pieces joined are each part's loss, off alone, in the order of the switches."""
    endpoints, model, tokenizer = view
    monkeypatch.setattr(switch_off, "CALL_SECONDS", 0.0)  # one part a call
    losses = []
    for first in range(10):
        answer = endpoints["sweep_parts"](asked(first=first))
        assert len(answer["losses"]) == 1 and answer["total"] == 10
        losses += answer["losses"]
    ids = tokenizer.encode(TEXT)
    for part, loss in zip(parts_of(model.config), losses, strict=True):
        with ablated(model, [part]):
            assert loss == pytest.approx(np.mean(surprisal(model, ids)[1:]), rel=1e-5)


def test_the_written_text_depends_on_seed_and_parts_alone(view):
    """The same request writes the same tokens; with parts off, others; 40 tokens in pieces of 8, then it ends."""
    endpoints, _, tokenizer = view

    def write(**values):
        ids, calls = [], 0
        while True:
            answer = endpoints["write_without"](asked(ids=ids, **values))
            ids, calls = answer["ids"], calls + 1
            if answer["ended"]:
                assert tokenizer.decode(ids) == answer["text"]
                return ids, calls

    whole, calls = write(off="")
    assert (len(whole), calls) == (40, 5) and write(off="")[0] == whole
    assert write(off=NAMES)[0] != whole and write(off="", seed=2)[0] != whole


@pytest.mark.parametrize("prompt", ["t", "the" * 200])
def test_any_length_gives_an_answer_that_json_can_hold(view, prompt):
    """One token has no loss and can't be swept; a prompt beyond the context is cut and says so."""
    answer = view[0]["compare_parts"](asked(prompt=prompt, off=NAMES))
    json.dumps(answer, allow_nan=False)
    assert len(floats(answer["after"])) == len(answer["tokens"]) - 1
    assert bool(answer["note"]) == (len(prompt) > 60)
    swept = view[0]["sweep_parts"](asked(prompt=prompt, first=0))
    assert ("two tokens" in swept["error"]) if prompt == "t" else swept["losses"]
    assert view[0]["compare_parts"](asked(prompt="")) == {"tokens": []}


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        ("compare sweep write", {"prompt": None}),
        ("compare sweep write", {"prompt": "Ω"}),
        ("compare sweep write", {"model": "shipped:../x"}),
        ("compare sweep write", {"how": "median"}),
        ("compare write", {"off": "0.1_<img>"}),
        ("compare write", {"off": ["0.1"]}),
        ("sweep", {"first": math.nan}),
        ("sweep", {"prompt": ""}),
        ("write", {"prompt": ""}),
        ("write", {"ids": [1.5]}),
        ("write", {"ids": [10**9]}),
        ("write", {"ids": [1] * 40}),
        ("write", {"seed": "1"}),
    ],
)
def test_hostile_requests_get_one_sentence(view, names, wrong):
    """Whatever is sent, the answer is a refusal in words."""
    for name, endpoint in view[0].items():
        if name.split("_")[0] in names.split():
            error = endpoint(asked(**{"first": 0, "off": "0.1", "how": "zero", **wrong}))["error"]
            assert error.endswith(".") and "Something went wrong" not in error


def test_a_visitor_switches_parts_off_and_on_again(page):
    """The sweep colours and ranks all parts; a click shows the model's loss without one; the link brings it back."""
    page.get_by_role("tab", name="Attention").click()
    page.get_by_role("button", name="Switch off", exact=True).click()
    ranks = page.locator("#gb-switch_off [data-id=ranks] button")
    ranks.first.wait_for()
    reference = page.evaluate("glassbox.subject.model").removeprefix("shipped:")
    checkpoint = load_checkpoint(subject.SHIPPED / reference)
    config, ids = checkpoint.model.config, checkpoint.tokenizer.encode(page.evaluate("glassbox.subject.prompt"))
    switches = page.locator("#gb-switch_off .gb-switch")
    expect(switches).to_have_count(len(parts_of(config)))
    expect(ranks).to_have_count(len(parts_of(config)))

    ranks.first.click()
    page.wait_for_function("document.querySelector('#gb-switch_off [data-text=change] .gb-token')")
    name = page.locator("#gb-switch_off .gb-switch[aria-checked=false]").get_attribute("data-part")
    layer, head = name.split(".")
    with ablated(checkpoint.model, [Part(int(layer), None if head == "mlp" else int(head))]):
        loss = np.mean(surprisal(checkpoint.model, ids)[1:])
    shown = page.locator("#gb-switch_off [data-id=loss-after]")
    page.wait_for_function(
        "loss => document.querySelector('#gb-switch_off [data-id=loss-after]').textContent.includes(loss)",
        arg=f": {float(f'{loss:.3g}'):g} ",
    )
    page.wait_for_function("document.querySelector('#gb-switch_off [data-id=text-after] mark')")

    boxes = [switches.nth(i).bounding_box() for i in (config.n_head + 1, config.n_head + 3)]  # a stroke in layer 1
    page.mouse.move(boxes[0]["x"] + 8, boxes[0]["y"] + 8)
    page.mouse.down()
    page.mouse.move(boxes[1]["x"] + 8, boxes[1]["y"] + 8, steps=12)
    page.mouse.up()
    page.wait_for_function("['cut=', '1.0', '1.1', '1.2'].every((part) => location.hash.includes(part))")
    off = page.locator("#gb-switch_off .gb-switch[aria-checked=false]").count()
    page.locator("#gb-switch_off [value=mean]").click()
    page.reload()
    page.wait_for_function("document.querySelector('#gb-switch_off [data-text=change] .gb-token')")
    expect(page.locator("#gb-switch_off .gb-switch[aria-checked=false]")).to_have_count(off)
    expect(page.locator("#gb-switch_off [data-id=how] [aria-pressed=true]")).to_have_text("its mean")
    page.get_by_role("button", name="Switch all on").click()
    page.wait_for_function("!location.hash.includes('cut=')")
    expect(page.locator("#gb-switch_off .gb-switch[aria-checked=false]")).to_have_count(0)
    page.wait_for_function("document.querySelector('#gb-switch_off [data-id=loss-after]').textContent === 'some off'")
    assert shown.text_content() == "some off"
