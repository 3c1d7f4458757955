"""While generating: rows on the wire are the model's own, and a person can play, pause and step back."""

import base64
import math

import numpy as np
import pytest
import torch

from llm.checkpoint import save_checkpoint
from llm.config import ModelConfig, SamplingConfig
from llm.inside.trace import trace
from llm.model import GPT
from llm.sampler import generate
from llm.tokenizers import train_tokenizer
from llm.ui import subject
from llm.ui.attention import growing
from llm.ui.attention.growing import build_growing
from llm.ui.sessions import Sessions

TEXT = "the quick brown fox jumps over the lazy dog; "


@pytest.fixture
def view(tmp_path, monkeypatch):
    """Endpoints by name, over one tiny random model whose context is 24 characters; the model; its tokenizer."""
    monkeypatch.setattr(subject, "SHIPPED", tmp_path)
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "home"))
    tokenizer = train_tokenizer("character", TEXT)
    model = GPT(ModelConfig(tokenizer.vocab_size, n_ctx=24, n_embd=16, n_head=4, n_layer=2), seed=1).eval()
    with torch.no_grad():  # sharper than a fresh model, so that its heads differ
        for block in model.h:
            block.attn.c_attn.weight.mul_(20)
    save_checkpoint(tmp_path / "tiny", model, tokenizer)
    lens = build_growing(subject.Subjects(Sessions()))
    return {fn.__name__: fn for fn in lens.server_fns}, model, tokenizer


def asked(**values):
    return {"visitor": "0" * 32, "model": "shipped:tiny", "prompt": "the quick", **values}


def drawn(endpoints, begun, count):
    """Readings one after the other, `count` of them."""
    readings = list(begun["readings"])
    while len(readings) < count:
        answer = endpoints["grow_rows"](asked(growth=begun["growth"], count=count - len(readings)))
        readings += answer["readings"]
    return readings


def test_every_row_is_the_full_passs_to_the_quantisation_step(view):
    """One byte a weight, one row a token; squared, each is what one pass over the text so far gives, past a restart."""
    endpoints, model, tokenizer = view
    begun = endpoints["begin_rows"](asked(seed=5))
    assert [token["text"] for token in begun["tokens"]] == list("the quick") and begun["room"] == 24
    text = tokenizer.encode("the quick")
    for k, reading in enumerate(drawn(endpoints, begun, 30)):
        if k:
            text.append(reading["token"]["id"])
        S = reading["reads"]
        rows = np.frombuffer(base64.b64decode(reading["rows"]), np.uint8)
        assert len(rows) == 8 * (S * (S + 1) // 2 if reading["anew"] else S)
        seen = trace(model, text[-S:], ["blocks.*.attn.hook_pattern"])
        expected_LHTT = torch.cat([seen[f"blocks.{layer}.attn.hook_pattern"] for layer in range(2)]).numpy()
        rows_ = np.tril_indices(S) if reading["anew"] else (np.full(S, S - 1), np.arange(S))
        expected = expected_LHTT[:, :, rows_[0], rows_[1]].reshape(8, -1)
        assert np.abs(rows.reshape(8, -1) / 255 - np.sqrt(expected)).max() <= 0.501 / 255
        assert reading["next"][0]["p"] >= reading["next"][-1]["p"]
    settings = SamplingConfig(seed=5, max_new_tokens=29)
    ids = tokenizer.encode("the quick")
    assert text == ids + [choice.id for choice in generate(model, ids, settings)]


def test_a_full_picture_and_a_long_prompt_are_said(view, monkeypatch):
    """Where the context is larger than the picture, it ends full; a prompt that fills it is cut, with a sentence."""
    endpoints, _, _ = view
    begun = endpoints["begin_rows"](asked(prompt=TEXT))
    assert "45 tokens" in begun["note"] and "last 12" in begun["note"] and len(begun["tokens"]) == 12
    monkeypatch.setattr(growing, "MAX_TOKENS", 12)
    begun = endpoints["begin_rows"](asked())
    assert drawn(endpoints, begun, 4)[-1]["reads"] == 12
    ended = endpoints["grow_rows"](asked(growth=begun["growth"], count=5))
    assert ended == {"readings": [], "ended": "full"}


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
        ("grow_rows", {}),
    ],
)
def test_hostile_requests_get_one_sentence(view, name, request_):
    """Whatever is sent, the answer is a refusal in words, never a crash's own text."""
    error = view[0][name](request_)["error"]
    assert error.endswith(".") and "Something went wrong" not in error


def test_a_visitor_plays_pauses_steps_back_and_freezes(page):
    """Heads and text grow while playing; arrows step; what was drawn comes again the same; F holds everything."""
    page.evaluate("glassbox.address.set({ pace: 60 }); glassbox.open('attention', 'growing')")
    count = page.locator("#gb-growing [data-id=count] b")
    page.wait_for_function("document.querySelector('#gb-growing .gb-new')")
    assert count.text_content() == "0" and page.locator("#gb-growing .gb-next li").count() == 10
    page.keyboard.press("Space")
    page.wait_for_function("Number(document.querySelector('#gb-growing [data-id=count] b').textContent) >= 5")
    page.keyboard.press("f")  # freezing pauses, and nothing is drawn anew
    assert page.locator("#gb-growing [data-id=play]").text_content() == "Play"
    shown, prompt = int(count.text_content()), page.evaluate("glassbox.subject.prompt")
    page.evaluate("glassbox.look({ prompt: 'My lord' })")
    page.wait_for_timeout(200)
    assert int(count.text_content()) == shown > 0
    page.evaluate("prompt => glassbox.look({ prompt })", prompt)
    page.keyboard.press("f")
    page.wait_for_function("document.querySelector('#gb-growing [data-id=count] b').textContent === '0'")
    page.keyboard.press("Space")
    page.wait_for_function("Number(document.querySelector('#gb-growing [data-id=count] b').textContent) >= 5")
    page.keyboard.press("Space")
    shown = int(count.text_content())
    newest = page.locator("#gb-growing .gb-new").text_content()
    page.keyboard.press("ArrowLeft")
    assert int(count.text_content()) == shown - 1
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"document.querySelector('#gb-growing [data-id=count] b').textContent === '{shown}'")
    assert page.locator("#gb-growing .gb-new").text_content() == newest
    grid = page.locator("#gb-growing [data-id=grid] canvas").first.bounding_box()
    page.mouse.click(grid["x"] + 10, grid["y"] + 10)
    assert page.locator("#gb-growing [data-id=title]").text_content() == "Layer 0, head 0"
    assert "head=0.0" in page.url and "view=growing" in page.url
    page.get_by_role("button", name="Start over").click()
    page.wait_for_function("document.querySelector('#gb-growing [data-id=count] b').textContent === '0'")
