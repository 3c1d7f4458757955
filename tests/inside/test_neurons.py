"""Neurons: the strongest contexts are those of a plain pass, whatever the chunks; what is not there is refused."""

import pytest
import torch
from twins import SHAPES, random_ids, randomised

from llm.inside import neurons
from llm.inside.neurons import neuron_write, strongest_contexts


@pytest.mark.parametrize("layer", [0, 2])
@pytest.mark.parametrize("length", [5, 32, 213])
def test_the_strongest_are_those_of_a_plain_pass(monkeypatch, layer, length):
    """Values and places of every neuron, over whole windows and the rest, in chunks of two windows."""
    config = SHAPES[0]
    model, ids = randomised(config), random_ids(config, 1, length)[0]
    monkeypatch.setattr(neurons, "CHUNK", 2 * config.n_ctx)
    active, seen = [], []
    mlp = model.h[layer].mlp
    mlp.c_fc.register_forward_hook(lambda _, __, out: active.append(mlp.activation(out[0])))
    with torch.no_grad():
        for window in ids.split(config.n_ctx):
            model(window[None])
    whole_TN = torch.cat(active)
    for seen in strongest_contexts(model, ids, layer, count=4):
        assert seen.total == length
    assert seen.read == length
    expected = whole_TN.topk(4, dim=0)
    torch.testing.assert_close(seen.values_NK, expected.values.T, atol=1e-5, rtol=1e-4)
    found = whole_TN.gather(0, seen.places_NK.T)
    torch.testing.assert_close(found, expected.values, atol=1e-5, rtol=1e-4)


def test_progress_counts_and_a_pass_may_rest(monkeypatch):
    """Each chunk says how far it is, what it found is that of the text so far, and no hook stays behind."""
    config = SHAPES[0]
    model, ids = randomised(config), random_ids(config, 1, 100)[0]
    monkeypatch.setattr(neurons, "CHUNK", config.n_ctx)
    steps = strongest_contexts(model, ids, 1, count=2)
    first = next(steps)
    assert first.read == 32 and (first.places_NK < 32).all()
    (part,) = strongest_contexts(model, ids[:32], 1, count=2)
    torch.testing.assert_close(first.values_NK, part.values_NK)
    rest = list(steps)
    assert [seen.read for seen in rest] == [64, 96, 100]
    again = list(strongest_contexts(model, ids, 1, count=2, after=rest[0]))
    assert [seen.read for seen in again] == [96, 100] and torch.equal(again[-1].places_NK, rest[-1].places_NK)


def test_few_tokens_leave_places_empty():
    """A text of two tokens has no third context."""
    model = randomised(SHAPES[0])
    (seen,) = strongest_contexts(model, torch.tensor([1, 2]), 0, count=3)
    assert (seen.values_NK[:, 2] == -torch.inf).all() and seen.values_NK[:, :2].isfinite().all()


def test_a_neuron_writes_its_column():
    """What it adds for each unit is its column of the second matrix."""
    model = randomised(SHAPES[0])
    assert torch.equal(neuron_write(model, 1, 7), model.h[1].mlp.c_proj.weight[:, 7])


@pytest.mark.parametrize("layer, neuron", [(3, 0), (-1, 0), (0, 192), (0, -1)])
def test_what_is_not_there_is_refused(layer, neuron):
    """A layer or a neuron that the model lacks, and an empty text."""
    model = randomised(SHAPES[0])
    with pytest.raises(ValueError, match="There is no neuron"):
        neuron_write(model, layer, neuron)
    with pytest.raises(ValueError, match="There is no"):
        next(strongest_contexts(model, torch.tensor([], dtype=torch.long), 0))
