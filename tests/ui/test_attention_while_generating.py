"""While generating: rows on the wire are the model's own, and a person can play, pause and step back."""

import functools
import math

import numpy as np
import pytest
import tiny_model
import torch
from playwright.sync_api import expect
from tiny_model import TEXT, read, sharper

from llm.config import SamplingConfig
from llm.inside.trace import trace
from llm.sampler import generate
from llm.ui.attention import while_generating
from llm.ui.attention.passes import Passes
from llm.ui.attention.while_generating import build_while_generating
from llm.ui.bundle import bundle
from llm.ui.panel import ASSETS

asked = functools.partial(tiny_model.asked, prompt="the quick")


@pytest.fixture
def view(tiny):
    """Endpoints by name, over one tiny random model whose context is 24 characters; the model; its tokenizer."""
    return tiny(lambda subjects: build_while_generating(Passes(subjects)), sharper, n_ctx=24)


def drawn(endpoints, begun, count):
    """Readings one after the other, `count` of them."""
    readings = list(begun["readings"])
    while len(readings) < count:
        answer = endpoints["grow_rows"](asked(growth=begun["growth"], count=count - len(readings)))
        readings += answer["readings"]
    return readings


def pooled(square_HTT, cell):
    """The largest weight in each cell of `cell` x `cell`, as plain loops find it; lower triangles, row by row."""
    H, T, _ = square_HTT.shape
    picture = np.zeros((H, T // cell, T // cell), np.float32)
    for row in range(T):
        for column in range(row + 1):
            here = picture[:, row // cell, column // cell]
            np.maximum(here, square_HTT[:, row, column], out=here)
    return picture[:, *np.tril_indices(T // cell)]


@pytest.mark.parametrize("cells", [64, 5])
def test_every_row_is_the_full_passs_to_the_quantisation_step(view, monkeypatch, cells):
    """One byte a weight, one row a token; squared, each is what one pass over the text so far gives, past a restart.

    A start of more than `cells` tokens comes pooled, and each of its heads in full when it is asked for.
    """
    monkeypatch.setattr(while_generating, "CELLS", cells)
    endpoints, model, tokenizer = view
    begun = endpoints["begin_rows"](asked(seed=5))
    assert [token["text"] for token in begun["tokens"]] == list("the quick") and begun["room"] == 24
    text, starts = tokenizer.encode("the quick"), []
    for k, reading in enumerate(drawn(endpoints, begun, 30)):
        if k:
            text.append(reading["token"]["id"])
        S, first = reading["reads"], reading["reads"] - 1
        seen = trace(model, text[-S:], ["blocks.*.attn.hook_pattern"])
        expected_HTT = torch.cat([seen[f"blocks.{layer}.attn.hook_pattern"][0] for layer in range(2)]).numpy()

        def close(sent, expected):
            assert np.abs(read(sent, np.uint8) / 255 - np.sqrt(expected.flatten())).max() <= 0.501 / 255

        if "start" in reading:
            first, cell = reading["whole"], reading["cell"]
            assert cell * cells >= S and (cell == 1 or cell * cells < 2 * S) and first // cell * cell == first
            close(reading["thumbnails"], pooled(expected_HTT[:, :first, :first], cell))
            where = {"growth": begun["growth"], "start": reading["start"], "layer": 1, "head": 2}
            starts.append((where, expected_HTT[6][np.tril_indices(first)]))
        close(reading["rows"], np.concatenate([expected_HTT[:, r, : r + 1].flatten() for r in range(first, S)]))
        assert reading["next"][0]["p"] >= reading["next"][-1]["p"]
    *old, (latest, expected) = starts
    close(endpoints["read_start"](asked(**latest))["rows"], expected)
    assert old and all(endpoints["read_start"](asked(**where)) == {"gone": True} for where, _ in old)
    settings = SamplingConfig(seed=5, max_new_tokens=29)
    ids = tokenizer.encode("the quick")
    assert text == ids + [choice.id for choice in generate(model, ids, settings)]


def test_a_full_picture_and_a_long_prompt_are_said(view, monkeypatch):
    """Where the context is larger than the picture, it ends full; a prompt that fills it is cut, with a sentence."""
    endpoints, _, _ = view
    begun = endpoints["begin_rows"](asked(prompt=TEXT))
    assert "45 tokens" in begun["note"] and "last 12" in begun["note"] and len(begun["tokens"]) == 12
    monkeypatch.setattr(while_generating, "MAX_TOKENS", 12)
    begun = endpoints["begin_rows"](asked())
    assert drawn(endpoints, begun, 4)[-1]["reads"] == 12
    ended = endpoints["grow_rows"](asked(growth=begun["growth"], count=5))
    assert ended == {"readings": [], "ended": "full"}
    monkeypatch.setattr(while_generating, "MAX_BYTES", 8 * 18 * 18 // 2)  # more heads, fewer tokens
    assert endpoints["begin_rows"](asked(prompt="the"))["room"] == 12
    monkeypatch.setattr(while_generating, "MAX_BYTES", 8 * 10 * 10 // 2)
    assert endpoints["begin_rows"](asked(prompt="the"))["room"] == 10


def test_only_its_own_visitor_goes_on_with_a_text(view):
    """A stranger's name for it, or an old one, is answered with gone."""
    endpoints, _, _ = view
    begun = endpoints["begin_rows"](asked())
    assert endpoints["grow_rows"](asked(growth=begun["growth"], visitor="1" * 32)) == {"gone": True}
    endpoints["begin_rows"](asked())
    assert endpoints["grow_rows"](asked(growth=begun["growth"])) == {"gone": True}


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("begin_rows", asked(prompt="")),
        ("begin_rows", asked(prompt=None)),
        ("begin_rows", asked(temperature=math.nan)),
        ("begin_rows", asked(seed="1")),
        ("begin_rows", {"visitor": "0" * 32}),
        ("grow_rows", asked(growth=7)),
        ("read_start", asked(growth=None)),
        ("grow_rows", {}),
    ],
)
def test_hostile_requests_get_one_sentence(view, name, request_):
    """Whatever is sent, the answer is a refusal in words, never a crash's own text."""
    error = view[0][name](request_)["error"]
    assert error.endswith(".") and "Something went wrong" not in error


@pytest.fixture
def growth_js(browser):
    """A page with assets/attention/growing_heads.js and nothing else."""
    page = browser.new_page()
    page.add_script_tag(content=bundle(ASSETS, "attention/growing_heads.js", ["shared/numbers.js"]))
    yield page
    page.close()


def test_the_page_joins_starts_and_rows_into_the_models_patterns(tiny, growth_js):
    """Thumbnails and the enlarged head are those of one pass at every moment: walked on, back, and past a restart."""
    build, prompt = (lambda subjects: build_while_generating(Passes(subjects))), TEXT * 3
    endpoints, model, tokenizer = tiny(build, sharper, n_ctx=200)

    def whole_rows(start):
        return endpoints["read_start"](asked(growth=begun["growth"], start=start, layer=0, head=3))["rows"]

    begun = endpoints["begin_rows"](asked(prompt=prompt, seed=2))
    full = {0: whole_rows(0)}
    readings = drawn(endpoints, begun, 100)
    again = next(k for k, reading in enumerate(readings) if k and "start" in reading)
    full[again] = whole_rows(1)
    text = tokenizer.encode(prompt) + [reading["token"]["id"] for reading in readings[1:]]
    growth_js.evaluate(
        "(begun) => { window.growth = glassbox.modules[`attention/growing_heads.js`].growingHeads(begun); }", begun
    )
    growth_js.evaluate("(readings) => readings.forEach(growth.add)", readings)
    for k, rows in full.items():
        growth_js.evaluate(
            "([k, rows]) => growth.at(k).start.full.set(3, glassbox.modules[`shared/numbers.js`].bytesOf(rows))",
            [k, rows],
        )
    for k in (0, 1, 40, 41, 7, again - 1, again, again + 3, 99, 2):
        now = growth_js.evaluate(
            """(k) => {
              const now = growth.at(k), { cell, triangles } = now.thumbnails(), { first, end, reads } = now;
              const [small, full, last] = [triangles[3], now.triangle(3), now.row(3)].map((bytes) => [...bytes]);
              return { first, end, reads, cell, small, full, last };
            }""",
            k,
        )
        S = readings[k]["reads"]
        assert now["end"] == len(tokenizer.encode(prompt)) + k and now["end"] - now["first"] == now["reads"] == S
        seen = trace(model, text[now["first"] : now["end"]], ["blocks.0.attn.hook_pattern"])
        expected_TT = np.round(255 * seen["blocks.0.attn.hook_pattern"][0, 3].sqrt().numpy())
        assert np.abs(np.array(now["full"]) - expected_TT[np.tril_indices(S)]).max() <= 1  # two ways to round
        assert np.abs(np.array(now["last"]) - expected_TT[-1]).max() <= 1
        assert now["cell"] == max(1, 2 ** int(np.ceil(np.log2(S / 64))))
        room = -S % now["cell"]
        padded_1TT = np.pad(expected_TT, (0, room))[None]
        assert np.abs(np.array(now["small"]) - pooled(padded_1TT, now["cell"])[0]).max() <= 1


def test_a_visitor_plays_pauses_steps_back_and_freezes(page):
    """Heads and text grow while playing; arrows step; what was drawn comes again the same; F holds everything."""
    page.evaluate("glassbox.address.set({ pace: 60 }); glassbox.openView('attention', 'while_generating')")
    count = page.locator("#gb-while_generating [data-id=count] b")
    page.wait_for_function("document.querySelector('#gb-while_generating .gb-new')")
    expect(count).to_have_text("0")
    expect(page.locator("#gb-while_generating .gb-next li")).to_have_count(10)
    page.keyboard.press("Space")
    page.wait_for_function("Number(document.querySelector('#gb-while_generating [data-id=count] b').textContent) >= 5")
    page.keyboard.press("f")  # freezing pauses, and nothing is drawn anew
    expect(page.locator("#gb-while_generating [data-id=play]")).to_have_text("Play")
    shown, prompt = int(count.text_content()), page.evaluate("glassbox.subject.prompt")
    page.evaluate("glassbox.look({ prompt: 'My lord' })")
    page.wait_for_timeout(200)
    assert int(count.text_content()) == shown > 0
    page.evaluate("prompt => glassbox.look({ prompt })", prompt)
    page.keyboard.press("f")
    page.wait_for_function("document.querySelector('#gb-while_generating [data-id=count] b').textContent === '0'")
    page.keyboard.press("Space")
    page.wait_for_function("Number(document.querySelector('#gb-while_generating [data-id=count] b').textContent) >= 5")
    page.keyboard.press("Space")
    expect(page.locator("#gb-while_generating [data-id=play]")).to_have_text("Play")
    shown = int(count.text_content())
    newest = page.locator("#gb-while_generating .gb-new").text_content()
    page.keyboard.press("ArrowLeft")
    expect(count).to_have_text(str(shown - 1))
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        f"document.querySelector('#gb-while_generating [data-id=count] b').textContent === '{shown}'"
    )
    page.wait_for_function(
        "newest => document.querySelector('#gb-while_generating .gb-new')?.textContent === newest", arg=newest
    )
    grid = page.locator("#gb-while_generating [data-id=grid] canvas").first.bounding_box()
    page.mouse.click(grid["x"] + 10, grid["y"] + 10)
    expect(page.locator("#gb-while_generating [data-id=title]")).to_have_text("Layer 0, head 0")
    page.wait_for_function("location.hash.includes('head=0.0') && location.hash.includes('view=while_generating')")
    page.get_by_role("button", name="Start over").click()
    page.wait_for_function("document.querySelector('#gb-while_generating [data-id=count] b').textContent === '0'")
