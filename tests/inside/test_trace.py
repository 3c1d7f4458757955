"""What a trace shows is what the model did: against transformers' eager attention and the model's own sums."""

import itertools
import threading

import pytest
import torch
from twins import SHAPES, hugging_face_twin, random_ids, randomised

from llm.inside.logit_lens import logit_lens
from llm.inside.trace import trace, trace_names


def hook_count(model) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_patterns_equal_transformers(config):
    """Every head's attention equals what transformers' eager implementation reports."""
    model, ids = randomised(config), random_ids(config, 2, config.n_ctx)
    seen = trace(model, ids)
    with torch.no_grad():
        expected = hugging_face_twin(model, attn_implementation="eager")(ids, output_attentions=True).attentions
    for layer in range(config.n_layer):
        torch.testing.assert_close(seen[f"blocks.{layer}.attn.hook_pattern"], expected[layer], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_residual_stream_equals_transformers(config):
    """The stream before each block equals transformers' hidden states; after the last LayerNorm too."""
    model, ids = randomised(config), random_ids(config, 2, 9)
    seen = trace(model, ids)
    with torch.no_grad():
        expected = hugging_face_twin(model)(ids, output_hidden_states=True).hidden_states
    names = [f"blocks.{layer}.hook_resid_pre" for layer in range(config.n_layer)] + ["ln_final.hook_normalized"]
    for name, states in zip(names, expected, strict=True):
        torch.testing.assert_close(seen[name], states, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_patterns_are_causal_and_reproduce_the_layer(config):
    """Rows sum to one, nothing looks ahead, and pattern @ v is the fast path's z, which gives the layer's output."""
    model, ids = randomised(config), random_ids(config, 2, 13)
    seen = trace(model, ids)
    for layer, block in enumerate(model.h):
        at = f"blocks.{layer}."
        scores, pattern = seen[at + "attn.hook_attn_scores"], seen[at + "attn.hook_pattern"]
        assert pattern.shape == (2, config.n_head, 13, 13)
        torch.testing.assert_close(pattern.sum(dim=3), torch.ones(2, config.n_head, 13))
        assert (pattern.triu(1) == 0).all() and (pattern.tril() > 0).sum() == 2 * config.n_head * 13 * 14 // 2
        torch.testing.assert_close(scores.softmax(dim=3), pattern)

        q, k, v, z = (seen[f"{at}attn.hook_{part}"] for part in "qkvz")
        assert q.shape == k.shape == v.shape == z.shape == (2, 13, config.n_head, config.head_size)
        dots = torch.einsum("bthd,bshd->bhts", q, k) / config.head_size**0.5
        torch.testing.assert_close(dots.tril(), scores.tril().nan_to_num(neginf=0.0), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(torch.einsum("bhts,bshd->bthd", pattern, v), z, atol=1e-5, rtol=1e-4)
        with torch.no_grad():
            torch.testing.assert_close(block.attn.c_proj(z.flatten(2)), seen[at + "hook_attn_out"])


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_the_residual_stream_adds_up(config):
    """Embeddings make the first stream, each sub-layer adds to it, and each block hands it to the next."""
    model, ids = randomised(config), random_ids(config, 2, 7)
    seen = trace(model, ids)
    stream = seen["hook_embed"] + seen["hook_pos_embed"]
    for layer in range(config.n_layer):
        at = f"blocks.{layer}.hook_"
        assert torch.equal(seen[at + "resid_pre"], stream)
        assert torch.equal(seen[at + "resid_mid"], stream + seen[at + "attn_out"])
        assert torch.equal(seen[at + "resid_post"], seen[at + "resid_mid"] + seen[at + "mlp_out"])
        stream = seen[at + "resid_post"]
    assert seen["hook_pos_embed"].shape == seen["hook_embed"].shape == (2, 7, config.n_embd)


def test_the_lens_ends_at_the_models_own_logits():
    """One set of logits a layer and one before; the last is the output, the first knows the embeddings alone."""
    model, ids = randomised(SHAPES[0]), random_ids(SHAPES[0], 2, 9)
    seen = trace(model, ids, ["blocks.0.hook_resid_pre", "*.hook_resid_post"])
    lens = list(logit_lens(model, seen))
    assert len(lens) == SHAPES[0].n_layer + 1
    assert torch.equal(lens[-1], seen.logits)
    with torch.no_grad():
        torch.testing.assert_close(lens[0], model.unembed(model.embed(ids)))
    assert not any(torch.allclose(one, two) for one, two in itertools.pairwise(lens))


@pytest.mark.parametrize("training", [False, True])
def test_tracing_changes_nothing_and_leaves_nothing_behind(training):
    """The logits are those of an untraced pass, bit for bit; mode, hooks and gradients are as before."""
    config = SHAPES[0].replace(dropout=0.3)
    model, ids = randomised(config), random_ids(config, 1, 11)
    with torch.no_grad():
        expected = model(ids)
    model.train(training)
    seen = trace(model, ids)
    assert torch.equal(seen.logits, expected)
    assert hook_count(model) == 0 and model.training == model.h[1].attn.resid_dropout.training == training
    assert not any(tensor.requires_grad for tensor in seen.tensors.values())


def test_an_error_leaves_no_hooks_behind():
    """A pass that fails half way takes its hooks with it and restores the mode."""
    model = randomised(SHAPES[0]).train()
    with pytest.raises(ValueError, match="keep the last 32"):
        trace(model, list(range(33)))
    assert hook_count(model) == 0 and model.training


def test_only_what_is_asked_for_is_kept():
    """Names with wildcards choose tensors; None keeps all that `trace_names` lists, in that order."""
    model = randomised(SHAPES[0])
    seen = trace(model, [1, 2, 3], ["blocks.*.attn.hook_pattern", "hook_embed"])
    assert list(seen.tensors) == ["hook_embed", *(f"blocks.{n}.attn.hook_pattern" for n in range(3))]
    assert list(trace(model, [1, 2, 3]).tensors) == trace_names(model)
    assert trace(model, [1, 2, 3], []).tensors == {}
    with pytest.raises(KeyError, match="add it to the trace's names"):
        seen["blocks.0.attn.hook_q"]


@pytest.mark.parametrize(
    ("ids", "names", "sentence"),
    [
        ([], None, "at least one"),
        ([97], None, "Id 97"),
        ([1], ["blocks.3.hook_mlp_out"], "Nothing in this model is called blocks.3"),
    ],
)
def test_what_cannot_be_traced_is_refused(ids, names, sentence):
    """No tokens, foreign tokens and unknown names are one clear sentence each."""
    with pytest.raises(ValueError, match=sentence):
        trace(randomised(SHAPES[0]), ids, names)


def test_the_last_tokens_logits_alone():
    """Where only they are asked for, they are the last row of all logits; what is kept stays whole."""
    model = randomised(SHAPES[0])
    whole, last = trace(model, [5, 6, 7]), trace(model, [5, 6, 7], last_only=True)
    torch.testing.assert_close(last.logits, whole.logits[:, -1:])
    assert torch.equal(last["blocks.2.attn.hook_z"], whole["blocks.2.attn.hook_z"])


def test_a_list_and_a_tensor_are_the_same_text():
    """Ids may come as a list, a row or a batch of one."""
    model = randomised(SHAPES[0])
    ways = [trace(model, ids) for ids in ([5, 6, 7], torch.tensor([5, 6, 7]), torch.tensor([[5, 6, 7]]))]
    assert all(torch.equal(way.logits, ways[0].logits) for way in ways)
    assert ways[0]["blocks.0.attn.hook_pattern"].shape == (1, 4, 3, 3)


def test_another_threads_pass_is_not_seen():
    """Visitors who share a model never see each other's text in their traces."""
    model = randomised(SHAPES[0])
    expected = trace(model, [1, 2, 3])
    others = threading.Thread(target=lambda: model(torch.tensor([[9, 8, 7, 6]])))

    # The other pass runs whole in the middle of the traced one, after block 0 and before block 1.
    def meanwhile(*_) -> None:
        if threading.current_thread() is threading.main_thread():
            others.start()
            others.join()

    handle = model.h[0].register_forward_hook(meanwhile)
    seen = trace(model, [1, 2, 3])
    handle.remove()
    assert others.ident is not None
    assert all(torch.equal(seen[name], expected[name]) for name in expected.tensors)
