"""From a text to a training that is written down: its tokens, what evaluations ask, the trainer, the run.

    prepared = prepare("task:sort", corpus, tokenizer)
    trainer = make_trainer(prepared, model_config, train_config, prepared.asked, device="cpu")
    run = make_run(home() / "runs", prepared, model_config, train_config, corpus="Sort", name="first try")

Whoever trains so calls `run.record` with each event; `resume_run` goes on with such a run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import torch
from torch import Tensor

from llm.config import ModelConfig, TrainConfig
from llm.corpora import Progress, Text, task_of
from llm.corpora.card import Card, describe
from llm.corpora.tasks import Task
from llm.data import Splits, only_answers, splits_of, tokens_of
from llm.model import GPT
from llm.runs.parent import Parent
from llm.runs.run import Run
from llm.tokenizers import Tokenizer
from llm.training.distributed import ALONE, Worker
from llm.training.events import Question
from llm.training.questions import as_ids
from llm.training.trainer import Trainer

N_QUESTIONS = 64
"""Of a task, at every evaluation; as many again that training shows, where a task keeps some from it."""
PASSAGE_TOKENS = 97
PROMPT_TOKENS = 8


class Asked(TypedDict, total=False):
    """What a trainer is to do with the model at evaluations, by the names that `Trainer` has for it."""

    prompt_ids: Sequence[int]
    questions: Sequence[Question]
    passage_ids: Sequence[int]


class ExamItem(NamedTuple):
    """A question of an exam, as text."""

    prompt: str
    answer: str
    seen: bool
    """Whether training shows this very question."""


@dataclass(frozen=True)
class Prepared:
    """A corpus as token ids."""

    ref: str
    """How to find the text again, as `Run.corpus_ref`."""
    corpus: Text
    tokenizer: Tokenizer
    tokens: Tensor

    @cached_property
    def splits(self) -> Splits:
        """What the model learns from, and what it is tested on."""
        return splits_of(self.tokenizer, self.corpus, self.tokens)

    def splits_for(self, config: TrainConfig) -> Splits:
        """The same as a training reads it, which may ask for answers alone.

        Raises ValueError where the text is no task's, or as `only_answers`.
        """
        if config.loss_on == "text":
            return self.splits
        task = task_of(self.ref)
        if task is None:
            raise ValueError("Only tasks have answers to learn; choose a task, or let the loss be on the text.")
        sign = task.questions(1)[0].prompt[-1]
        return Splits(*(only_answers(self.tokenizer, part, sign) for part in self.splits))

    @cached_property
    def card(self) -> Card:
        """What can be said of the text and of how it is cut."""
        return describe(self.corpus.whole(), self.tokenizer, ids=self.tokens.numpy())

    @cached_property
    def baselines(self) -> list[dict[str, Any]]:
        """Losses to compare with, in nats a token: what little or no knowledge reaches, and the least there can be.

        Those of the whole text; see `baselines_for`.
        """
        size, card = self.tokenizer.vocab_size, self.card
        known = (
            (f"ln {size:,}: all tokens alike", math.log(size)),
            ("single tokens counted", card.unigram_loss),
            ("pairs of tokens counted", card.bigram_loss),
            ("floor: what this text itself leaves open", card.floor and card.floor.value),
        )
        floor = known[-1]
        return [{"name": line[0], "loss": line[1], "floor": line is floor} for line in known if line[1] is not None]

    def baselines_for(self, config: TrainConfig) -> list[dict[str, Any]]:
        """The same for a training: of answers alone nothing is known but that each follows from its question."""
        if config.loss_on == "text":
            return self.baselines
        return [self.baselines[0], {"name": "floor: each answer follows from its question", "loss": 0.0, "floor": True}]

    @cached_property
    def passage(self) -> tuple[int, ...]:
        """Validation text from the start of a line: the first of its tokens also open every sample."""
        tokens = self.splits.validation[: 4 * PASSAGE_TOKENS].tolist()
        data = [self.tokenizer.token_bytes(token) for token in tokens]
        begins = (
            i for i in range(1, len(data) - PROMPT_TOKENS) if data[i - 1].endswith(b"\n") and not data[i][:1].isspace()
        )
        start = next(begins, 0)
        return tuple(self.splits.validation[start : start + PASSAGE_TOKENS].tolist())

    @cached_property
    def exam(self) -> tuple[ExamItem, ...]:
        """The questions asked at evaluations, where the text is a task's; none elsewhere."""
        task = task_of(self.ref)
        if task is None:
            return ()
        shown = _exam(task, held_out=False) if task.holds_out else ()
        return (*_exam(task, held_out=task.holds_out), *shown)

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """The exam as ids."""
        return tuple(as_ids(self.tokenizer, q.prompt, q.answer) for q in self.exam)

    @property
    def asked(self) -> Asked:
        """All of it: a sample that begins as the passage does, the exam, the passage."""
        return {
            "prompt_ids": self.passage[:PROMPT_TOKENS],
            "questions": self.questions,
            "passage_ids": self.passage,
        }


