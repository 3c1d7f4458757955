"""What the Attention tab sends is what the model computed, and nothing a stranger sends breaks it."""

import base64
import json
import math

import numpy as np
import pytest
import torch

from llm.checkpoint import save_checkpoint
from llm.config import ModelConfig
from llm.model import GPT
from llm.tokenizers import train_tokenizer
from llm.trace import trace
from llm.ui import subject
from llm.ui.attention.heads import THUMBNAIL, build_heads
from llm.ui.sessions import Sessions

TEXT = "the quick brown fox jumps over the lazy dog; "


@pytest.fixture
def tab(tmp_path, monkeypatch):
    """Endpoints by name, over one tiny random model whose context is 100 characters; the model; its tokenizer."""
    monkeypatch.setattr(subject, "SHIPPED", tmp_path)
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "home"))
    tokenizer = train_tokenizer("character", TEXT)
    model = GPT(ModelConfig(tokenizer.vocab_size, n_ctx=100, n_embd=16, n_head=4, n_layer=2), seed=1).eval()
    with torch.no_grad():  # sharper than a fresh model, so that its heads differ
        for block in model.h:
            block.attn.c_attn.weight.mul_(20)
    save_checkpoint(tmp_path / "tiny", model, tokenizer)
    lens = build_heads(subject.Subjects(Sessions()))
    return {fn.__name__: fn for fn in lens.server_fns}, model, tokenizer


def asked(**values):
    return {"visitor": "0" * 32, "model": "shipped:tiny", "prompt": TEXT, **values}


def square(flat, side):
    """One head's lower triangle, row by row, as a square."""
    full = np.zeros((side, side), flat.dtype)
    full[np.tril_indices(side)] = flat
    return full


