"""Positions and embeddings: what is sent are the model's own tables, and nothing a stranger sends breaks it."""

import base64
import functools
import math

import numpy as np
import pytest
import tiny_model
import torch
from tiny_model import floats
from torch.nn import functional as F

from llm.checkpoint import save_checkpoint
from llm.inside.trace import trace
from llm.ui.attention import positions_and_embeddings
from llm.ui.attention.passes import Passes
from llm.ui.attention.positions_and_embeddings import build_positions_and_embeddings

asked = functools.partial(tiny_model.asked, prompt="the quick")


@pytest.fixture
def view(tiny):
    """Endpoints by name, over one tiny model whose LayerNorms are not at rest; the model; its tokenizer."""

    def unsettle(model):
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)) * 0.1)

    return tiny(lambda subjects: build_positions_and_embeddings(Passes(subjects)), unsettle, n_ctx=40)


def test_tokens_lie_where_their_vectors_do(view):
    """Distances in the map never exceed those of the vectors, norms are exact, names come once a vocabulary."""
    endpoints, model, tokenizer = view
    answer = endpoints["map_tokens"](asked())
    places, vectors = floats(answer["places"]).reshape(-1, 2), model.wte.weight.detach().numpy()
    flat = np.linalg.norm(places[:, None] - places, axis=2)
    full = np.linalg.norm(vectors[:, None] - vectors, axis=2)
    assert (flat <= full + 1e-5).all() and 0 < answer["shares"][1] <= answer["shares"][0] < 1
    centred = vectors - vectors.mean(axis=0)
    np.testing.assert_allclose((places**2).sum(axis=0) / (centred**2).sum(), answer["shares"], rtol=1e-4)
    np.testing.assert_allclose(floats(answer["norms"]), np.linalg.norm(vectors, axis=1), rtol=1e-6)
    assert answer["prompt"] == sorted(set(tokenizer.encode("the quick")))
    lengths = np.frombuffer(base64.b64decode(answer["vocabulary"]["lengths"]), np.uint32)
    names = base64.b64decode(answer["vocabulary"]["bytes"])
    assert len(lengths) == tokenizer.vocab_size and names[: lengths[0]] == tokenizer.token_bytes(0)
    assert endpoints["map_tokens"](asked(knows=tokenizer.hash))["vocabulary"] == tokenizer.hash


def test_neighbours_are_the_nearest_by_cosine(view):
    """The token itself is not among them, and cosines fall."""
    endpoints, model, _ = view
    answer = endpoints["find_neighbours"](asked(id=3))
    cosine_V = F.cosine_similarity(model.wte.weight, model.wte.weight[3], dim=1)
    order = [i for i in cosine_V.argsort(descending=True).tolist() if i != 3][: positions_and_embeddings.NEIGHBOURS]
    assert [id for id, _ in answer["neighbours"]] == order
    assert [c for _, c in answer["neighbours"]] == pytest.approx(cosine_V[order].tolist(), abs=1e-4)


def test_positions_are_compared_to_half_a_byte(view, monkeypatch):
    """Cosines within the quantisation step, for both codes; a long context is thinned and says so."""
    endpoints, model, _ = view
    answer = endpoints["compare_positions"](asked())
    vectors = model.wpe.weight.detach()
    cosine_PP = F.cosine_similarity(vectors[:, None], vectors, dim=2).numpy()
    sent = np.frombuffer(base64.b64decode(answer["learned"]["similar"]), np.uint8).reshape(40, 40)
    assert np.abs(sent / 127.0 - 1 - cosine_PP).max() <= 0.501 / 127
    assert floats(answer["sinusoidal"]["curves"]).shape == (positions_and_embeddings.COMPONENTS * 40,)
    monkeypatch.setattr(positions_and_embeddings, "MAX_POSITIONS", 16)
    thinned = endpoints["compare_positions"](asked(again=True))  # the same question has its answer
    assert thinned["every"] == 3 and len(base64.b64decode(thinned["learned"]["similar"])) == 14 * 14


@pytest.mark.parametrize("number", range(5))
def test_a_norm_takes_in_and_gives_out_what_the_model_does(view, number):
    """Each of the model's LayerNorms, from the bottom to the last: input from the stream, output as the module's."""
    endpoints, model, tokenizer = view
    answer = endpoints["read_norm"](asked(norm=number, position=4))
    layer, second = divmod(number, 2)
    name = "blocks.1.hook_resid_post" if layer == 2 else f"blocks.{layer}.hook_resid_{'mid' if second else 'pre'}"
    norm = model.ln_f if layer == 2 else (model.h[layer].ln_2 if second else model.h[layer].ln_1)
    before = trace(model, tokenizer.encode("the quick"), [name])[name][0, 4]
    np.testing.assert_array_equal(floats(answer["before"]), before.numpy())
    with torch.no_grad():
        np.testing.assert_array_equal(floats(answer["after"]), norm(before).numpy())
    by_hand = (floats(answer["before"]) - answer["mean"]) / answer["std"]
    by_hand = by_hand * floats(answer["gain"]) + floats(answer["bias"])
    np.testing.assert_allclose(floats(answer["after"]), by_hand, atol=1e-5)


def test_an_empty_prompt_leaves_the_tables(view):
    """Without a prompt there is nothing to normalise; the map needs none."""
    endpoints, _, _ = view
    assert endpoints["read_norm"](asked(prompt=""))["tokens"] == []
    assert endpoints["map_tokens"](asked(prompt=""))["prompt"] == []


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("map_tokens", asked(prompt=3)),
        ("map_tokens", asked(knows=["x"])),
        ("find_neighbours", asked(id=math.nan)),
        ("find_neighbours", asked(id="3")),
        ("find_neighbours", asked()),
        ("read_norm", asked(norm=math.inf)),
        ("read_norm", asked(position=[])),
        ("compare_positions", {"visitor": "0" * 32}),
        ("compare_positions", None),
    ],
)
def test_hostile_requests_get_one_sentence(view, name, request_):
    """Whatever is sent, the answer is a refusal in words, never a crash's own text."""
    error = view[0][name](request_)["error"]
    assert error.endswith(".") and "Something went wrong" not in error


def test_a_model_full_of_nan_is_refused(view, tmp_path):
    """A run that diverged gets a sentence instead of a map of nothing."""
    endpoints, model, tokenizer = view
    with torch.no_grad():
        model.wte.weight[0, 0] = math.nan
    save_checkpoint(tmp_path / "broken", model, tokenizer)
    for name in ("map_tokens", "find_neighbours", "read_norm"):
        assert "NaN" in endpoints[name](asked(model="shipped:broken", id=0))["error"]
