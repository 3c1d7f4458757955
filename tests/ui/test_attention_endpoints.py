"""What the views of heads send is what the model computed, and nothing a stranger sends breaks it."""

import json
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny_model import TEXT, asked, read, sharper

from llm.checkpoint import save_checkpoint
from llm.ui import subject, traces
from llm.ui.attention.compare import build_compare
from llm.ui.attention.heads import THUMBNAIL, build_heads
from llm.ui.attention.inside_a_head import build_inside_a_head
from llm.ui.attention.passes import Passes
from llm.ui.sessions import Sessions


@pytest.fixture
def tab(tiny):
    """Endpoints by name, over one tiny random model whose context is 100 characters; the model; its tokenizer."""

    def build(subjects):
        passes = Passes(subjects)
        return build_heads(passes), build_inside_a_head(passes), build_compare(passes)

    return tiny(build, sharper, n_ctx=100)


def square(flat, side):
    """One head's lower triangle, row by row, as a square."""
    full = np.zeros((side, side), flat.dtype)
    full[np.tril_indices(side)] = flat
    return full


def plain_pass(model, ids):
    """Each layer's q, k, v, scores, pattern (H first) and stream, by the formulas of the paper in float64."""
    weights = {name: tensor.double() for name, tensor in model.state_dict().items()}
    config, T = model.config, len(ids)

    def norm(x_TC, name):
        x_TC = (x_TC - x_TC.mean(1, keepdim=True)) / (x_TC.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
        return x_TC * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def linear(x_TC, name):
        return x_TC @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    stream_TC, seen = weights["wte.weight"][ids] + weights["wpe.weight"][:T], []
    for layer in range(config.n_layer):
        at = f"h.{layer}"
        qkv_TC = linear(norm(stream_TC, f"{at}.ln_1"), f"{at}.attn.c_attn")
        q_HTD, k_HTD, v_HTD = (x.view(T, config.n_head, -1).transpose(0, 1) for x in qkv_TC.split(config.n_embd, 1))
        scores_HTT = q_HTD @ k_HTD.transpose(1, 2) / math.sqrt(config.head_size)
        scores_HTT = scores_HTT.masked_fill(torch.ones(T, T).triu(1).bool(), -math.inf)
        pattern_HTT = scores_HTT.exp() / scores_HTT.exp().sum(2, keepdim=True)
        z_TC = (pattern_HTT @ v_HTD).transpose(0, 1).reshape(T, -1)
        seen.append(
            {"q": q_HTD, "k": k_HTD, "v": v_HTD, "scores": scores_HTT, "pattern": pattern_HTT, "pre": stream_TC}
        )
        stream_TC = stream_TC + linear(z_TC, f"{at}.attn.c_proj")
        inner_TC = F.gelu(linear(norm(stream_TC, f"{at}.ln_2"), f"{at}.mlp.c_fc"), approximate="tanh")
        stream_TC = stream_TC + linear(inner_TC, f"{at}.mlp.c_proj")
        seen[-1]["post"] = stream_TC
    return seen


def test_thumbnails_are_the_patterns_to_the_quantisation_step(tab):
    """Every byte of every head squares back to the weight of a float64 re-implementation, within half a step."""
    endpoints, model, tokenizer = tab
    answer = endpoints["trace_prompt"](asked())
    ids = tokenizer.encode(TEXT)
    expected_LHTT = torch.stack([one["pattern"] for one in plain_pass(model, ids)]).numpy()
    side, count = answer["side"], model.config.n_layer * model.config.n_head
    assert side == len(ids) == len(answer["tokens"])
    heads = read(answer["thumbnails"], np.uint8).reshape(count, -1)
    rests = read(answer["rests"], np.uint8).reshape(count, side)
    for i, expected_TT in enumerate(expected_LHTT.reshape(count, side, side)):
        assert np.abs(square(heads[i], side) / 255 - np.sqrt(expected_TT)).max() <= 0.501 / 255
        rest_T = np.sqrt(np.clip(1 - expected_TT[:, 0], 0, 1))
        rest_T[0] = 0.0  # the first token can only look at itself, but for rounding
        assert np.abs(rests[i] / 255 - rest_T).max() <= 0.51 / 255
    assert [token["text"] for token in answer["tokens"]] == list(TEXT)


def test_queries_and_keys_give_the_exact_weights(tab):
    """softmax(q k / sqrt(D)) of what is sent, as the page works it out, is the float64 re-implementation's."""
    endpoints, model, tokenizer = tab
    ids = tokenizer.encode(TEXT)
    expected = plain_pass(model, ids)[1]
    for answer in (
        endpoints["read_head"](asked(layer=1, head=3)),
        endpoints["trace_prompt"](asked(layer=1, head=3))["zoomed"],
        endpoints["read_side"](asked(layer=1, head=3)),
    ):
        assert (answer["layer"], answer["head"]) == (1, 3)
        q_TD, k_TD = (read(answer[part], np.float32).reshape(len(ids), -1).astype(np.float64) for part in "qk")
        scores_TT = q_TD @ k_TD.T / math.sqrt(q_TD.shape[1])
        np.testing.assert_allclose(np.tril(scores_TT), np.tril(expected["scores"][3]), atol=1e-4)
        for row in range(len(ids)):
            odds = np.exp(scores_TT[row, : row + 1] - scores_TT[row, : row + 1].max())
            np.testing.assert_allclose(odds / odds.sum(), expected["pattern"][3, row, : row + 1], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("flow", ["layer", "all", "rollout"])
def test_many_heads_in_one_picture(tab, flow):
    """Layer mean, mean of all and rollout are those of the float64 patterns, to the quantisation step."""
    endpoints, model, tokenizer = tab
    patterns_LHTT = torch.stack([one["pattern"] for one in plain_pass(model, tokenizer.encode(TEXT))])
    means_LTT = patterns_LHTT.mean(1)
    mixed_LTT = 0.5 * means_LTT + 0.5 * torch.eye(len(TEXT))
    expected_TT = {"layer": means_LTT[1], "all": means_LTT.mean(0), "rollout": mixed_LTT[1] @ mixed_LTT[0]}[flow]
    found = square(read(endpoints["read_flow"](asked(flow=flow, layer=1))["weights"], np.uint8), len(TEXT))
    assert np.abs(found / 255 - expected_TT.sqrt().numpy()).max() <= 0.501 / 255


def test_scores_on_random_tokens_are_the_models_whatever_the_prompt(tab):
    """One answer a model, for every head, in which duplicates and induction can be told."""
    endpoints, _, _ = tab
    kinds = endpoints["score_heads"](asked())["kinds"]
    assert len(kinds) == 8 and all(None not in one["scores"] for one in kinds)
    assert endpoints["score_heads"](asked(prompt="the"))["kinds"] == kinds


def test_a_head_taken_apart_is_the_float64_heads(tab):
    """q, k, v, the row, each token's write and the logits it moves equal a plain re-implementation."""
    endpoints, model, tokenizer = tab
    ids, layer, head, row, column = tokenizer.encode(TEXT), 0, 2, 20, 7
    found = endpoints["open_head"](asked(layer=layer, head=head, row=row, column=column))
    seen = plain_pass(model, ids)
    one, D = seen[layer], model.config.head_size
    for name, at in (("q", row), ("k", column), ("v", column)):
        np.testing.assert_allclose(read(found[name], np.float32), one[name][head, at], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(read(found["scores"], np.float32), one["scores"][head, row, : row + 1], atol=1e-4)
    weights = one["pattern"][head, row, : row + 1]
    np.testing.assert_allclose(read(found["weights"], np.float32), weights, rtol=1e-4, atol=1e-7)

    proj = model.h[layer].attn.c_proj.weight.detach().double()
    writes_SC = weights[:, None] * (one["v"][head, : row + 1] @ proj[:, head * D : (head + 1) * D].T)
    np.testing.assert_allclose(read(found["lengths"], np.float32), writes_SC.norm(dim=1), rtol=1e-3)
    whole_C = writes_SC.sum(0)
    shares = read(found["shares"], np.float32)
    np.testing.assert_allclose(shares, writes_SC @ whole_C / whole_C.norm() ** 2, rtol=1e-3, atol=1e-5)
    assert shares.sum() == pytest.approx(1.0, abs=1e-4)
    assert found["length"]["head"] == pytest.approx(float(whole_C.norm()), rel=1e-4)
    assert found["length"]["stream"] == pytest.approx(float(one["pre"][row].norm()), rel=1e-4)

    final_C = seen[-1]["post"][row]
    scale = (final_C.var(unbiased=False) + 1e-5).sqrt()
    assert found["scale"] == pytest.approx(float(scale), rel=1e-4)
    for key, write_C in (("head_logits", whole_C), ("pair_logits", writes_SC[column])):
        logits_V = model.wte.weight.detach().double() @ (
            (write_C - write_C.mean()) / scale * model.ln_f.weight.detach()
        )
        logits_V -= logits_V.mean()
        for end, order in (("promoted", logits_V.argsort(descending=True)), ("suppressed", logits_V.argsort())):
            assert [token["id"] for token in found[key][end]] == order[: len(found[key][end])].tolist()
            by = [token["by"] for token in found[key][end]]
            np.testing.assert_allclose(by, logits_V[order[: len(by)]], rtol=1e-3, atol=1e-7)


def test_a_pair_that_is_not_named_is_the_last_token_and_what_it_looks_at_most(tab):
    """Rows and columns out of range are clamped to what a token can see."""
    endpoints, _, _ = tab
    found = endpoints["open_head"](asked(layer=1, head=0))
    assert found["row"] == len(TEXT) - 1 and found["column"] == read(found["weights"], np.float32).argmax()
    clamped = endpoints["open_head"](asked(layer=1, head=0, row=3, column=1e9))
    assert (clamped["row"], clamped["column"]) == (3, 3)


@pytest.mark.usefixtures("tab")
def test_a_pass_is_kept_and_never_mistaken_for_another():
    """The same prompt costs one forward pass, another prompt gets its own, and old ones make room."""
    subjects = subject.Subjects(Sessions())
    passes = Passes(subjects)
    first = passes.of(asked())
    assert passes.of(asked()).seen is first.seen
    subjects.sessions.memory.budget = subjects.sessions.memory.held + 4 * traces.trace_bytes(first.seen)
    others = [passes.of(asked(prompt=TEXT[:n])) for n in range(1, 20)]
    assert [len(one.ids) for one in others] == list(range(1, 20))
    assert passes.of(asked()).seen is not first.seen
    assert passes.of(asked(prompt=TEXT[:19])).seen is others[-1].seen


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
    patterns_LHTT = torch.stack([one["pattern"] for one in plain_pass(model, ids)])
    for i, pattern_TT in enumerate(patterns_LHTT.flatten(0, 1).numpy()):
        row, column = np.unravel_index(pattern_TT[50:].argmax(), (50, 100))
        cell = square(heads[i], THUMBNAIL)[(row + 50) * THUMBNAIL // 100, column * THUMBNAIL // 100]
        assert cell >= math.floor(255 * math.sqrt(pattern_TT[row + 50, column]))


def test_an_empty_prompt_is_an_empty_picture(tab):
    """Nothing to look at is no mistake: the page shows its empty state; reading a head of it is refused."""
    endpoints, _, _ = tab
    assert endpoints["trace_prompt"](asked(prompt="")) == {"tokens": []}
    assert endpoints["open_head"](asked(prompt="")) == endpoints["read_side"](asked(prompt="")) == {"tokens": []}
    assert "prompt" in endpoints["read_head"](asked(prompt="", layer=0, head=0))["error"]
    assert "prompt" in endpoints["read_flow"](asked(prompt="", flow="all"))["error"]


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
@pytest.mark.parametrize("name", ["trace_prompt", "read_head", "open_head", "read_side"])
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
