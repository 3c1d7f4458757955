"""Rollout: the attention of all layers followed down to the prompt.

One head says where one head looks, an average where heads look together; both forget that a later
layer reads tokens that earlier layers have already mixed. Rollout follows the mixing. It doesn't
know what the values carry or what the MLPs do, so it is a summary, not an explanation (Jain &
Wallace, "Attention is not Explanation", 2019).

Shapes: T time.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor


def rollout(means: Iterable[Tensor], *, residual: bool = True) -> Tensor:
    """Attention from the last layer down to the prompt (Abnar & Zuidema, 2020): flow_TT, rows sum to 1.

    `means` are the mean patterns of the layers, mean_TT each, from the first up. A layer counts as
    half its attention and half the residual connection, where the model has one, which leaves a token where it is;
    the flow is the product of the layers, the last one on the left. Raises ValueError without a layer.
    """
    flow_TT: Tensor | None = None
    for mean_TT in means:
        step_TT = 0.5 * mean_TT if residual else mean_TT.clone()
        if residual:
            step_TT.diagonal().add_(0.5)
        step_TT = step_TT / step_TT.sum(dim=1, keepdim=True)  # rounding apart, rows sum to 1 already
        flow_TT = step_TT if flow_TT is None else step_TT @ flow_TT
    if flow_TT is None:
        raise ValueError("There is no layer to follow; give at least one mean pattern.")
    return flow_TT
