"""One step of learning, taken apart: prediction, gradient, update, and the same text read again.

    seen = learning_step(model, ids, config, step=400)
    seen.losses_FT[0]         # nats of every prediction before the step
    seen.parts[3].gradient    # how hard the loss pulls at one operation's weights
    seen.losses_FT[3]         # the same text after the step, at factor 1

The step is the trainer's own: its optimiser, with what that remembers, its clipping and its schedule
(`llm.training.learner`). It is made on a copy; the model that was given stays as it is.

Shapes: T predictions, F factors, L layers, C embedding, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llm.config import TrainConfig
from llm.model import GPT
from llm.sampler import checked_ids
from llm.training.distributed import ALONE
from llm.training.hardware import denormals_flushed
from llm.training.learner import Learner
from llm.training.optim import set_learning_rates

FACTORS = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
"""Times the step's learning rate at which the text is read again; an update is proportional to the rate."""
OWN = FACTORS.index(1.0)
"""Where among them the step itself is."""
ORDER = (0, OWN, *(i for i in range(1, len(FACTORS)) if i != OWN))
"""In which the text is read: before the step, after it, then all along it."""
PARTS = 3 + len(ORDER) - 1
"""Of the work: the first reading, the gradient, the update, and a reading for each other factor."""


@dataclass(frozen=True)
class Memory:
    """What an optimiser remembers after `step` updates, as `load_trainer_state` gives it."""

    tensors: dict[str, Tensor]
    step: int


@dataclass(frozen=True)
class PartMoved:
    """The parameters of one operation in that step; all sizes are Euclidean norms."""

    key: str
    """As the parameters are called: "wte", "h.0.attn.c_attn"."""
    parameters: int
    gradient: float
    """Before clipping."""
    weight: float
    """Before the step."""
    update: float


@dataclass(frozen=True)
class LearningStep:
    """What was seen in one step on one text."""

    rate: float
    """The learning rate of AdamW's parameters."""
    matrix_rate: float | None
    """That of the blocks' matrices, where Muon moves them."""
    gradient: float
    """Norm of the whole gradient before clipping."""
    clipped: float
    """And after."""
    parts: list[PartMoved]
    """In the order of the forward pass."""
    losses_FT: Tensor
    """Nats of every prediction, at each of FACTORS; the first row is before the step. NaN where it overflows."""
    read_F: Tensor
    """Whether the text was read at that factor yet; where it wasn't, what is said of it means nothing."""
    best_FT: Tensor
    """The token held for likeliest, and its probability beside it."""
    odds_FT: Tensor
    stream_LT: Tensor
    """Norm of the gradient in the residual stream at each position: of the embeddings, then after each block."""
    rows_V: Tensor
    """Norm of the gradient of each row of the token embedding."""
    read_V: Tensor
    """The same of what came to it because its token was read; the rest came through a tied head."""


def learning_step(
    model: GPT, ids: Sequence[int], config: TrainConfig, *, step: int, memory: Memory | None = None
) -> LearningStep:
    """Make the update after `step` updates on the text `ids` alone, its last token being the last target.

    Dropout is left out. Without a memory the optimiser begins anew. Where the schedule has come down to
    nothing, the rate is the peak's. Raises ValueError when the text has no next token or doesn't fit, the
    memory is another model's, or the loss or its gradient is no number.
    """
    *_, seen = learning_step_in_parts(model, ids, config, step=step, memory=memory)
    assert seen is not None  # only the first parts show nothing
    return seen