def read(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


def patterns_of(model, ids):
    """pattern_LHTT, by the plain way: the trace's own pattern."""
    seen = trace(model, ids, ["blocks.*.attn.hook_pattern"])
    return torch.cat([seen[f"blocks.{layer}.attn.hook_pattern"] for layer in range(model.config.n_layer)])


def test_thumbnails_are_the_patterns_to_the_quantisation_step(tab):
    """Every byte of every head squares back to the model's own weight, within half a step."""
    endpoints, model, tokenizer = tab
    answer = endpoints["trace_prompt"](asked())
    ids = tokenizer.encode(TEXT)
    expected_LHTT = patterns_of(model, ids).numpy()
    side, count = answer["side"], model.config.n_layer * model.config.n_head
    assert side == len(ids) == len(answer["tokens"])
    heads = read(answer["thumbnails"], np.uint8).reshape(count, -1)
    rests = read(answer["rests"], np.float32).reshape(count, side)
    for i, expected_TT in enumerate(expected_LHTT.reshape(count, side, side)):
        assert np.abs(square(heads[i], side) / 255 - np.sqrt(expected_TT)).max() <= 0.5001 / 255
        np.testing.assert_allclose(rests[i], 1 - expected_TT[:, 0], atol=1e-6)
    assert [token["text"] for token in answer["tokens"]] == list(TEXT)


def test_exact_values_are_float32_of_the_trace(tab):
    """What hovering shows is the trace's own pattern and score, bit for bit, for the head that was asked for."""
    endpoints, model, tokenizer = tab
    ids = tokenizer.encode(TEXT)
    seen = trace(model, ids, ["blocks.1.attn.hook_pattern", "blocks.1.attn.hook_attn_scores"])
    lower = np.tril_indices(len(ids))
    for answer in (
        endpoints["read_head"](asked(layer=1, head=3)),
        endpoints["trace_prompt"](asked(layer=1, head=3))["zoomed"],
    ):
        assert (answer["layer"], answer["head"]) == (1, 3)
        for key, name in (("pattern", "pattern"), ("scores", "attn_scores")):
            expected_TT = seen[f"blocks.1.attn.hook_{name}"][0, 3].numpy()
            np.testing.assert_array_equal(read(answer[key], np.float32), expected_TT[lower])


def test_next_tokens_are_the_models_own(tab):
    """The bars come from the same pass: the top of the softmax of the last position, in falling order."""
    endpoints, model, tokenizer = tab
    answer = endpoints["trace_prompt"](asked())
    ids = tokenizer.encode(TEXT)
    odds_V = torch.softmax(model(torch.tensor([ids]))[0, -1], 0)
    top = odds_V.topk(10)
    assert [row["id"] for row in answer["next"]] == top.indices.tolist()
    np.testing.assert_allclose([row["p"] for row in answer["next"]], top.values.tolist(), rtol=1e-4)


def test_a_long_prompt_is_cut_at_the_front_and_pooled_without_losing_the_strongest_cell(tab):
    """The last n_ctx tokens are shown, a sentence says so, and pooling keeps each head's largest weights."""
    endpoints, model, tokenizer = tab
    answer = endpoints["trace_prompt"](asked(prompt=TEXT * 5))
    ids = tokenizer.encode(TEXT * 5)[-100:]
    assert [token["id"] for token in answer["tokens"]] == ids
    assert "225 tokens" in answer["note"] and "last 100" in answer["note"]
    assert answer["side"] == THUMBNAIL
    heads = read(answer["thumbnails"], np.uint8).reshape(8, -1)
    for i, pattern_TT in enumerate(patterns_of(model, ids).flatten(0, 1).numpy()):
        row, column = np.unravel_index(pattern_TT[50:].argmax(), (50, 100))
        cell = square(heads[i], THUMBNAIL)[(row + 50) * THUMBNAIL // 100, column * THUMBNAIL // 100]
        assert cell >= math.floor(255 * math.sqrt(pattern_TT[row + 50, column]))


def test_an_empty_prompt_is_an_empty_picture(tab):
    """Nothing to look at is no mistake: the page shows its empty state; reading a head of it is refused."""
    endpoints, _, _ = tab
    assert endpoints["trace_prompt"](asked(prompt="")) == {"tokens": []}
    assert "prompt" in endpoints["read_head"](asked(prompt="", layer=0, head=0))["error"]


@pytest.mark.parametrize("prompt", ["t", "the", "t" * 64, "t" * 65, "x" * 20_000])
def test_any_length_gives_an_answer_that_json_can_hold(tab, prompt):
    """One token, two thumbnail sizes and the longest prompt all work, with no NaN among the scores."""
    endpoints, _, _ = tab
    answer = endpoints["trace_prompt"](asked(prompt=prompt))
    assert answer["tokens"]
    json.dumps(answer, allow_nan=False)


def test_heads_that_a_model_lacks_fall_back(tab):
    """A link made with a larger model opens on this model's clearest head instead of failing."""
    endpoints, _, _ = tab
    fresh = endpoints["trace_prompt"](asked())["zoomed"]
    assert endpoints["trace_prompt"](asked(layer=11, head=11))["zoomed"] == fresh
    clamped = endpoints["read_head"](asked(layer=1e9, head=-5))
    assert (clamped["layer"], clamped["head"]) == (1, 0)


@pytest.mark.parametrize(
    "request_",
    [
        None,
        [],
        {},
        {"visitor": "0" * 32},
        {"visitor": "0" * 32, "model": "shipped:../../etc", "prompt": "the"},
        asked(prompt=None),
        asked(prompt=["the"]),
        asked(prompt="the" * 20_000),
        asked(prompt="Ω not in this vocabulary"),
        asked(layer=math.nan, head=0),
        asked(layer="1", head=0),
        asked(layer=True, head=0),
        asked(layer={}, head=math.inf),
    ],
)
@pytest.mark.parametrize("name", ["trace_prompt", "read_head"])
def test_hostile_requests_get_one_sentence(tab, name, request_):
    """Whatever is sent, the answer is a refusal in words, never a crash's own text."""
    error = tab[0][name](request_)["error"]
    assert error.endswith(".") and "Something went wrong" not in error


def test_a_model_full_of_nan_is_refused(tab, tmp_path):
    """A run that diverged gets a sentence instead of a picture of nothing."""
    endpoints, model, tokenizer = tab
    with torch.no_grad():
        model.ln_f.bias[0] = math.nan
    save_checkpoint(tmp_path / "broken", model, tokenizer)
    assert "NaN" in endpoints["trace_prompt"](asked(model="shipped:broken"))["error"]
