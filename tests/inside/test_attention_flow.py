"""Rollout equals Abnar & Zuidema's formula written out in plain float64 loops."""

import pytest
import torch

from llm.inside.attention_flow import rollout


def random_means(layers, T, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mask_TT = torch.ones(T, T).tril().log()
    return [(torch.randn(T, T, generator=generator) + mask_TT).softmax(1) for _ in range(layers)]


def plain_rollout(means):
    """The product of 0.5 A + 0.5 I over the layers, entry by entry."""
    T = len(means[0])
    flow = [[float(i == j) for j in range(T)] for i in range(T)]
    for mean_TT in means:
        step = [[0.5 * float(mean_TT[i, j]) + 0.5 * (i == j) for j in range(T)] for i in range(T)]
        step = [[x / sum(row) for x in row] for row in step]
        flow = [[sum(step[i][k] * flow[k][j] for k in range(T)) for j in range(T)] for i in range(T)]
    return torch.tensor(flow, dtype=torch.float64)


@pytest.mark.parametrize("layers", [1, 2, 5])
def test_rollout_equals_the_formula(layers):
    """Later layers stand on the left; rows sum to 1 and nothing looks ahead."""
    means = random_means(layers, 9)
    before = [mean_TT.clone() for mean_TT in means]
    flow_TT = rollout(iter(means))
    torch.testing.assert_close(flow_TT.double(), plain_rollout(means), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(flow_TT.sum(1), torch.ones(9))
    assert (flow_TT.triu(1) == 0).all()
    assert all(torch.equal(one, two) for one, two in zip(means, before, strict=True))


def test_layers_that_stay_put_flow_nowhere():
    """Where every token looks at itself, so does the flow; without layers there is none."""
    assert torch.equal(rollout([torch.eye(4)] * 3), torch.eye(4))
    with pytest.raises(ValueError, match="at least one"):
        rollout([])
