"""A sweep on disk: its plan, and a run for every training, which opens in the playground like any other.

    SWEEP/plan.json
    SWEEP/runs/width-64-seed-1/     as llm/runs/run.py keeps it

Killed at any moment it goes on where it was: what has ended is not trained again, what was under way is taken up
from its last evaluation. Several processes may train one sweep: each takes a training that no other has.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch

from llm.corpora import load_corpus, task_of
from llm.corpora.floors import corpus_floor
from llm.files import claimed, read_json, write_json
from llm.runs.assembly import Asked, Prepared, make_trainer, prepare
from llm.runs.run import Run
from llm.scaling.counting import COUNTS
from llm.scaling.fit import Measured
from llm.scaling.plan import Plan, Point
from llm.tokenizers import train_tokenizer
from llm.training.events import Event, ends_a_step
from llm.training.flops import flops_per_token
from llm.training.forecast import measure
from llm.training.trainer import Trainer

ENDED = ("finished", "diverged")
GLANCE = 0.2
"""Seconds after which a process looks again for a training that another one had."""


class Progress(NamedTuple):
    """Where a sweep is: the training of `point`, which is number `number` of `total`, and what just happened in it."""

    point: Point
    number: int
    total: int
    event: Event


@dataclass(frozen=True)
class Row:
    """One evaluation of one training: what a fit is made of."""

    point: str
    width: int
    seed: int
    learning_rate: float
    params: dict[str, int]
    """By what is counted, as `llm.scaling.counting`."""
    tokens: int
    flops: int
    loss: float
    """Of the validation text, in nats a token."""
    seconds: float
    """Of training so far."""
    last: bool
    """Whether the training ended with it."""

    def measured(self, count: str = "all") -> Measured:
        """As `fit` takes it."""
        return Measured(self.params[count], self.tokens, self.loss, self.seed)


class Sweep:
    """The folder of a sweep. Made by `Sweep.create`, found by `Sweep.open`."""

    def __init__(self, path: Path, plan: Plan) -> None:
        self.path = path
        self.plan = plan

    @classmethod
    def create(cls, path: str | Path, plan: Plan) -> Sweep:
        """Make the folder. Raises ValueError when it holds another plan."""
        path = Path(path)
        if (path / "plan.json").is_file():
            if (there := cls.open(path, type(plan))).plan != plan:
                raise ValueError(f"{path} holds a sweep with another plan; choose a new folder.")
            return there
        path.mkdir(parents=True, exist_ok=True)
        write_json(path / "plan.json", plan.to_dict())
        return cls(path, plan)

    @classmethod
    def open(cls, path: str | Path, kind: type[Plan] = Plan) -> Sweep:
        """A sweep that is there, of that kind. Raises ValueError when there is none, or its plan is unsound."""
        return cls(Path(path), kind.from_dict(read_json(Path(path) / "plan.json")))

    @property
    def runs(self) -> Path:
        """The folder of its runs."""
        return self.path / "runs"

    @cached_property
    def prepared(self) -> Prepared:
        """The text, cut into tokens. Raises ValueError when it isn't here."""
        corpus = load_corpus(self.plan.corpus)
        kind, size = ("character", None) if task_of(self.plan.corpus) else ("bpe", self.plan.vocab_size)
        return prepare(self.plan.corpus, corpus, train_tokenizer(kind, corpus.text, size))

    @cached_property
    def points(self) -> list[Point]:
        """All trainings, smallest first."""
        return self.plan.points(self.prepared.tokenizer.vocab_size)

    @cached_property
    def floor(self) -> float | None:
        """The least loss that any model can reach, where it is known."""
        found = corpus_floor(self.plan.corpus, self.prepared.tokenizer)
        return found.value if found else None

    def forecast(self) -> list[float]:
        """Seconds that each training will take, measured once a size."""
        by_model = {point.model: measure(point.model, point.train).seconds_total for point in self.points}
        return [by_model[point.model] for point in self.points]

    def ended(self, point: Point) -> bool:
        """Whether that training is done."""
        run = self._run(point)
        return run is not None and run.state in ENDED

    def train(
        self, *, device: torch.device | str = "cpu", largest_first: bool = False
    ) -> Generator[Progress, None, None]:
        """Train what has not been trained yet, one after the other, and tell what happens.

        Where several processes do so at a time, each takes what no other has, the largest first so that all are busy
        to the end; what a killed one had is taken up by another. It ends when everything is trained.

        Whoever stops asking has stopped the sweep; asked again it goes on: where it was if it was closed between two
        steps, else from its last evaluation. Raises ValueError as `Trainer` does.
        """
        self.runs.mkdir(exist_ok=True)
        numbered = list(enumerate(self.points, 1))
        if largest_first:
            numbered.sort(key=lambda place: -place[1].flops)
        while left := [place for place in numbered if not self.ended(place[1])]:
            for number, point in left:
                with claimed(self.runs / f".{point.id}.claim") as mine:
                    if not mine:
                        time.sleep(GLANCE)
                    elif not self.ended(point):  # by another process, since `left` was made
                        yield from self._train_one(point, number, device)

    def _train_one(self, point: Point, number: int, device: torch.device | str) -> Generator[Progress, None, None]:
        run, trainer = self._taken_up(point, device)
        for event in trainer:
            run.record(trainer, event)
            try:
                yield Progress(point, number, len(self.points), event)
            except GeneratorExit:
                if ends_a_step(event) and trainer.step < point.train.max_steps:
                    run.set_aside(trainer)
                raise

    def _taken_up(self, point: Point, device: torch.device | str) -> tuple[Run, Trainer]:
        run = self._run(point)
        asked: Asked = {"prompt_ids": self.prepared.asked["prompt_ids"]}
        if run is not None and (run.path / "checkpoint").exists():
            return run, run.resume(*self.prepared.splits, device=device, **asked)
        if (self.runs / point.id).exists():  # killed before its first evaluation
            shutil.rmtree(self.runs / point.id)
        run = Run.create(
            self.runs,
            point.model,
            point.train,
            self.prepared.tokenizer,
            corpus=self.prepared.corpus.title,
            corpus_ref=self.plan.corpus,
            name=point.id,
            run_id=point.id,
        )
        return run, make_trainer(self.prepared, point.model, point.train, asked, device=device)

    def rows(self) -> list[Row]:
        """Every evaluation after the first step, of trainings under way too."""
        return [row for point in self.points if (run := self._run(point)) for row in rows_of(point, run)]

    def _run(self, point: Point) -> Run | None:
        try:
            return Run.open(self.runs, point.id)
        except (ValueError, FileNotFoundError):  # none yet, or another process begins it anew
            return None


def rows_of(point: Point, run: Run) -> list[Row]:
    """The evaluations of one training."""
    params = {what: count(point.model) for what, count in COUNTS.items()}
    seconds, rows = 0.0, []
    for event in run.metrics():
        if event["event"] == "step":
            seconds += event["seconds"]
        if event["event"] == "evaluation" and event["step"] > 0:
            tokens = event["step"] * point.train.batch_size * point.model.n_ctx
            rows.append(
                Row(
                    point=point.id,
                    width=point.model.n_embd,
                    seed=point.train.seed,
                    learning_rate=point.train.learning_rate,
                    params=params,
                    tokens=tokens,
                    flops=tokens * flops_per_token(point.model),
                    loss=event["validation_loss"],
                    seconds=round(seconds, 2),
                    last=event["step"] == point.train.max_steps,
                )
            )
    return rows
