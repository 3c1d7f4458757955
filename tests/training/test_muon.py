"""Muon against singular value decomposition and against torch's own optimisers."""

import pytest
import torch

from llm.config import ModelConfig, TrainConfig
from llm.model import GPT
from llm.training.muon import Muon, orthogonalise
from llm.training.optim import make_optimizer


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 16, 64), (1, 5, 7)])
def test_orthogonalise_brings_singular_values_near_one(shape):
    """Singular values of at least a thousandth of the norm end within 0.14 to 1.86, and the directions stay."""
    generator = torch.Generator().manual_seed(0)
    u, _, v = torch.linalg.svd(torch.randn(shape, generator=generator), full_matrices=False)
    spread = torch.logspace(0, -2.5, min(shape[1:]))  # from 1 to 0.003 of the largest, a thousandth of the norm
    result = orthogonalise(u * spread @ v)
    values = torch.linalg.svdvals(result)
    assert values.min() > 0.14 and values.max() < 1.87
    inner = u.mT @ result @ v.mT  # diagonal when the singular vectors are unchanged
    off_diagonal = inner - torch.diag_embed(inner.diagonal(dim1=1, dim2=2))
    assert off_diagonal.abs().max() < 1e-4


def test_groups_that_are_not_muons_follow_torchs_adamw():
    """Embeddings and vectors get exactly the updates of torch.optim.AdamW, over several steps."""
    generator = torch.Generator().manual_seed(1)
    ours = [
        torch.randn(4, 3, generator=generator).requires_grad_(),
        torch.randn(5, generator=generator).requires_grad_(),
    ]
    theirs = [p.detach().clone().requires_grad_() for p in ours]
    muon = Muon([{"params": ours, "lr": 0.01, "weight_decay": 0.1}], betas=(0.9, 0.99))
    adamw = torch.optim.AdamW(theirs, lr=0.01, weight_decay=0.1, betas=(0.9, 0.99))
    for _ in range(5):
        for p, q in zip(ours, theirs, strict=True):
            p.grad = torch.randn(p.shape, generator=generator)
            q.grad = p.grad.clone()
        muon.step()
        adamw.step()
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p, q)


def test_first_update_is_the_orthogonalised_gradient():
    """From rest, each matrix moves by its rate along its own orthogonalised gradient; q, k and v are three matrices."""
    model = GPT(ModelConfig(vocab_size=11, n_ctx=8, n_embd=12, n_head=3, n_layer=1))
    optimizer = make_optimizer(model, TrainConfig(optimizer="muon", weight_decay=0.0))
    for group in optimizer.param_groups:
        group["lr"] = 0.1
    model.loss(torch.tensor([[1, 2, 3]]), torch.tensor([[2, 3, 4]])).backward()
    attn, mlp = model.h[0].attn, model.h[0].mlp
    before = {
        p: p.detach().clone() for p in (attn.c_attn.weight, attn.c_proj.weight, mlp.c_fc.weight, mlp.c_proj.weight)
    }
    optimizer.step()
    for p, old in before.items():
        for part, grad in zip(
            (old - p).detach().chunk(3 if p is attn.c_attn.weight else 1),
            p.grad.chunk(3 if p is attn.c_attn.weight else 1),
            strict=True,
        ):
            tall = grad.size(0) > grad.size(1)
            expected = orthogonalise((grad.T if tall else grad)[None])[0]
            expected = expected.T * (grad.size(0) / grad.size(1)) ** 0.5 if tall else expected
            torch.testing.assert_close(part, 0.1 * expected, atol=1e-5, rtol=1e-4)
