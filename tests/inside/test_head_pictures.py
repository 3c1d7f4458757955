"""Pictures of heads equal a plain float64 softmax(q k / sqrt(D)), however they are cut into pieces."""

import math

import pytest
import torch
import torch.nn.functional as F

from llm.inside.head_pictures import mean_pattern, pattern_rows, pooled_pattern


def heads_of(T, H=3, D=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(H, T, D, generator=generator) for _ in "qk")


def plain_pattern(q_HTD, k_HTD):
    """pattern_HTT in float64, one head and one row at a time."""
    H, T, D = q_HTD.shape
    pattern_HTT = torch.zeros(H, T, T, dtype=torch.float64)
    for h in range(H):
        for i in range(T):
            scores = k_HTD[h, : i + 1].double() @ q_HTD[h, i].double() / math.sqrt(D)
            pattern_HTT[h, i, : i + 1] = (scores - scores.max()).exp() / (scores - scores.max()).exp().sum()
    return pattern_HTT


@pytest.mark.parametrize("rows", [[0], [5], [2, 3, 4], [0, 9, 39], list(range(40))])
def test_rows_are_those_of_the_whole_pattern(rows):
    """Single rows, neighbours, scattered ones and all of them; nothing looks ahead."""
    q_HTD, k_HTD = heads_of(40)
    found_HRS = pattern_rows(q_HTD, k_HTD, torch.tensor(rows))
    expected_HRS = plain_pattern(q_HTD, k_HTD)[:, rows, : rows[-1] + 1]
    torch.testing.assert_close(found_HRS.double(), expected_HRS, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("T", [1, 63, 64, 65, 100, 128, 200])
def test_pooling_keeps_the_strongest_of_each_cell(T):
    """As adaptive pooling of the whole pattern, at lengths that divide evenly and that don't; and each first weight."""
    q_HTD, k_HTD = heads_of(T)
    picture_HPP, first_HT = pooled_pattern(q_HTD, k_HTD, 64)
    expected_HTT = plain_pattern(q_HTD, k_HTD)
    expected_HPP = F.adaptive_max_pool2d(expected_HTT, 64) if T > 64 else expected_HTT
    torch.testing.assert_close(picture_HPP.double(), expected_HPP, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(first_HT.double(), expected_HTT[:, :, 0], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("T", [1, 64, 150])
def test_the_mean_of_a_layer_is_the_mean_of_its_heads(T):
    """However many pieces it is worked out in."""
    q_HTD, k_HTD = heads_of(T)
    expected_TT = plain_pattern(q_HTD, k_HTD).mean(0)
    torch.testing.assert_close(mean_pattern(q_HTD, k_HTD).double(), expected_TT, atol=1e-6, rtol=1e-5)
