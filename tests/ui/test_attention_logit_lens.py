"""The logit lens: figures are the model's own at every layer, and the page shows them."""

import base64
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from tiny_model import TEXT, asked, louder

from llm.checkpoint import load_checkpoint
from llm.ui import subject
from llm.ui.attention import logit_lens
from llm.ui.attention.logit_lens import build_logit_lens
from llm.ui.attention.passes import Passes


@pytest.fixture
def view(tiny):
    """Endpoints by name, over a tiny random model of 3 layers; the model; its tokenizer."""
    return tiny(lambda subjects: build_logit_lens(Passes(subjects)), louder, n_ctx=60, n_layer=3)


def rows_of(answer, name):
    """One figure, a row for each layer, from the highest down."""
    values = np.frombuffer(base64.b64decode(answer["rows"][name]), np.float32)
    return values.reshape(-1, len(answer["tokens"]))


@torch.no_grad()
def streams(model, ids):
    """The residual stream before block 0 and after each, from the output down, by running the blocks."""
    found = [model.embed(torch.tensor([ids]))]
    for layer, block in enumerate(model.h):
        found.append(block(found[-1], layer))
    return reversed(found)


def test_every_cell_is_the_models_answer_at_that_layer(view):
    """Top token, probability, entropy and the true token's rank are those of each stream, read by the head."""
    endpoints, model, tokenizer = view
    answer = endpoints["read_lens"](asked())
    ids = tokenizer.encode(TEXT)
    assert answer["tokens"] == ids and answer["below"] == 0 and answer["layers"] == 3
    for row, x_BTC in enumerate(streams(model, ids)):
        with torch.no_grad():
            p_TV = model.unembed(x_BTC)[0].double().softmax(dim=1).numpy()
        top_T = rows_of(answer, "top")[row].astype(int)
        np.testing.assert_array_equal(top_T, p_TV.argmax(axis=1))
        assert all(answer["texts"][str(id)] == tokenizer.decode([id]) for id in top_T)
        np.testing.assert_allclose(rows_of(answer, "p")[row], p_TV.max(axis=1), rtol=1e-4)
        np.testing.assert_allclose(rows_of(answer, "entropy")[row], -(p_TV * np.log(p_TV)).sum(axis=1), rtol=1e-4)
        true_T = p_TV[np.arange(len(ids) - 1), ids[1:]]
        np.testing.assert_allclose(rows_of(answer, "trueP")[row][:-1], true_T, rtol=1e-4)
        np.testing.assert_array_equal(rows_of(answer, "rank")[row][:-1], (p_TV[:-1] >= true_T[:, None]).sum(axis=1))


def test_a_slow_lens_comes_in_pieces_that_join(view, monkeypatch):
    """One row an answer, asked for one after the other, is the same picture; the cell's list is of that row."""
    endpoints, model, tokenizer = view
    whole = endpoints["read_lens"](asked())
    clock = iter(range(1000))
    slower = SimpleNamespace(monotonic=lambda: next(clock) ** 2)  # each step seems slower than the last
    monkeypatch.setattr(logit_lens, "time", slower)  # its own alone: other threads look at the clock too
    pieces, below = [], None
    while below != 0:
        pieces.append(endpoints["read_lens"](asked(below=below)))
        below = pieces[-1]["below"]
    assert len(pieces) > 1
    joined = np.concatenate([rows_of(piece, "p") for piece in pieces])
    np.testing.assert_allclose(joined, rows_of(whole, "p"), rtol=1e-6)
    ids = tokenizer.encode(TEXT)
    cell = endpoints["read_cell"](asked(row=2, position=5))["next"]
    with torch.no_grad():
        top = model.unembed(list(streams(model, ids))[1])[0, 5].softmax(dim=0).topk(10)
    assert [token["id"] for token in cell] == top.indices.tolist()
    np.testing.assert_allclose([token["p"] for token in cell], top.values, rtol=1e-4)


@pytest.mark.parametrize("prompt", ["t", "the" * 200])
def test_any_length_gives_an_answer_that_json_can_hold(view, prompt):
    """One token and a prompt beyond the context both draw; the page is told what was left out."""
    answer = view[0]["read_lens"](asked(prompt=prompt))
    json.dumps(answer, allow_nan=False)
    assert len(answer["tokens"]) == min(60, len(prompt)) and bool(answer["note"]) == (len(prompt) > 60)
    assert view[0]["read_lens"](asked(prompt="")) == {"tokens": []}


@pytest.mark.parametrize(
    "request_",
    [
        None,
        {},
        asked(prompt=None),
        asked(prompt="Ω", row=0, position=0),
        asked(model="shipped:../x", row=0, position=0),
        asked(below=math.nan, row=math.nan, position=0),
        asked(below="1", row=0, position=[]),
    ],
)
@pytest.mark.parametrize("name", ["read_lens", "read_cell"])
def test_hostile_requests_get_one_sentence(view, name, request_):
    """Whatever is sent, the answer is a refusal in words."""
    error = view[0][name](request_)["error"]
    assert error.endswith(".") and "Something went wrong" not in error


def test_a_visitor_reads_the_lens_and_finds_the_cell_again(page):
    """The grid is drawn; hover tells a cell's numbers; clicks pin, keys walk, the address brings it back."""
    page.get_by_role("tab", name="Attention").click()
    page.get_by_role("button", name="Logit lens").click()
    page.wait_for_function("document.querySelectorAll('#gb-logit_lens .gb-next li').length === 10")
    reference = page.evaluate("glassbox.subject.model").removeprefix("shipped:")
    checkpoint = load_checkpoint(subject.SHIPPED / reference)
    ids = checkpoint.tokenizer.encode(page.evaluate("glassbox.subject.prompt"))
    readout = page.locator("#gb-logit_lens .gb-caption-now")

    page.keyboard.press("ArrowLeft")  # the output, one token before the end
    position, layers = len(ids) - 2, checkpoint.model.config.n_layer
    with torch.no_grad():
        p_V = checkpoint.model(torch.tensor([ids]))[0, position].softmax(dim=0)
    page.wait_for_function(f"location.hash.includes('at={layers}.{position}')")
    rank = int((p_V >= p_V[ids[-1]]).sum())
    expect(readout).to_contain_text(f"rank {rank} of")
    expect(readout).to_contain_text("the output")
    percent = f"{100 * float(p_V.max()):.1f}"[:3]
    page.wait_for_function(f"document.querySelector('#gb-logit_lens .gb-next-p').textContent.startsWith('{percent}')")
    page.keyboard.press("ArrowDown")
    page.wait_for_function(
        "document.querySelector('#gb-logit_lens [data-id=title]').textContent.startsWith('After layer')"
    )

    canvas = page.locator("#gb-logit_lens canvas").first
    canvas.hover(position={"x": 20, "y": 60})
    page.wait_for_function("document.querySelector('.gb-tip')?.textContent.includes('entropy')")
    canvas.click(position={"x": 20, "y": 60})
    page.locator("#gb-logit_lens [value=rank]").click()
    expect(readout).to_contain_text("Kept")
    page.wait_for_function("location.hash.includes('lens=rank')")
    pinned = readout.text_content()
    page.reload()
    page.wait_for_function("document.querySelector('#gb-logit_lens .gb-caption-now')?.textContent.includes('Kept')")
    expect(readout).to_have_text(pinned)
    expect(page.locator("#gb-logit_lens [aria-pressed=true]")).to_have_text("true rank")
    page.keyboard.press("Escape")
    expect(readout).not_to_contain_text("Kept")
    page.wait_for_function("!location.hash.includes('at=')")