def prepare(ref: str, corpus: Text, tokenizer: Tokenizer, on_progress: Progress | None = None) -> Prepared:
    """A text cut into tokens, as `tokens_of` does it. Raises ValueError when the tokenizer can't spell it."""
    return Prepared(ref, corpus, tokenizer, tokens_of(tokenizer, corpus, on_progress))


def make_trainer(
    prepared: Prepared,
    model_config: ModelConfig,
    train_config: TrainConfig,
    asked: Asked,
    *,
    device: torch.device | str,
    worker: Worker = ALONE,
    begin_with: GPT | None = None,
) -> Trainer:
    """A trainer of a new model, which begins with noise or with the weights of `begin_with`, of the same shape.

    Raises ValueError as `Trainer` does.
    """
    model = GPT(model_config, seed=train_config.seed if begin_with is None else None)
    if begin_with is not None:
        model.load_state_dict(begin_with.state_dict())
    if not worker.shard:  # else it goes to the device in parts
        model.to(device)
    return Trainer(model, *prepared.splits_for(train_config), train_config, worker=worker, **asked)


def make_run(
    root: Path,
    prepared: Prepared,
    model_config: ModelConfig,
    train_config: TrainConfig,
    *,
    corpus: str,
    name: str,
    parent: Parent | None = None,
) -> Run:
    """The folder in which such a training is written down; `corpus` and `name` are what text and run are called."""
    return Run.create(
        root,
        model_config,
        train_config,
        prepared.tokenizer,
        corpus=corpus,
        corpus_ref=prepared.ref,
        text_hash=prepared.corpus.hash,
        parent=parent,
        name=name,
    )


def resume_run(
    run: Run,
    prepared: Prepared,
    asked: Asked,
    *,
    device: torch.device | str,
    worker: Worker = ALONE,
    max_steps: int | None = None,
) -> Trainer:
    """A trainer that goes on with a run, as `Run.resume` says.

    Raises ValueError as that does and as `check_text`.
    """
    check_text(run, prepared.corpus)
    return run.resume(
        *prepared.splits_for(run.train_config), device=device, worker=worker, max_steps=max_steps, **asked
    )


def check_text(run: Run, corpus: Text) -> None:
    """Raises ValueError when the text isn't the run's: a file's name says nothing about its content."""
    if run.text_hash and run.text_hash != corpus.hash:
        raise ValueError(
            f"{corpus.name!r} is not the text that this run learnt from: its content differs. Give that one, "
            "or begin a new run with this one."
        )


def _exam(task: Task, *, held_out: bool) -> list[ExamItem]:
    """The same questions every time; those that are not held out come from the pool that training draws from."""
    seen = task.holds_out and not held_out
    return [ExamItem(e.prompt, e.answer, seen) for e in task.questions(N_QUESTIONS, held_out=held_out)]
