"""A run on disk: what was trained, how it went, and the weights along the way.

    RUN/run.json                  name, time, model, training settings, corpus, state
    RUN/metrics.jsonl             one JSON object an event, in order
    RUN/tokenizer.json
    RUN/snapshots/step-00000100/  weights in float16, to look at: at most 48, thinned as it grows
    RUN/checkpoint/               the newest weights in float32 and the optimiser, to go on from

`record` is all that a training loop calls. A process may be killed at any moment: at most the work
since the last evaluation is lost, and `resume` goes on from there as if nothing had happened.
"""

from __future__ import annotations

import dataclasses
import json
import re
import secrets
import shutil
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from llm.checkpoint import load_checkpoint, load_trainer_state, read_json, save_checkpoint, write_json, write_text
from llm.config import ModelConfig, TrainConfig
from llm.distributed import ALONE, Worker
from llm.model import GPT
from llm.tokenizers import Tokenizer, load_tokenizer
from llm.trainer import DoneEvent, EvalEvent, Event, SampleEvent, SnapshotEvent, StepEvent, Trainer

MAX_SNAPSHOTS = 48
EVENT_NAMES: dict[type, str] = {
    StepEvent: "step",
    EvalEvent: "evaluation",
    SampleEvent: "sample",
    SnapshotEvent: "snapshot",
    DoneEvent: "done",
}
"""What metrics.jsonl calls each event, under the key "event"."""


