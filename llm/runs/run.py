"""A run on disk: what was trained, how it went, and the weights along the way.

    RUN/run.json                  name, time, model, training settings, corpus, state
    RUN/metrics.jsonl             one JSON object an event, in order
    RUN/tokenizer.json
    RUN/snapshots/step-00000100/  weights in float16, to look at: at most 48 and 2 GB, thinned as it grows
    RUN/checkpoint/               the newest weights in float32 and the optimiser, to go on from

`record` is all that a training loop calls. A process may be killed at any moment: at most the work
since the last evaluation is lost, and `resume` goes on from there as if nothing had happened.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import logging
import os
import re
import secrets
import shutil
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from llm.checkpoint import (
    load_checkpoint,
    load_trainer_state,
    save_checkpoint,
)
from llm.config import ModelConfig, TrainConfig
from llm.files import existing_folder, parsed_json, read_json, write_json, write_text
from llm.model import GPT
from llm.runs.archive import write_archive
from llm.runs.head_history import add_moment, forget_after
from llm.runs.parent import Parent
from llm.runs.snapshots import MAX_BYTES, Snapshots
from llm.tokenizers import Tokenizer, load_tokenizer
from llm.training.distributed import ALONE, Worker
from llm.training.events import EVENT_NAMES, DoneEvent, Event, Question, SnapshotEvent
from llm.training.stopping import SWITCHED_OFF
from llm.training.trainer import Trainer

MAX_NAME = 100
log = logging.getLogger(__name__)
_WRITING = threading.Lock()  # run.json is changed by the thread that trains and by whoever renames the run


class Run:
    """One run's folder. Made by `Run.create`, found by `Run.open` and `list_runs`."""

    def __init__(self, path: Path, values: dict[str, Any]) -> None:
        self.path = path
        self.name: str = values["name"]
        self.created: str = values["created"]
        """When, in the computer's local time, as ISO 8601."""
        self.corpus: str = values["corpus"]
        """The text's title."""
        self.corpus_ref: str = values.get("corpus_ref", "")
        """How to find the text again: "tales", "task:sort", "upload:notes.txt", ...; empty if nobody said."""
        self.text_hash: str = values.get("text_hash", "")
        """What the text is known by, as `llm.corpora.text_hash` says; empty in runs of before that was noted."""
        self.parent = Parent.from_dict(values.get("parent"))
        """The model that it trained on from; None if it began with noise."""
        self.kept = values.get("kept") is True
        """Whether somebody wants it to stay when old runs make room for new ones."""
        self.state: str = values["state"]
        """"running", or the reason of the DoneEvent. A run whose process was killed stays "running"."""
        self.model_config = ModelConfig.from_dict(values["model"])
        self.train_config = TrainConfig.from_dict(values["train"])
        """The settings it began with; `metrics` tells of changes on the fly."""
        self._appended: Event | None = None
        self.snapshot_bytes = MAX_BYTES
        """How much of the disk its snapshots may take."""
        self._snapshots = Snapshots(path / "snapshots")

    @classmethod
    def create(
        cls,
        root: str | Path,
        model_config: ModelConfig,
        train_config: TrainConfig,
        tokenizer: Tokenizer,
        *,
        corpus: str,
        corpus_ref: str = "",
        text_hash: str = "",
        parent: Parent | None = None,
        name: str = "",
        run_id: str | None = None,
    ) -> Self:
        """Make the folder of a new run under `root`.

        Without `run_id` it gets one that sorts by time. Raises ValueError when `run_id` can't name a
        folder or is taken.
        """
        now = datetime.now().astimezone()
        run_id = run_id or f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        path = _path(root, run_id)
        if path.exists():
            raise ValueError(f"There is already a run {run_id}; choose another name.")
        values = {
            "name": name or run_id,
            "created": now.isoformat(timespec="microseconds"),  # two of one second keep their order
            "corpus": corpus,
            "corpus_ref": corpus_ref,
            "text_hash": text_hash,
            "parent": parent and parent.to_dict(),
            "state": "running",
            "model": model_config.to_dict(),
            "train": train_config.to_dict(),
        }
        try:
            (path / "snapshots").mkdir(parents=True)
            tokenizer.save(path / "tokenizer.json")
            write_json(path / "run.json", values)  # last: a folder without it is no run yet
        except OSError:  # a full disk
            shutil.rmtree(path, ignore_errors=True)
            raise
        return cls(path, values)

    @classmethod
    def open(cls, root: str | Path, run_id: str) -> Self:
        """The run of that id. Raises ValueError when there is none or its run.json is unsound."""
        path = _path(root, run_id)
        if not (path / "run.json").is_file():
            raise ValueError(f"There is no run {run_id}; choose one from the list.")
        values = read_json(path / "run.json")
        texts = all(isinstance(values.get(key), str) for key in ("name", "created", "corpus", "state"))
        texts = texts and all(isinstance(values.get(key, ""), str) for key in ("corpus_ref", "text_hash"))
        if not texts or not all(isinstance(values.get(key), dict) for key in ("model", "train")):
            raise ValueError(f"run.json of {run_id} is incomplete; delete that run.")
        return cls(path, values)

    @property
    def id(self) -> str:
        return self.path.name

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return load_tokenizer(self.path / "tokenizer.json")

    @property
    def resumable(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        try:
            existing_folder(self.path / "checkpoint")
        except ValueError:
            return False
        return True

    def record(self, trainer: Trainer, event: Event) -> None:
        """Write down an event, and save what it calls for. To be called for each event before asking for the next.

        Every snapshot is kept for looking at; the heavier checkpoint to resume from is written at
        evaluations and when the training was stopped. A diverging training leaves its last good snapshot.
        When the disk is full, this raises OSError with all that was saved before in place, and can be called again.
        """
        if event is not self._appended:
            self.append(event)
            self._appended = event
        if isinstance(event, SnapshotEvent):
            self.snapshot(trainer)
            if event.evaluated:
                self.save_checkpoint(trainer)
        elif isinstance(event, DoneEvent):
            if event.reason in ("stopped", "time"):
                self.save_checkpoint(trainer)
            elif event.reason == "diverged" and not self._evaluated(event.step):
                self._snapshots.drop(event.step)  # no evaluation found that one good, and the next step didn't
            self._note(state=event.reason)

    def _evaluated(self, step: int) -> bool:
        return any(m["event"] == "evaluation" and m["step"] == step for m in self.metrics())

    def append(self, event: Event) -> None:
        """Add one line to metrics.jsonl: {"event": name, and the event's own fields}."""
        line = json.dumps({"event": EVENT_NAMES[type(event)], **dataclasses.asdict(event)}).encode() + b"\n"
        with (self.path / "metrics.jsonl").open("ab", buffering=0) as file:
            before = file.seek(0, os.SEEK_END)
            try:
                if file.write(line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path / "metrics.jsonl"))
            except OSError:  # half a line would spoil the next one
                file.truncate(before)
                raise

    def metrics(self) -> list[dict[str, Any]]:
        """All events so far. A last line that a crash cut short is left out.

        Raises ValueError when another line is damaged.
        """
        path = self.path / "metrics.jsonl"
        # Bytes that are no UTF-8 end up in a line that JSON then refuses.
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        *lines, _torn = text.split("\n")
        try:
            return [parsed_json(line, path.name) for line in lines]
        except ValueError as error:
            raise ValueError(f"metrics.jsonl of {self.id} is damaged; delete that run.") from error

    def snapshot(self, trainer: Trainer) -> None:
        """Keep the present weights, in float16 if it can hold them. Of too many snapshots the least missed one goes."""
        largest = max(float(p.detach().abs().max()) for p in trainer.model.parameters())
        dtype = torch.float16 if largest <= torch.finfo(torch.float16).max else torch.float32
        self._save(self._snapshots.path(trainer.step), trainer, dtype=dtype)
        self._snapshots.thin(min(self.snapshot_bytes, MAX_BYTES))
        if trainer.stopping:  # nobody shall wait for more than what must be saved
            return
        try:
            add_moment(self._snapshots.folder, trainer.step, trainer.model)
        except Exception as error:  # the timeline can measure them later; no training ends for that
            log.warning(
                "The heads of run %s at step %d were not scored: %s",
                self.id,
                trainer.step,
                error,
                exc_info=not isinstance(error, OSError),
            )

    def snapshots(self) -> list[int]:
        """The steps of which a snapshot is kept, in order."""
        return self._snapshots.steps()

    def save_checkpoint(self, trainer: Trainer) -> None:
        """Save all that `resume` needs, in place of what was saved before."""
        self._save(self.path / "checkpoint", trainer)

    def set_aside(self, trainer: Trainer) -> None:
        """Save a training that rests between two steps, as a stop does; `resume` goes on with it, and nothing tells."""
        self.save_checkpoint(trainer)
        self._note(state="stopped")

    def resume(
        self,
        train_tokens: Tensor,
        validation_tokens: Tensor,
        *,
        prompt_ids: Sequence[int],
        device: torch.device | str = "cpu",
        worker: Worker = ALONE,
        max_steps: int | None = None,
        questions: Sequence[Question] = (),
        passage_ids: Sequence[int] = (),
    ) -> Trainer:
        """A trainer that goes on from the newest checkpoint, with the settings the run had there.

        What was written down after that checkpoint is dropped, since it will come again. The tokens
        must be those of the same text. A stop condition that ended the run is switched off. With
        `max_steps` a finished run goes on to a later end; the schedule is stretched to it, so the
        learning rate jumps back up to where it would be on the longer way. Of several workers only
        the first changes the folder. A run that was killed before its first checkpoint begins anew.
        Raises ValueError when the checkpoint is unsound, or `max_steps` is behind it.
        """
        config = self.train_config.replace(**SWITCHED_OFF.get(self.state, {}))
        config = config.replace(max_steps=config.max_steps if max_steps is None else max_steps)
        checkpoint = load_checkpoint(self.path / "checkpoint", device) if self.resumable else None
        if checkpoint is None and self.parent:
            raise ValueError("This run ended before its first checkpoint; begin it again from the same model.")
        if checkpoint and max_steps is not None and max_steps <= checkpoint.step:
            raise ValueError(f"This run has made {checkpoint.step:,} steps already; choose more as its new end.")
        trainer = Trainer(
            checkpoint.model if checkpoint else GPT(self.model_config, seed=config.seed).to(device),
            train_tokens,
            validation_tokens,
            config,
            prompt_ids=prompt_ids,
            worker=worker,
            questions=questions,
            passage_ids=passage_ids,
        )
        if checkpoint:
            trainer.restore(*load_trainer_state(self.path / "checkpoint"))
        if worker.is_first:
            if checkpoint:
                self._forget_after(trainer)
            else:
                self._forget_all()
            self.train_config = config
            self._note(state="running", train=config.to_dict())
        return trainer

    def rename(self, name: str) -> None:
        """Call the run something else. Raises ValueError when that is no name."""
        name = " ".join(name.split())
        if not 0 < len(name) <= MAX_NAME:
            raise ValueError(f"Give the run a name of 1 to {MAX_NAME} characters.")
        self.name = name
        self._note(name=name)

    def keep(self, kept: bool) -> None:
        """Let the run stay when old ones make room for new ones, or no longer."""
        self.kept = kept
        self._note(kept=kept)

    def size_bytes(self) -> int:
        """How much of the disk the run takes."""
        total = 0
        for folder, _, names in os.walk(self.path):
            for name in names:
                with suppress(FileNotFoundError):  # a training replaces files all the time
                    total += os.stat(os.path.join(folder, name)).st_size
        return total

    def export_zip(self, path: str | Path) -> None:
        """Write a zip for other people: the model, its settings and how it went; see `llm.runs.archive`.

        Raises ValueError when there is no checkpoint yet.
        """
        write_archive(self.path, Path(path))

    def delete(self) -> None:
        """Remove the run and everything in it from the disk."""
        (self.path / "run.json").unlink()  # first: what is half deleted is no run any more
        shutil.rmtree(self.path)

    def _forget_all(self) -> None:
        """Drop what was written down before the first checkpoint."""
        (self.path / "metrics.jsonl").unlink(missing_ok=True)
        for step in self.snapshots():
            self._snapshots.drop(step)

    def _forget_after(self, trainer: Trainer) -> None:
        """Drop what was written down after the checkpoint from which `trainer` goes on."""
        kept, changes = [], 0
        for m in self.metrics():
            # Changes after the checkpoint's own step are told with that step too, so they are counted.
            changes += m["event"] == "change"
            undone = m["event"] == "done" or (m["event"] == "change" and changes > trainer.changes)
            if not trainer.reported and m["step"] == trainer.step and m["event"] not in ("step", "change"):
                undone = True  # of an evaluation that was broken off
            if m["step"] <= trainer.step and not undone:
                kept.append(json.dumps(m) + "\n")
        write_text(self.path / "metrics.jsonl", "".join(kept))
        for step in self.snapshots():
            if step > trainer.step:
                self._snapshots.drop(step)
        forget_after(self._snapshots.folder, trainer.step)

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

    def _note(self, **values: Any) -> None:
        """Change some values of run.json."""
        if "state" in values:
            self.state = values["state"]
        with _WRITING:
            write_json(self.path / "run.json", read_json(self.path / "run.json") | values)


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
