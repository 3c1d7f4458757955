"""Time to quality: how long until the loss on all of Tiny Shakespeare's validation text is 1.88 a character.

1.88 is what nanoGPT's README gives for its CPU recipe (4 layers, 4 heads, width 128, context 64,
batch 12, AdamW at 1e-3 with 100 steps of warm-up and a cosine over 2,000 steps). One side is that
recipe, in our trainer and with transformers' model; the other is `FASTEST`. The trainings advance
in turns, a slice each, and only their steps are timed. Weights and batches come from seeds that nothing was
tuned on; `--seeds` says how many.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from llm.bench.timing import NO_DROPOUT, SMALL, seconds, twin_of
from llm.config import TrainConfig
from llm.corpora import load_corpus
from llm.data import Splits, encode_corpus, eval_windows, get_batch, split
from llm.model import GPT
from llm.tokenizers import train_tokenizer
from llm.training.events import StepEvent
from llm.training.optim import learning_rate
from llm.training.trainer import Trainer

TARGET = 1.88
RECIPE = TrainConfig(
    max_steps=2_000, batch_size=12, warmup_steps=100, eval_interval=10**6, eval_windows=1, sample_tokens=0
)
"""nanoGPT's; the rest of it (betas, decay, clipping, end of the cosine) is TrainConfig's default."""
FASTEST = RECIPE.replace(
    optimizer="muon", schedule="linear", min_lr_ratio=0.0, warmup_steps=0, weight_decay=0.0, grad_clip=0.0,
    matrix_learning_rate=0.035, learning_rate=1e-2, beta1=0.7, batch_size=16, max_steps=340,
)  # fmt: skip
SLICES = 20
FIRST_SEED = 1001
"""Settings were tuned on 1337 and 1 to 5 (llm/NOTES.md)."""


def run(seeds: int) -> None:
    """Train all sides once a seed; print times and losses of each, then the medians."""
    text = load_corpus("tinyshakespeare").text
    splits = split(encode_corpus(train_tokenizer("character", text), text))
    print(f"  ours: Muon, {FASTEST.max_steps} steps of {FASTEST.batch_size}")
    rows = []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        rows.append(_trained(splits, seed))
        _tell(f"seed {seed}", rows[-1])
    if seeds > 1:
        _tell(f"median of {seeds} seeds", {name: _median([row[name] for row in rows]) for name in rows[0]})


class Result(NamedTuple):
    """How one side did."""

    seconds: float
    loss: float
    """On the whole validation split."""
    times_ours: float
    """How many times as long as ours it took with the same seed."""


def _trained(splits: Splits, seed: int) -> dict[str, Result]:
    """All sides, whose weights and batches follow from the seed."""
    torch.manual_seed(seed)
    ours, plain = GPT(SMALL, seed=seed), GPT(SMALL, seed=seed)
    twin = twin_of(SMALL, **NO_DROPOUT)
    recipe, fastest = RECIPE.replace(seed=seed), FASTEST.replace(seed=seed)
    sides: dict[str, tuple[TrainConfig, Iterator[object], Callable[[Tensor], Tensor]]] = {
        "recipe, transformers": (recipe, _plain_training(twin, splits, recipe), lambda x: twin(x).logits),
        "recipe, our trainer": (recipe, _steps(plain, splits, recipe), plain),
        "ours": (fastest, _steps(ours, splits, fastest), ours),
    }
    spent = dict.fromkeys(sides, 0.0)
    for _ in range(SLICES):
        for name, (config, training, _) in sides.items():
            spent[name] += seconds(lambda t=training, c=config: [next(t) for _ in range(c.max_steps // SLICES)])  # type: ignore[misc]
    return {
        name: Result(spent[name], _validation_loss(logits_of, splits.validation), spent[name] / spent["ours"])
        for name, (_, _, logits_of) in sides.items()
    }


def _median(results: list[Result]) -> Result:
    return Result(*(statistics.median(values) for values in zip(*results, strict=True)))


def _tell(title: str, results: dict[str, Result]) -> None:
    print(f"  {title}:")
    for name, (spent, loss, ratio) in results.items():
        reached = "reaches" if loss <= TARGET else "does not reach"
        print(f"    {name:22}{spent:7.1f} s: loss {loss:.4f}, {reached} {TARGET}; ours is {ratio:.2f} times as fast")


def _steps(model: GPT, splits: Splits, config: TrainConfig) -> Iterator[object]:
    """Only the steps of our trainer."""
    trainer = Trainer(model, *splits, config, prompt_ids=[0])
    return (event for event in trainer if isinstance(event, StepEvent))


def _plain_training(model: nn.Module, splits: Splits, config: TrainConfig) -> Iterator[None]:
    """The recipe as anyone would write it around somebody else's model."""
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        betas=(config.beta1, config.beta2),
    )
    model.train()
    for step in range(config.max_steps):
        x_BT, y_BT = get_batch(
            splits.train, batch_size=config.batch_size, n_ctx=SMALL.n_ctx, seed=config.seed, step=step
        )
        loss = nn.functional.cross_entropy(model(x_BT).logits.flatten(0, 1), y_BT.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, config)
        optimizer.step()
        yield


@torch.no_grad()
def _validation_loss(logits_of: Callable[[Tensor], Tensor], tokens: Tensor) -> float:
    """Over the whole split, in windows of the context that don't overlap."""
    x_NT, y_NT = eval_windows(tokens, SMALL.n_ctx, len(tokens))
    total = 0.0
    for x_BT, y_BT in zip(x_NT.split(128), y_NT.split(128), strict=True):
        logits_BTV = logits_of(x_BT)
        total += nn.functional.cross_entropy(logits_BTV.flatten(0, 1), y_BT.flatten(), reduction="sum").item()
    return total / y_NT.numel()
