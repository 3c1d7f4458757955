"""Grokking: how a model learns sums modulo a prime by heart, and much later understands them.

    for moment in record_of(run, seconds).moments:
        moment.shown.accuracy, moment.held_out.accuracy, moment.norms

Power et al., "Grokking: Generalization Beyond Overfitting on Small Algorithmic Datasets", 2022; the waves are those
of Nanda et al., 2023 (`llm.inside.spectrum`).

Shapes: N questions, T their tokens, V vocabulary, P numbers, C width.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from llm.config import ModelConfig, TrainConfig
from llm.corpora import task_of
from llm.corpora.tasks import Example, Modular
from llm.files import read_json, write_text
from llm.inside.spectrum import number_ids, spectrum
from llm.model import GPT
from llm.runs.run import Run
from llm.runs.snapshots import Snapshots
from llm.sampler import reading
from llm.tokenizers import Tokenizer

CORPUS = "task:modular"
VOCAB_SIZE = 360
"""Of a byte pair tokenizer, at most: each byte and a token for each number are what it finds."""
MODEL = ModelConfig(354, n_ctx=8, n_embd=128, n_head=4, n_layer=1)
TRAIN = TrainConfig(
    loss_on="answers",
    batch_size=512,
    max_steps=1500,
    optimizer="muon",
    learning_rate=3e-3,
    matrix_learning_rate=0.02,
    min_lr_ratio=1.0,
    warmup_steps=500,
    weight_decay=0.5,
    eval_interval=50,
    layer_stats=True,
)
"""What groks on two cores within four minutes: checkpoints/scaling/grokking/README.md."""
MAX_QUESTIONS = 1500
"""Of each part, asked at every moment: all that the preset shows; else a standard error of at most 1.3 percentage
points."""
KNOWN = 0.95
"""The share of right answers from which a part counts as known."""
DIGITS = 4
"""That are kept of each figure."""


@dataclass(frozen=True)
class Score:
    """How well the answers of one part of the questions are known."""

    accuracy: float
    """The share whose likeliest token is the right number."""
    loss: float
    """Mean cross-entropy of the right number alone, in nats."""


@dataclass(frozen=True)
class Moment:
    """One snapshot."""

    step: int
    shown: Score
    """Of questions that training shows."""
    held_out: Score
    """Of those it never shows."""
    norms: tuple[float, ...]
    """The spectrum of the numbers' embedding: frequencies 1, 2, ..."""


@dataclass(frozen=True)
class Record:
    """A training as a file tells it."""

    task: Modular
    seed: int
    """Of the training; the task has one of its own for the split."""
    parameters: int
    seconds: float
    """Of one processor core that the training took, measuring included: other work on the machine doesn't count."""
    moments: tuple[Moment, ...]


def modular_task(run: Run) -> Modular | None:
    """The sums that a run learns; None where it learns something else."""
    task = task_of(run.corpus_ref)
    return task if isinstance(task, Modular) else None


def measured(model: GPT, tokenizer: Tokenizer, task: Modular, step: int) -> Moment:
    """One model, looked at. Raises ValueError where its tokenizer has no token for each number."""
    ids_P = torch.tensor(number_ids(tokenizer, task.modulus), device=model.device)
    shown, held_out = (_score(model, tokenizer, part[:MAX_QUESTIONS], ids_P) for part in task.pool)
    norms = spectrum(model.wte.weight.detach()[ids_P].cpu())
    return Moment(step, shown, held_out, tuple(_rounded(norm) for norm in norms.tolist()))


def moment_of(snapshots: Snapshots, step: int, tokenizer: Tokenizer, task: Modular) -> Moment | None:
    """The snapshot of a step, looked at; None where it was thinned out meanwhile.

    Raises ValueError as `measured`, and for a snapshot that can't be read.
    """
    try:
        model = snapshots.load(step)
    except (ValueError, FileNotFoundError):
        if step in snapshots.steps():
            raise
        return None
    return measured(model, tokenizer, task, step)


def record_of(run: Run, seconds: float) -> Record:
    """A run from its snapshots, and what it took. Raises ValueError when it isn't one of sums, or as `moment_of`."""
    task = modular_task(run)
    if task is None:
        raise ValueError(f"{run.name} learns {run.corpus} and no sums modulo a prime; choose another.")
    kept = Snapshots(run.path / "snapshots")
    moments = (moment_of(kept, step, run.tokenizer, task) for step in kept.steps())
    known = tuple(moment for moment in moments if moment)
    return Record(task, run.train_config.seed, run.model_config.n_params, round(seconds, 1), known)


def first_step(moments: Sequence[Moment], part: str, accuracy: float = KNOWN) -> int | None:
    """The first moment at which "shown" or "held_out" questions are answered so well; None where there is none."""
    return next((moment.step for moment in moments if getattr(moment, part).accuracy >= accuracy), None)


def write_record(path: Path, record: Record) -> None:
    """As JSON, a moment on a line."""
    moments = asdict(record)["moments"]
    head = json.dumps(asdict(replace(record, moments=())))
    lines = ",\n".join(json.dumps(moment) for moment in moments)
    write_text(path, head.replace('"moments": []', f'"moments": [\n{lines}\n]') + "\n")


def read_record(path: Path) -> Record:
    """What `write_record` wrote. Raises ValueError when it is something else."""
    try:
        values = read_json(path)
        moments = tuple(
            Moment(m["step"], Score(**m["shown"]), Score(**m["held_out"]), tuple(m["norms"])) for m in values["moments"]
        )
        return Record(Modular(**values["task"]), values["seed"], values["parameters"], values["seconds"], moments)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path.name} is no record of a grokking; let `python -m llm grokking` write it.") from error


def _score(model: GPT, tokenizer: Tokenizer, questions: Sequence[Example], ids_P: Tensor) -> Score:
    ids_NT = torch.tensor([tokenizer.encode(f"\n{question.prompt}") for question in questions], device=model.device)
    right_N = ids_P[torch.tensor([int(question.answer) for question in questions], device=model.device)]
    with reading(model):
        logits_NV = model(ids_NT, last_only=True)[:, 0].float()
    accuracy = (logits_NV.argmax(dim=1) == right_N).double().mean().item()
    return Score(_rounded(accuracy), _rounded(F.cross_entropy(logits_NV, right_N).item()))


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
