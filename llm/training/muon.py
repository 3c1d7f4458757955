"""Muon: momentum, made orthogonal, for the matrices of the blocks; AdamW for everything else.

Muon (Jordan et al., 2024, kellerjordan.github.io/posts/muon) replaces a matrix's momentum by the
nearest matrix whose singular values are all 1, so that every direction of the update counts alike.
A few steps of a polynomial iteration bring the singular values close to 1; the coefficients here
change from step to step (the idea of Amsel et al., "The Polar Express", 2025). On a CPU all of it runs in
float32, and matrices of one shape are worked on as one batch, because a small model has many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim.adamw import adamw

COEFFICIENTS = (
    (8.4703, -25.1081, 18.6293),
    (4.1828, -3.1087, 0.5806),
    (3.9619, -2.9541, 0.5630),
)
"""a, b, c of each step X <- aX + b(XX')X + c(XX')(XX')X. Each is the odd polynomial of degree 5 that comes closest
to 1 on what the last one left of [0.001, 1] (Remez's exchange); after the third, all of it lies in [0.14, 1.86].
A narrower start ends nearer to 1, but leaves the many small directions small, and learns less (llm/NOTES.md)."""
MOMENTUM = (0.85, 0.95)
"""At the first step, and from step MOMENTUM_WARMUP on."""
MOMENTUM_WARMUP = 300


class Muon(torch.optim.Optimizer):
    """One optimiser for a whole model. A group with `"muon": True` holds matrices for Muon, the others get AdamW."""

    def __init__(self, groups: list[dict[str, Any]], betas: tuple[float, float]) -> None:
        super().__init__(groups, {"lr": 0.0, "weight_decay": 0.0, "muon": False, "betas": betas})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Make one update of every parameter that has a gradient."""
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if group["muon"]:
                self._muon_step(parameters, group)
            elif parameters:
                self._adamw_step(parameters, group)

    def _muon_step(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        by_shape: defaultdict[tuple[int, int], list[tuple[Tensor, Tensor]]] = defaultdict(list)
        for p in parameters:
            state = self.state[p]
            if not state:
                state["momentum"], state["step"] = torch.zeros_like(p), torch.zeros(())
            state["step"] += 1
            beta = _momentum(int(state["step"]))
            grad = cast(Tensor, p.grad)
            state["momentum"].lerp_(grad, 1.0 - beta)
            update = grad.lerp(state["momentum"], beta)  # Nesterov's: as if the momentum had already moved on
            if group["weight_decay"]:
                p.mul_(1.0 - group["lr"] * group["weight_decay"])
            for weight, part in zip(_squares(p), _squares(update), strict=True):
                # Wide matrices are turned upright's way round, so that both MLP matrices share a batch.
                flat = weight.size(0) <= weight.size(1)
                by_shape[min(weight.shape), max(weight.shape)].append((weight, part if flat else part.T))
        for pairs in by_shape.values():
            updates = orthogonalise(torch.stack([part for _, part in pairs]))
            for (weight, _), update in zip(pairs, updates, strict=True):
                tall = weight.size(0) > weight.size(1)
                # A tall matrix has more rows than its update has directions; each row gets its share back.
                scale = (weight.size(0) / weight.size(1)) ** 0.5 if tall else 1.0
                weight.sub_(update.T if tall else update, alpha=group["lr"] * scale)

    def _adamw_step(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        for p in parameters:
            if not self.state[p]:
                self.state[p].update(
                    step=torch.zeros((), device=p.device), exp_avg=torch.zeros_like(p), exp_avg_sq=torch.zeros_like(p)
                )
        states = [self.state[p] for p in parameters]
        adamw(
            parameters,
            [cast(Tensor, p.grad) for p in parameters],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=1e-8,
            maximize=False,
        )


def orthogonalise(matrices_NRC: Tensor) -> Tensor:
    """Each of N matrices (R rows, C columns, R <= C) with its singular values brought close to 1.

    A step multiplies X by P = aI + bG + cG² of G = XX'. Where X is wide that is done to G and to the product of all
    P, which are square, and X itself is multiplied twice instead of six times.
    """
    norm_N11 = matrices_NRC.norm(dim=(1, 2), keepdim=True).clamp_min(1e-15)
    wide = matrices_NRC.size(1) < matrices_NRC.size(2)
    gram_NRR = (matrices_NRC @ matrices_NRC.mT).div_(norm_N11**2)
    # The product of all P so far, or of them and X; not begun with X itself, which is multiplied last.
    done: Tensor | None = None if wide else matrices_NRC / norm_N11
    for i, (a, b, c) in enumerate(COEFFICIENTS):
        step_NRR = torch.baddbmm(gram_NRR, gram_NRR, gram_NRR, beta=b, alpha=c)
        step_NRR.diagonal(dim1=1, dim2=2).add_(a)
        done = step_NRR if done is None else step_NRR @ done
        if i + 1 < len(COEFFICIENTS):
            gram_NRR = step_NRR @ gram_NRR @ step_NRR if wide else done @ done.mT
    assert done is not None
    return done.div_(norm_N11) @ matrices_NRC if wide else done


def _squares(matrix: Tensor) -> tuple[Tensor, ...]:
    """A fused query-key-value matrix as three, since each is a map of its own; any other as itself."""
    rows, columns = matrix.shape
    return matrix.chunk(3) if rows == 3 * columns else (matrix,)


def _momentum(step: int) -> float:
    start, end = MOMENTUM
    return start + (end - start) * min(1.0, step / MOMENTUM_WARMUP)
