"""What heads write adds up: to the layer's output, and with everything else to the model's own logits."""

import math

import pytest
import torch
from twins import SHAPES, random_ids, randomised

from llm.inside.contributions import direct_logits, source_writes
from llm.inside.trace import trace


@pytest.fixture(params=SHAPES, ids=str)
def traced(request):
    """A random model in float64, and everything seen over a short text."""
    model = randomised(request.param).double()
    return model, trace(model, random_ids(request.param, 1, 9))


def test_writes_equal_a_plain_sum(traced):
    """weight times value times the head's columns of c_proj, one number at a time."""
    model, seen = traced
    layer, row = model.config.n_layer - 1, 6
    attn, D = model.h[layer].attn, model.config.head_size
    for head in range(model.config.n_head):
        pattern_T = seen[f"blocks.{layer}.attn.hook_pattern"][0, head, row].double()
        v_TD = seen[f"blocks.{layer}.attn.hook_v"][0, :, head]
        writes_TC = source_writes(attn, head, pattern_T, v_TD).detach()
        weight_CC = attn.c_proj.weight.detach()
        for source in (0, 3, 6):
            for c in (0, model.config.n_embd - 1):
                total = sum(float(v_TD[source, d]) * float(weight_CC[c, head * D + d]) for d in range(D))
                assert float(writes_TC[source, c]) == pytest.approx(float(pattern_T[source]) * total, rel=1e-9)


def test_heads_and_bias_make_the_layers_output(traced):
    """Summed over the tokens looked at and over the heads, plus c_proj's bias, it is what the layer adds."""
    model, seen = traced
    row = 8
    for layer, block in enumerate(model.h):
        at = f"blocks.{layer}."
        total_C = block.attn.c_proj.bias.detach().clone()
        for head in range(model.config.n_head):
            q_TD, k_TD, v_TD = (seen[f"{at}attn.hook_{part}"][0, :, head] for part in "qkv")
            pattern_T = (k_TD @ q_TD[row] / math.sqrt(model.config.head_size)).softmax(0)
            total_C += source_writes(block.attn, head, pattern_T, v_TD).sum(0).detach()
        torch.testing.assert_close(total_C, seen[f"{at}hook_attn_out"][0, row], atol=1e-10, rtol=1e-8)


def test_direct_logits_of_all_parts_add_up_to_the_models_own(traced):
    """Embeddings, layers and the last LayerNorm's bias together give the logits, relative to their mean."""
    model, seen = traced
    row, layers = 8, range(model.config.n_layer)
    parts = [seen["hook_embed"], seen["hook_pos_embed"]]
    parts += [seen[f"blocks.{layer}.hook_{kind}_out"] for layer in layers for kind in ("attn", "mlp")]
    writes_NC = torch.stack([part[0, row] for part in parts])
    resid_C = seen[f"blocks.{model.config.n_layer - 1}.hook_resid_post"][0, row]
    with torch.no_grad():
        total_V = direct_logits(model, writes_NC, resid_C).sum(0)
        bias_V = model.wte.weight @ model.ln_f.bias
    logits_V = seen.logits[0, row]
    expected_V = logits_V - logits_V.mean() - (bias_V - bias_V.mean())
    torch.testing.assert_close(total_V, expected_V, atol=1e-9, rtol=1e-8)


def test_a_head_of_its_own_is_read_through_that_head():
    """Without tied embeddings the writes go through lm_head, not through the token embedding."""
    model = randomised(SHAPES[0].replace(tie_word_embeddings=False, bias=False))
    write_1C, resid_C = torch.randn(1, 48), torch.randn(48)
    with torch.no_grad():
        found_V = direct_logits(model, write_1C, resid_C)[0]
        scale = (resid_C.var(unbiased=False) + model.ln_f.eps).rsqrt()
        expected_V = model.lm_head.weight @ ((write_1C[0] - write_1C.mean()) * scale * model.ln_f.weight)
    torch.testing.assert_close(found_V, expected_V - expected_V.mean(), atol=1e-5, rtol=1e-4)
