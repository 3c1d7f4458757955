"""A logit's parts add up to it, and each is what is missing when it is taken out of the stream."""

import pytest
import torch
from twins import SHAPES, random_ids, randomised

from llm.inside.attribution import attribute
from llm.inside.column import Column, column_names
from llm.inside.trace import trace

UNTIED = SHAPES[0].replace(bias=False, tie_word_embeddings=False)


def column_of(config, position):
    model = randomised(config)
    return Column(model, trace(model, random_ids(config, 1, 9), column_names(model)), position)


@pytest.mark.parametrize("config", [*SHAPES, UNTIED], ids=["small", "one", "odd", "untied"])
def test_parts_add_up_to_the_models_own_logit(config):
    """At the first, a middle and the last position, for several tokens."""
    for position in (0, 4, 8):
        at = column_of(config, position)
        for token in (0, 7, config.vocab_size - 1):
            found = attribute(at, token)
            own = trace(at.model, at.ids).logits[0, position, token]
            assert found.logit == pytest.approx(float(own), abs=1e-4)
            assert found.total == pytest.approx(found.logit, abs=1e-4)
            assert found.heads_LH.shape == (config.n_layer, config.n_head)
            assert found.neurons_LN.shape == (config.n_layer, 4 * config.n_embd)


def test_a_part_is_what_the_stream_lacks_without_it():
    """With the scale held, the logit falls by a head's or a neuron's share when its write is taken away."""
    at, layer, head, neuron, token = column_of(SHAPES[0], 6), 1, 2, 11, 5
    found, model, D = attribute(at, token), at.model, SHAPES[0].head_size
    block = model.h[layer]
    z_C = torch.zeros_like(at.z(layer))
    z_C[head * D : (head + 1) * D] = at.z(layer)[head * D : (head + 1) * D]
    writes = {
        float(found.heads_LH[layer, head]): block.attn.c_proj.weight @ z_C,
        float(found.neurons_LN[layer, neuron]): block.mlp.c_proj.weight[:, neuron] * at.neurons(layer)[1][neuron],
    }

    @torch.no_grad()
    def logit(stream_C):
        normed_C = (stream_C - stream_C.mean()) / found.scale * model.ln_f.weight + model.ln_f.bias
        return float(model.wte.weight[token] @ normed_C)

    stream_C = at.stream(model.config.n_layer)
    for share, write_C in writes.items():
        assert logit(stream_C) - logit(stream_C - write_C) == pytest.approx(share, abs=1e-4)


@pytest.mark.parametrize("token", [-1, 97])
def test_a_token_outside_the_vocabulary_is_refused(token):
    """One sentence."""
    with pytest.raises(ValueError, match="There is no token"):
        attribute(column_of(SHAPES[0], 2), token)
    with pytest.raises(ValueError, match="There is no token"):
        column_of(SHAPES[0], 9)
