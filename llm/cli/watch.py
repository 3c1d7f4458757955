"""A training on the command line as it goes: shown, written down, stopped by Ctrl-C, its model saved."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from llm.checkpoint import CARD, FILES, save_checkpoint
from llm.cli.output import say
from llm.runs.run import Run
from llm.training.events import DoneEvent, EvalEvent, ExamEvent, SampleEvent, SnapshotEvent, StepEvent
from llm.training.trainer import Trainer

if TYPE_CHECKING:
    from llm.corpora import Text

ENDS = {
    "stopped": "Stopped and saved",
    "time": "The time was up",
    "target": "The validation loss was as low as wanted",
    "patience": "The validation loss no longer fell",
}
"""How a training that can go on has ended, by the DoneEvent's reason."""


def check_out(out: Path | None) -> None:
    """Raises ValueError when a checkpoint can't be saved in a folder, before hours went into one."""
    if out is None:
        return
    if out.exists() and not (out.is_dir() and {path.name for path in out.iterdir()} <= {*FILES, CARD}):
        raise ValueError(f"{out} already holds something that isn't a checkpoint; choose a new folder.")
    above = next(folder for folder in out.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise ValueError(f"{out} can't be made, because {above} is no folder that you can write to; choose another.")


def show_and_save(corpus: Text, trainer: Trainer, run: Run, out: Path | None) -> None:
    """Train, showing loss and samples as they come and writing all down in the run.

    `out` gets the last model; where the validation loss may end the training, the one with the lowest.
    """
    tokenizer, worker = run.tokenizer, trainer.worker
    info: dict[str, Any] = {"corpus": corpus.name, "source": corpus.source, "licence": corpus.licence, "run": run.id}
    how = str(worker.dtype).removeprefix("torch.")
    if worker.world_size > 1:
        how += f", {'sharded over' if worker.shard else 'in'} {worker.world_size} processes"
    say(f"Run {run.id}: {run.model_config.n_params:,} parameters, {how}, in {run.path}. Ctrl-C stops and saves.")

    wants_best = trainer.config.patience > 0 or trainer.config.target_loss > 0
    best = min((m["validation_loss"] for m in run.metrics() if m["event"] == "evaluation"), default=float("inf"))
    best_step, latest = None, best
    steps, seen = trainer.config.max_steps, trainer.tokens_seen
    with tqdm(total=steps, initial=trainer.step, unit="step", disable=None) as bar:
        for event in trainer:
            run.record(trainer, event)
            if isinstance(event, StepEvent):
                speed = (event.tokens_seen - seen) / event.seconds
                bar.set_postfix_str(f"loss {event.loss:.3f}, {speed:,.0f} tokens/s", refresh=False)
                bar.update()
                seen = event.tokens_seen
            elif isinstance(event, EvalEvent):
                info["validation_loss"] = latest = event.validation_loss
                bar.write(f"step {event.step:,}: loss {event.train_loss:.4f}, validation {event.validation_loss:.4f}")
            elif isinstance(event, ExamEvent):
                info["exact_match"] = event.correct / event.total
                bar.write(f"    {event.correct} of {event.total} answers exactly right")
            elif isinstance(event, SampleEvent):
                bar.write("    " + tokenizer.decode(event.ids).strip("\n").replace("\n", "\n    ") + "\n")
            elif isinstance(event, SnapshotEvent) and event.evaluated and wants_best and latest < best:
                best, best_step = latest, event.step
                if out:
                    save_checkpoint(out, trainer.model, tokenizer, step=event.step, info=info)
            elif isinstance(event, DoneEvent):
                done = event
    if done.reason == "diverged":
        raise ValueError(f"{done.why} That was after step {done.step:,}; try a lower --learning-rate.")
    if out and best_step is None:
        save_checkpoint(out, trainer.model, tokenizer, step=done.step, info=info)
    if done.reason in ENDS:
        say(f"{ENDS[done.reason]} after step {done.step:,}. To go on: python -m llm train --resume {run.id}")
    if out and wants_best:
        say(
            f"{out} holds the last model, of step {done.step:,}: no evaluation since the run went on was its best."
            if best_step is None
            else f"{out} holds the best model, of step {best_step:,} (validation loss {best:.4f}); "
            f"the last one, of step {done.step:,}, is {run.path / 'checkpoint'}."
        )
    say(f"To try it: python -m llm generate --checkpoint {out or run.path / 'checkpoint'}")


@contextmanager
def stopped_by_ctrl_c(trainer: Trainer) -> Iterator[None]:
    """The first Ctrl-C lets the step finish and the run be saved; a second one ends at once.

    One of several processes gets each Ctrl-C twice, once from torchrun, which ends it if it takes too long.
    """
    second = signal.default_int_handler if trainer.worker.world_size == 1 else signal.SIG_IGN

    def ask(*_: Any) -> None:
        signal.signal(signal.SIGINT, second)
        trainer.stop()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
