"""Similarity, components, positions and LayerNorm against plain numpy in float64."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from twins import SHAPES, randomised

from llm.inside.geometry import (
    cosine_similarities,
    layer_norm_steps,
    nearest,
    principal_components,
    sinusoidal_positions,
)


def vectors(count, width, seed=0):
    """Random vectors with a mean and unequal spread, so that centring and order matter."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=generator) * torch.linspace(0.2, 3.0, width) + 1.5


@pytest.mark.parametrize(("count", "width"), [(500, 24), (10_000, 6), (7, 20)])
def test_components_equal_numpys_singular_values(count, width):
    """Coordinates and shares are those of an SVD of the centred matrix, up to the sign of a direction."""
    x_NC = vectors(count, width)
    found = principal_components(x_NC, 3)
    centred = x_NC.double().numpy() - x_NC.double().numpy().mean(axis=0)
    u, s, axes = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(found.shares_K.numpy(), (s**2 / (s**2).sum())[:3], rtol=1e-4)
    for k in range(3):
        sign = np.sign(axes[k][np.abs(axes[k]).argmax()])
        np.testing.assert_allclose(found.coordinates_NK[:, k].numpy(), sign * u[:, k] * s[k], atol=1e-3)


def test_components_of_little():
    """Vectors that are all the same have no variance to share; a width of two has two components."""
    same = principal_components(torch.ones(5, 4), 2)
    assert same.shares_K.tolist() == [0.0, 0.0] and same.coordinates_NK.abs().max() == 0
    assert principal_components(vectors(9, 2), 5).coordinates_NK.shape == (9, 2)


def test_cosines_and_nearest_equal_numpy():
    """Each pair's cosine; the nearest are the largest of a row, the vector itself left out."""
    x_NC = vectors(40, 12) - 1.5
    x_NC[7] = 0.0
    x = x_NC.double().numpy()
    norms = np.linalg.norm(x, axis=1)
    norms[7] = 1.0
    expected = (x @ x.T) / norms[:, None] / norms
    np.testing.assert_allclose(cosine_similarities(x_NC).numpy(), expected, atol=1e-6)
    indices, cosines = nearest(x_NC, 3, 5)
    order = [i for i in np.argsort(-expected[3]) if i != 3][:5]
    assert indices.tolist() == order
    np.testing.assert_allclose(cosines.numpy(), expected[3][order], atol=1e-6)
    assert nearest(x_NC[:2], 0, 5)[0].tolist() == [1]


@pytest.mark.parametrize("width", [8, 7, 1])
def test_the_sinusoidal_code_is_the_papers(width):
    """PE(pos, 2i) = sin(pos / 10000^(2i/d)), PE(pos, 2i+1) = cos of the same, entry by entry."""
    code = sinusoidal_positions(30, width)
    for position in range(30):
        for entry in range(width):
            angle = position / 10_000 ** ((entry - entry % 2) / width)
            expected = math.sin(angle) if entry % 2 == 0 else math.cos(angle)
            assert float(code[position, entry]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("bias", [True, False])
def test_layer_norm_by_hand(bias):
    """Mean and deviation are numpy's, and the formula in the docstring gives what the module gives."""
    model = randomised(SHAPES[0].replace(bias=bias))
    norm = model.h[1].ln_2
    assert isinstance(norm, nn.LayerNorm)
    x_C = vectors(1, 48)[0]
    steps = layer_norm_steps(norm, x_C)
    x = x_C.double().numpy()
    assert steps.mean == pytest.approx(x.mean()) and steps.std == pytest.approx(np.sqrt(x.var() + norm.eps))
    by_hand = (x - x.mean()) / np.sqrt(x.var() + norm.eps) * steps.gain_C.numpy() + steps.bias_C.numpy()
    np.testing.assert_allclose(steps.after_C.numpy(), by_hand, atol=1e-5)
    assert bool(steps.bias_C.any()) is bias and not steps.after_C.requires_grad
