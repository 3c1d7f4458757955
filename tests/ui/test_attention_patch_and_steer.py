"""Patch and steer on the page: what the endpoints answer is the core's, and a visitor can patch and steer."""

import json
import math
import re

import pytest
from playwright.sync_api import expect
from tiny_model import TEXT, asked, floats, louder

from llm.config import SamplingConfig
from llm.inside.patching import Pair, Site, counterpart, steered
from llm.sampler import generate
from llm.ui.attention import patch_and_steer
from llm.ui.attention.passes import Passes
from llm.ui.attention.patch_and_steer import EXAMPLES, build_patch_and_steer

OTHER = TEXT.replace("fox", "dog")


@pytest.fixture
def view(tiny):
    """Endpoints by name, over a tiny random model of 2 layers of 4 heads; both prompts as a pair; the tokenizer."""
    endpoints, model, tokenizer = tiny(lambda subjects: build_patch_and_steer(Passes(subjects)), louder, n_ctx=60)
    return endpoints, Pair(model, tokenizer.encode(TEXT), tokenizer.encode(OTHER)), tokenizer


def test_both_prompts_and_what_follows_them(view):
    """Tokens side by side, the two answers, and three odds of each token; the base's own before anything is patched."""
    endpoints, pair, tokenizer = view
    answer = endpoints["read_pair"](asked(other=OTHER))
    json.dumps(answer, allow_nan=False)
    assert [token["id"] for token in answer["others"]] == tokenizer.encode(OTHER) and answer["other"] == OTHER
    assert [token["id"] for token in answer["answers"]] == list(pair.answers)
    for token in answer["next"]:
        assert token["patched"] == token["base"]
        assert token["source"] == pytest.approx(float(pair.logits_2V[1].softmax(0)[token["id"]]), rel=1e-3)
    assert endpoints["read_pair"](asked("")) == {"tokens": []}


def test_without_another_prompt_one_is_found(view):
    """Of the same length, with one word exchanged."""
    endpoints, pair, tokenizer = view
    answer = endpoints["read_pair"](asked())
    assert [token["id"] for token in answer["others"]] == counterpart(pair.model, tokenizer.encode(TEXT))


@pytest.mark.parametrize("where", [("stream", 2, None), ("attention", 1, None), ("mlp", 0, None), ("head", 1, 3)])
def test_a_patch_is_the_cores(view, where):
    """Odds, the share restored and the cone at two positions; the map's rows, in as many calls as it takes."""
    endpoints, pair, _ = view
    kind, layer, head = where
    site, on = Site(*where), {"other": OTHER, "kind": kind, "layer": layer, "head": head or 0}
    answer = endpoints["patch_positions"](asked(**on, positions=[17, 20]))
    logits_V = pair.patched(site, [17, 20])
    assert answer["restored"] == pytest.approx(pair.restored(logits_V), abs=1e-3)
    assert answer["next"][0]["patched"] == pytest.approx(float(logits_V.softmax(0)[answer["next"][0]["id"]]), rel=1e-3)
    assert floats(answer["cone"]) == pytest.approx(pair.cone(site, [17, 20]).flatten().tolist(), abs=1e-4)
    first = head if kind == "head" else layer
    assert endpoints["map_rows"](asked(**on, first=first))["rows"][0] == pytest.approx(pair.row(site), abs=1e-3)


def test_the_map_comes_in_bounded_pieces(view, monkeypatch):
    """One row a call where time is short; layers of the stream and one more, layers of the parts, heads of a layer."""
    monkeypatch.setattr(patch_and_steer, "CALL_SECONDS", -1.0)
    for kind, total in (("stream", 3), ("attention", 2), ("mlp", 2), ("head", 4)):
        for first in range(total):
            answer = view[0]["map_rows"](asked(other=OTHER, kind=kind, first=first))
            assert (answer["first"], answer["total"], len(answer["rows"])) == (first, total, 1)


def test_the_steered_text_is_the_cores(view):
    """In pieces; with a factor of nothing the model's own."""
    endpoints, pair, tokenizer = view
    ids = tokenizer.encode(TEXT)
    for factor in (0.0, 6.0):
        answer = endpoints["write_steered"](asked(other=OTHER, layer=1, factor=factor, ids=[]))
        with steered(pair.model, 1, factor * pair.direction(1)):
            config = SamplingConfig(temperature=0.8, max_new_tokens=8, seed=1)
            assert answer["ids"] == [choice.id for choice in generate(pair.model, ids, config)]
    written = []
    while not (answer := endpoints["write_steered"](asked(other=OTHER, ids=written)))["ended"]:
        written = answer["ids"]
    assert len(answer["ids"]) == 16  # 45 tokens of prompt leave room for 15, and they come by eights