def learning_step_in_parts(
    model: GPT, ids: Sequence[int], config: TrainConfig, *, step: int, memory: Memory | None = None
) -> Iterator[LearningStep | None]:
    """The same, one of PARTS of the work at a time, so that it can be watched and given up.

    Gives None until the text was read after the step, then what is known so far: one more of FACTORS each time.
    """
    text = checked_ids(ids, model.config.vocab_size)
    if not 2 <= len(text) <= model.config.n_ctx + 1:
        raise ValueError(f"A step needs 2 to {model.config.n_ctx + 1:,} tokens; this text has {len(text):,}.")
    with denormals_flushed():
        copy = GPT(model.config, seed=None).to(model.device, model.wte.weight.dtype).eval()
        copy.load_state_dict(model.state_dict())
        ids_T = torch.tensor(text, device=model.device)
        learner = Learner(copy, ids_T, config.replace(layer_stats=False, loss_on="text"), ALONE)
        if memory is not None:
            if not learner.remembers(memory.tensors, memory.step):
                raise ValueError("What the optimiser remembers belongs to another model; begin without it.")
            learner.remember(memory.tensors)
        nats_T, best_T, odds_T, stream = _read(copy, ids_T)
        readings = {0: (nats_T.detach(), best_T, odds_T)}
    yield None

    with denormals_flushed():
        nats_T.mean().backward()
        parameters = list(copy.parameters())
        total = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        if not (nats_T.isfinite().all() and total.isfinite()):
            raise ValueError("At this moment the loss or its gradient is NaN or infinite; choose an earlier one.")
        gradients = _norms(copy, [_grad(p) for p in parameters])
        rows_V, read_V = _rows(copy, ids_T[:-1], _grad(stream[0]))
        stream_LT = torch.stack([_grad(x)[0].norm(dim=1) for x in stream]).cpu()
    del nats_T, stream
    yield None

    with denormals_flushed():
        if config.grad_clip > 0:
            torch.nn.utils.clip_grads_with_norm_(parameters, config.grad_clip, total)
        rate = set_learning_rates(learner.optimizer, step, config)
        if rate == 0.0:
            rate = set_learning_rates(learner.optimizer, min(config.warmup_steps, config.max_steps - 1), config)
        learner.optimizer.step()
        matrix_rates = [group["lr"] for group in learner.optimizer.param_groups if group.get("muon")]
        del learner  # its moments are twice the model's size
        moved = _moved(copy, model)
        weights, updates = (_norms(copy, tensors) for tensors in ([p.detach() for p in model.parameters()], moved))
    counts = {key: sum(p.numel() for p in group) for key, group in _groups(copy, parameters).items()}
    unread = torch.empty(0)
    seen = LearningStep(
        rate=rate,
        matrix_rate=matrix_rates[0] if matrix_rates else None,
        gradient=float(total),
        clipped=min(float(total), config.grad_clip or float(total)),
        parts=[
            PartMoved(key, counts[key], gradients[key], weights[key], updates[key])
            for key in sorted(counts, key=_place)
        ],
        stream_LT=stream_LT,
        rows_V=rows_V.cpu(),
        read_V=read_V.cpu(),
        losses_FT=unread,
        read_F=unread,
        best_FT=unread,
        odds_FT=unread,
    )
    yield None

    for i in ORDER[1:]:
        with denormals_flushed(), torch.no_grad():
            for mine, theirs, by in zip(parameters, model.parameters(), moved, strict=True):
                torch.add(theirs, by, alpha=FACTORS[i], out=mine)
            readings[i] = _read(copy, ids_T)[:3]
        yield _along(seen, readings)


def _along(seen: LearningStep, readings: dict[int, tuple[Tensor, Tensor, Tensor]]) -> LearningStep:
    """The step with what the readings say; where one is missing, as before the step."""
    losses_FT, best_FT, odds_FT = (
        torch.stack(rows).cpu()
        for rows in zip(*(readings.get(i, readings[0]) for i in range(len(FACTORS))), strict=True)
    )
    return replace(
        seen,
        losses_FT=torch.where(losses_FT.isfinite(), losses_FT, torch.nan),
        read_F=torch.tensor([i in readings for i in range(len(FACTORS))]),
        best_FT=best_FT,
        odds_FT=odds_FT.nan_to_num(),
    )


def _read(model: GPT, ids_T: Tensor) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    """The nats of each prediction, the likeliest token there and its odds, and the stream before and after each block.

    As `GPT.forward` does it, keeping what it passes.
    """
    x_BTC = model.embed(ids_T[None, :-1])
    stream = [x_BTC]
    for layer, block in enumerate(model.h):
        x_BTC = block(x_BTC, layer)
        stream.append(x_BTC)
    if x_BTC.requires_grad:
        for x in stream:
            x.retain_grad()
    logits_TV = model.unembed(x_BTC)[0].float()
    with torch.no_grad():
        odds_T, best_T = logits_TV.softmax(dim=1).max(dim=1)
    return F.cross_entropy(logits_TV, ids_T[1:], reduction="none"), best_T, odds_T, stream


def _rows(model: GPT, ids_T: Tensor, embedded_BTC: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient that each row of the token embedding gets in all, and by being read."""
    whole_VC = _grad(model.wte.weight)
    read_VC = torch.zeros_like(whole_VC).index_add_(0, ids_T, embedded_BTC[0])
    return whole_VC.norm(dim=1), read_VC.norm(dim=1)


def _moved(copy: GPT, model: GPT) -> list[Tensor]:
    """By how much each parameter of the copy was moved, kept where its gradient was."""
    with torch.no_grad():
        return [
            torch.sub(mine, theirs, out=_grad(mine))
            for mine, theirs in zip(copy.parameters(), model.parameters(), strict=True)
        ]


def _grad(tensor: Tensor) -> Tensor:
    if tensor.grad is None:  # nothing of the loss depends on it: a position beyond the text has a row of zeros
        tensor.grad = torch.zeros_like(tensor)
    return tensor.grad


def _groups(model: nn.Module, tensors: Sequence[Tensor]) -> dict[str, list[Tensor]]:
    """One tensor for each parameter, gathered by the operation that has the parameter."""
    groups: dict[str, list[Tensor]] = {}
    for (name, _), tensor in zip(model.named_parameters(), tensors, strict=True):
        groups.setdefault(name.rsplit(".", 1)[0], []).append(tensor)
    return groups


def _norms(model: nn.Module, tensors: Sequence[Tensor]) -> dict[str, float]:
    return {
        key: float(torch.nn.utils.get_total_norm(group, error_if_nonfinite=False))
        for key, group in _groups(model, tensors).items()
    }


def _place(key: str) -> tuple[int, int]:
    """Where an operation's parameters come in the forward pass; inside a block they are named in order."""
    if key.startswith("h."):
        return 2, int(key.split(".")[1])
    return {"wte": 0, "wpe": 1, "ln_f": 3}.get(key, 4), 0
