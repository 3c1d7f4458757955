"""A part that is off hands nothing on: against transformers and copies of the model with other weights."""

import copy
import threading

import pytest
import torch
from twins import SHAPES, hugging_face_twin, random_ids, randomised

from llm.config import SamplingConfig
from llm.evaluate import surprisal
from llm.inside.ablation import Part, ablated, losses_without, mean_outputs, parts_of
from llm.sampler import generate

CONFIG = SHAPES[0]
OFF = [Part(0, 1), Part(2, 0), Part(2, 3), Part(1, None)]


def logits(model, ids, parts=(), means=None):
    with torch.no_grad(), ablated(model, parts, means):
        return model(ids)


def hook_count(model) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())


def means_by_hand(model, ids_BT):
    """Each layer's mean head outputs and mean MLP output over a text, without hooks: the sums written out."""
    x_BTC, heads, mlps = model.embed(ids_BT), [], []
    for block in model.h:
        B, T, C = x_BTC.shape
        q, k, v = (
            part.view(B, T, model.config.n_head, -1).transpose(1, 2)
            for part in block.attn.c_attn(block.ln_1(x_BTC)).split(C, dim=2)
        )
        scores = (q @ k.transpose(2, 3)) / model.config.head_size**0.5
        scores = scores + torch.full((T, T), -torch.inf).triu(1)
        z_BTC = (scores.softmax(dim=3) @ v).transpose(1, 2).reshape(B, T, C)
        x_BTC = x_BTC + block.attn.c_proj(z_BTC)
        out_BTC = block.mlp(block.ln_2(x_BTC))
        x_BTC = x_BTC + out_BTC
        heads.append(z_BTC.mean(dim=(0, 1)))
        mlps.append(out_BTC.mean(dim=(0, 1)))
    return heads, mlps


@torch.no_grad()
def cut(model, parts, heads_LC=None, mlps_LC=None):
    """A copy whose weights lack the parts; what they would hand on, if not nothing, moves into a bias."""
    model, D = copy.deepcopy(model), model.config.head_size
    for layer, head in parts:
        if head is None:
            proj, column, mean = model.h[layer].mlp.c_proj, slice(None), None
            proj.bias.zero_()
            if mlps_LC:
                proj.bias.copy_(mlps_LC[layer])
        else:
            proj, column = model.h[layer].attn.c_proj, slice(head * D, (head + 1) * D)
            mean = heads_LC[layer][column] if heads_LC else None
        if mean is not None:
            proj.bias += proj.weight[:, column] @ mean
        proj.weight[:, column] = 0.0
    return model


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_nothing_off_changes_nothing(config):
    """Without a part to switch off the pass is the model's own, bit for bit, and no hook is set."""
    model, ids = randomised(config), random_ids(config, 2, 9)
    with torch.no_grad():
        expected = model(ids)
    assert torch.equal(logits(model, ids), expected)
    assert torch.equal(logits(model, ids, [], mean_outputs(model, ids)), expected)
    with ablated(model, []):
        assert hook_count(model) == 0


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_a_head_off_equals_transformers_with_its_rows_zeroed(config):
    """Each head, alone and together: transformers' GPT-2 whose c_proj has no weights for that slice says the same."""
    model, ids, D = randomised(config), random_ids(config, 2, 11), config.head_size
    heads = [part for part in parts_of(config) if part.head is not None]
    for parts in ([heads[0]], [heads[-1]], heads[::2]):
        twin = hugging_face_twin(model)
        with torch.no_grad():
            for layer, head in parts:
                twin.transformer.h[layer].attn.c_proj.weight[head * D : (head + 1) * D] = 0.0  # Conv1D: inputs first
            expected = twin(ids).logits
        torch.testing.assert_close(logits(model, ids, parts), expected, atol=1e-4, rtol=1e-4)
        assert not torch.allclose(logits(model, ids, parts), logits(model, ids), atol=1e-3)