class Run:
    """One run's folder. Made by `Run.create`, found by `Run.open` and `list_runs`."""

    def __init__(self, path: Path, values: dict[str, Any]) -> None:
        self.path = path
        self.name: str = values["name"]
        self.created: str = values["created"]
        """When, in the computer's local time, as ISO 8601."""
        self.corpus: str = values["corpus"]
        self.state: str = values["state"]
        """"running", "finished", "stopped" or "diverged". A run whose process was killed stays "running"."""
        self.model_config = ModelConfig.from_dict(values["model"])
        self.train_config = TrainConfig.from_dict(values["train"])

    @classmethod
    def create(
        cls,
        root: str | Path,
        model_config: ModelConfig,
        train_config: TrainConfig,
        tokenizer: Tokenizer,
        *,
        corpus: str,
        name: str = "",
        run_id: str | None = None,
    ) -> Self:
        """Make the folder of a new run under `root`.

        Without `run_id` it gets one that sorts by time. Raises ValueError when `run_id` can't name a
        folder or is taken.
        """
        now = time.localtime()
        run_id = run_id or f"{time.strftime('%Y%m%d-%H%M%S', now)}-{secrets.token_hex(3)}"
        path = _path(root, run_id)
        if path.exists():
            raise ValueError(f"There is already a run {run_id}; choose another name.")
        (path / "snapshots").mkdir(parents=True)
        tokenizer.save(path / "tokenizer.json")
        values = {
            "name": name or run_id,
            "created": time.strftime("%Y-%m-%dT%H:%M:%S%z", now),
            "corpus": corpus,
            "state": "running",
            "model": model_config.to_dict(),
            "train": train_config.to_dict(),
        }
        write_json(path / "run.json", values)  # last: a folder without it is no run yet
        return cls(path, values)

    @classmethod
    def open(cls, root: str | Path, run_id: str) -> Self:
        """The run of that id. Raises ValueError when there is none or its run.json is unsound."""
        path = _path(root, run_id)
        if not (path / "run.json").is_file():
            raise ValueError(f"There is no run {run_id}; choose one from the list.")
        values = read_json(path / "run.json")
        texts = all(isinstance(values.get(key), str) for key in ("name", "created", "corpus", "state"))
        if not texts or not all(isinstance(values.get(key), dict) for key in ("model", "train")):
            raise ValueError(f"run.json of {run_id} is incomplete; delete that run.")
        return cls(path, values)

    @property
    def id(self) -> str:
        return self.path.name

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return load_tokenizer(self.path / "tokenizer.json")

    def record(self, trainer: Trainer, event: Event) -> None:
        """Write down an event, and save what it calls for. To be called for each event before asking for the next.

        Every snapshot is kept for looking at; the heavier checkpoint to resume from is written at
        evaluations and when the training was stopped.
        """
        self.append(event)
        if isinstance(event, SnapshotEvent):
            self.snapshot(trainer)
            config = trainer.config
            if event.step % config.eval_interval == 0 or event.step >= config.max_steps:
                self.save_checkpoint(trainer)
        elif isinstance(event, DoneEvent):
            if event.reason == "stopped":
                self.save_checkpoint(trainer)
            self._set_state(event.reason)

    def append(self, event: Event) -> None:
        """Add one line to metrics.jsonl: {"event": name, and the event's own fields}."""
        line = json.dumps({"event": EVENT_NAMES[type(event)], **dataclasses.asdict(event)})
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """All events so far. A last line that a crash cut short is left out.

        Raises ValueError when another line is damaged.
        """
        path = self.path / "metrics.jsonl"
        # Bytes that are no UTF-8 end up in a line that JSON then refuses.
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        *lines, _torn = text.split("\n")
        try:
            return [json.loads(line) for line in lines]
        except ValueError as error:
            raise ValueError(f"metrics.jsonl of {self.id} is damaged; delete that run.") from error

    def snapshot(self, trainer: Trainer) -> None:
        """Keep the present weights, in float16. Past 48 snapshots the least missed one goes.

        That is the one whose two neighbours are closest together (the earliest of several), so the
        first and the newest always stay and the rest spread evenly over the steps.
        """
        self._save(self._snapshot_path(trainer.step), trainer, dtype=torch.float16)
        steps = self.snapshots()
        while len(steps) > MAX_SNAPSHOTS:
            gaps = [after - before for before, after in zip(steps, steps[2:], strict=False)]
            shutil.rmtree(self._snapshot_path(steps.pop(1 + gaps.index(min(gaps)))))

    def snapshots(self) -> list[int]:
        """The steps of which a snapshot is kept, in order."""
        names = (path.name for path in (self.path / "snapshots").glob("step-*"))
        return sorted(int(name[5:]) for name in names if re.fullmatch(r"step-[0-9]{8}", name))

    def load_snapshot(self, step: int) -> GPT:
        """The model as it was after `step` steps. Raises ValueError when that snapshot isn't kept."""
        if step not in self.snapshots():
            raise ValueError(f"There is no snapshot of step {step}; choose one of {self.snapshots()}.")
        return load_checkpoint(self._snapshot_path(step)).model

    def save_checkpoint(self, trainer: Trainer) -> None:
        """Save all that `resume` needs, in place of what was saved before."""
        self._save(self.path / "checkpoint", trainer)

    def resume(
        self,
        train_tokens: Tensor,
        validation_tokens: Tensor,
        *,
        prompt_ids: Sequence[int],
        device: torch.device | str = "cpu",
        worker: Worker = ALONE,
    ) -> Trainer:
        """A trainer that goes on from the newest checkpoint, with the settings the run began with.

        What was written down after that checkpoint is dropped, since it will come again. The tokens
        must be those of the same text. Of several workers only the first changes the folder. Raises
        ValueError when there is nothing to go on from.
        """
        checkpoint = load_checkpoint(self.path / "checkpoint", device)
        trainer = Trainer(
            checkpoint.model, train_tokens, validation_tokens, self.train_config, prompt_ids=prompt_ids, worker=worker
        )
        trainer.restore(*load_trainer_state(self.path / "checkpoint"))
        if not worker.is_first:
            return trainer
        kept = [m for m in self.metrics() if m["step"] <= trainer.step and m["event"] != "done"]
        write_text(self.path / "metrics.jsonl", "".join(json.dumps(m) + "\n" for m in kept))
        for step in self.snapshots():
            if step > trainer.step:
                shutil.rmtree(self._snapshot_path(step))
        self._set_state("running")
        return trainer

    def delete(self) -> None:
        """Remove the run and everything in it from the disk."""
        (self.path / "run.json").unlink()  # first: what is half deleted is no run any more
        shutil.rmtree(self.path)

    def _snapshot_path(self, step: int) -> Path:
        return self.path / "snapshots" / f"step-{step:08d}"

    def _save(self, folder: Path, trainer: Trainer, dtype: torch.dtype | None = None) -> None:
        save_checkpoint(
            folder,
            trainer.model,
            self.tokenizer,
            step=trainer.step,
            info={"corpus": self.corpus, "run": self.name},
            trainer=trainer if dtype is None else None,
            dtype=dtype,
        )

    def _set_state(self, state: str) -> None:
        self.state = state
        write_json(self.path / "run.json", read_json(self.path / "run.json") | {"state": state})


def list_runs(root: str | Path) -> list[Run]:
    """All runs under `root`, newest first. Folders that are no run, or whose run.json is unsound, are left out."""
    runs = []
    for path in Path(root).iterdir() if Path(root).is_dir() else ():
        try:
            runs.append(Run.open(root, path.name))
        except ValueError:
            continue
    return sorted(runs, key=lambda run: (run.created, run.id), reverse=True)


def _path(root: str | Path, run_id: str) -> Path:
    """The folder of a run. An id may come from a browser, so it can't hold a slash, a dot or a space."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", run_id):
        raise ValueError(f"{run_id!r:.80} can't name a run; use up to 64 letters, digits, - and _.")
    return Path(root) / run_id