@pytest.mark.parametrize(
    ("names", "wrong", "words"),
    [
        ("read patch map write", {"other": "the"}, "45 and 3 tokens"),
        ("read patch map write", {"other": TEXT}, "the same"),
        ("read patch map write", {"prompt": "t", "other": "h"}, "one token"),
        ("read patch map write", {"other": "Ω"}, ""),
        ("read patch map write", {"other": 7}, ""),
        ("read patch map write", {"model": "shipped:../x"}, ""),
        ("patch map", {"kind": "soul"}, ""),
        ("patch", {"layer": 99}, "no such place"),
        ("patch", {"kind": "head", "head": 99, "layer": 0}, "no such head"),
        ("patch", {"positions": [99]}, "no such position"),
        ("patch", {"positions": "all"}, "Positions"),
        ("map", {"first": math.nan}, ""),
        ("write", {"ids": [10**9]}, ""),
        ("write", {"ids": [1] * 32}, "room"),
        ("write", {"factor": "much"}, ""),
    ],
)
def test_bad_input_gets_one_sentence(view, names, wrong, words):
    """Different lengths, one token, a stale head and the rest."""
    for name, endpoint in view[0].items():
        if name.split("_")[0] in names.split():
            error = endpoint(asked(**{"other": OTHER, "first": 0, "positions": [1], **wrong}))["error"]
            assert error.endswith(".") and words in error and "Something went wrong" not in error


# ---- in a browser --------------------------------------------------------------------------------------

VIEW = "#gb-patch_and_steer"


def opened(page):
    """The worked example of `tales`, its map complete."""
    page.evaluate("glassbox.openView('attention', 'patch_and_steer')")
    page.get_by_role("button", name="Who she is").click()
    prompt = next(prompt for title, prompt, _ in EXAMPLES["tales"] if title == "Who she is")
    page.wait_for_function("(prompt) => glassbox.subject.prompt === prompt", arg=prompt)
    expect(page.locator(f"{VIEW} [data-id=title]")).to_contain_text("from ·he towards ·she")
    expect(page.locator(f"{VIEW} [data-id=progress]")).to_be_hidden()


def test_it_opens_on_a_pair_whose_answer_one_patch_turns(page):
    """The prompt that the page opens on stands beside one with another name; patching the name changes the answer."""
    page.evaluate("glassbox.openView('attention', 'patch_and_steer')")
    expect(page.locator(f"{VIEW} [data-id=title]")).to_contain_text("from ·Arlo towards ·Sofia")
    expect(page.locator(f"{VIEW} [data-id=alike]")).to_have_text("")
    caption = page.locator(f"{VIEW} .gb-caption-now")
    expect(caption).to_have_text(re.compile(r"at ·Arlo \(27\): 10[012]\s% restored, ·Sofia \S+ → [5-9]\d\.\d %"))


def test_a_visitor_finds_out_where_she_comes_from(page):
    """The strongest cell is patched by itself; arrows walk, a stroke patches several, Esc takes it away."""
    opened(page)
    caption = page.locator(f"{VIEW} .gb-caption-now")
    expect(caption).to_contain_text("·Arlo (26)")
    expect(caption).to_contain_text("restored, ·she")
    expect(page.locator(f"{VIEW} .gb-lit-cell").first).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(caption).to_contain_text("·did (27): 0\u00a0%")
    cells = [page.locator(f"{VIEW} [data-row='0'][data-position='{p}']").bounding_box() for p in (25, 27)]
    page.mouse.move(cells[0]["x"] + 5, cells[0]["y"] + 5)
    page.mouse.down()
    page.mouse.move(cells[1]["x"] + 5, cells[1]["y"] + 5, steps=8)
    page.mouse.up()
    page.wait_for_function("location.hash.includes('put=0.25_26_27')")
    expect(caption).to_contain_text("and 2 more: 102\u00a0% restored")
    page.reload()
    expect(caption).to_contain_text("and 2 more: 102\u00a0% restored")
    page.keyboard.press("Escape")
    page.wait_for_function("!location.hash.includes('put=')")
    expect(caption).to_contain_text("This prompt says ·he, the other ·she.")


def test_heads_and_steering(page):
    """Heads of the last layer: one does it. The slider takes the text from one answer to the other."""
    opened(page)
    page.locator(f"{VIEW} [data-id=kind]").select_option("head")
    expect(page.locator(f"{VIEW} .gb-caption-now")).to_contain_text("Head 0 of layer 5")
    text = page.locator(f"{VIEW} [data-id=text]")
    page.locator(f"{VIEW} [data-id=factor]").fill("0")
    page.wait_for_function(f"document.querySelector('{VIEW} [data-id=text]').textContent.startsWith(' he')")
    page.locator(f"{VIEW} [data-id=factor]").fill("1")
    page.wait_for_function(f"document.querySelector('{VIEW} [data-id=text]').textContent.startsWith(' she')")
    assert " he " not in text.text_content()  # as it is: a locator's own check would trim the spaces


def test_prompts_that_do_not_fit_get_a_sentence(page):
    """Another length: the picture steps back and says why."""
    opened(page)
    page.locator(f"{VIEW} [data-id=other]").fill("One spring")
    page.locator(f"{VIEW} [data-id=other]").blur()
    expect(page.locator(f"{VIEW} .gb-notice")).to_contain_text("need the same number")


def test_write_again_writes_another_text(page):
    """Each press draws anew, and the link tells which."""
    opened(page)
    text = page.locator(f"{VIEW} [data-id=text]")
    expect(text).not_to_be_empty()
    for luck in ("1001", "2001"):
        page.get_by_role("button", name="Write again").click()
        page.wait_for_function("(luck) => glassbox.address.get('luck') === luck", arg=luck)