def test_heads_and_mlps_off_equal_a_model_without_their_weights():
    """Zero: a copy with the slices of both output matrices zeroed, the MLP's bias too."""
    model, ids = randomised(CONFIG), random_ids(CONFIG, 2, 13)
    torch.testing.assert_close(logits(model, ids, OFF), logits(cut(model, OFF), ids), atol=1e-4, rtol=1e-4)


def test_means_are_constants_of_the_reference_text():
    """Mean: the copy's biases carry each part's average over the reference, worked out by hand in float64."""
    model, ids, reference = randomised(CONFIG), random_ids(CONFIG, 2, 13), random_ids(CONFIG, 1, 20, seed=7)
    with torch.no_grad():
        heads, mlps = means_by_hand(copy.deepcopy(model).double(), reference)
    means = mean_outputs(model, reference)
    torch.testing.assert_close(means.z_LC.double(), torch.stack(heads), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(means.mlp_LC.double(), torch.stack(mlps), atol=1e-5, rtol=1e-4)
    twin = cut(model, OFF, [mean.float() for mean in heads], [mean.float() for mean in mlps])
    torch.testing.assert_close(logits(model, ids, OFF, means), logits(twin, ids), atol=1e-4, rtol=1e-4)


def test_generation_is_that_of_the_model_without_the_parts():
    """Drawn through the cache with a seed: the same tokens as a copy with zeroed weights, and not the whole model's."""
    model = randomised(CONFIG)
    config = SamplingConfig(max_new_tokens=40, seed=3)  # longer than the context: the cache starts again
    with ablated(model, OFF):
        written = [choice.id for choice in generate(model, [1, 2, 3], config)]
    assert written == [choice.id for choice in generate(cut(model, OFF), [1, 2, 3], config)]
    assert written != [choice.id for choice in generate(model, [1, 2, 3], config)]


def test_the_sweep_is_each_part_off_alone():
    """Losses come in the order of the parts, each from a pass without that part only; nothing runs unasked."""
    model, ids = randomised(CONFIG), random_ids(CONFIG, 1, 12)[0].tolist()
    parts, means = parts_of(CONFIG), mean_outputs(model, ids)
    assert len(parts) == CONFIG.n_layer * (CONFIG.n_head + 1) and parts[CONFIG.n_head] == Part(0, None)
    losses = list(losses_without(model, ids, parts, means))
    for part, loss in zip(parts[::4], losses[::4], strict=True):
        with ablated(model, [part], means):
            assert loss == pytest.approx(sum(surprisal(model, ids)[1:]) / 11)
    first = losses_without(model, ids, parts)
    next(first)
    assert hook_count(model) == 0  # between two parts the model is whole


def test_another_thread_keeps_the_whole_model():
    """While one visitor's part is off, another's pass through the same model is untouched."""
    model, ids = randomised(CONFIG), random_ids(CONFIG, 1, 9)
    expected, seen = logits(model, ids), []
    with ablated(model, OFF):
        other = threading.Thread(target=lambda: seen.append(model(ids).detach()))
        other.start()
        other.join()
    assert torch.equal(seen[0], expected)
    assert torch.equal(logits(model, ids), expected)


@pytest.mark.parametrize("part", [Part(3, 0), Part(-1, None), Part(0, 4), Part(0, -1)])
def test_parts_the_model_lacks_are_refused(part):
    """A layer or head that isn't there is named in one sentence, and no hook stays behind."""
    model = randomised(CONFIG)
    with pytest.raises(ValueError, match=r"There is no .* in layer"), ablated(model, [Part(0, 0), part]):
        pass
    assert hook_count(model) == 0


def test_an_error_inside_leaves_the_model_whole():
    """Hooks go when the pass fails half way."""
    model = randomised(CONFIG)
    with pytest.raises(ValueError, match="keep the last 32"):
        logits(model, random_ids(CONFIG, 1, 33), OFF)
    assert hook_count(model) == 0
