"""`python -m llm train`: a training on the command line, alone or as one of several processes."""

from __future__ import annotations

import argparse
import dataclasses
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.cli.options import (
    Parser,
    add_device,
    add_settings,
    add_text,
    add_vocab_size,
    command,
    corpus_of,
    device_of,
    given,
    tokenizer_of,
)
from llm.cli.output import say
from llm.config import ModelConfig, TrainConfig
from llm.corpora import CORPORA, Corpus, task_of
from llm.files import is_full
from llm.paths import home
from llm.settings import settings_of
from llm.tokenizers import KINDS

if TYPE_CHECKING:
    import torch

    from llm.runs.assembly import Asked, Prepared
    from llm.runs.run import Run
    from llm.training.distributed import Worker
    from llm.training.trainer import Trainer

SHAPE = ModelConfig(vocab_size=256, n_ctx=128, n_embd=128, n_head=4, n_layer=4)
"""What `train` builds unless told otherwise: a model that a laptop trains in minutes."""

MODEL_SETTINGS = {
    name: dataclasses.replace(setting, default=getattr(SHAPE, name))
    for name, setting in settings_of(ModelConfig).items()
    if name != "vocab_size"  # the tokenizer says it
}
TRAIN_SETTINGS = settings_of(TrainConfig)
ENDS = {
    "stopped": "Stopped and saved",
    "time": "The time was up",
    "target": "The validation loss was as low as wanted",
    "patience": "The validation loss no longer fell",
}
"""How a training that can go on has ended, by the DoneEvent's reason."""


def add_train(commands: Any) -> None:
    """The command and its options."""
    parser = command(
        commands,
        train,
        "train a model on a text; the app lists the run",
        "train --text notes.txt --max-steps 500 --out notes-model",
    )  # fmt: skip
    add_text(parser)
    parser.add_argument(
        "--tokenizer", metavar="NAME",
        help=f"how text is cut into tokens: {', '.join(KINDS)}, or a tokenizer's file or folder "
        "(default character for a task, else bpe)",
    )  # fmt: skip
    add_vocab_size(parser)
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="save the trained model here as well")
    parser.add_argument("--name", help="what the app calls the run")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run, by its id; with --max-steps past its end")
    _add_machine(parser)
    add_settings(parser, "the model", MODEL_SETTINGS)
    add_settings(parser, "the training", TRAIN_SETTINGS)


def _add_machine(train: Parser) -> None:
    """How this machine computes. Not part of a run's settings: it may go on with others, elsewhere."""
    group = train.add_argument_group(
        "the machine", "Several processes or machines train together when torchrun starts them: "
        "torchrun --nproc-per-node 2 -m llm train ...",
    )  # fmt: skip
    add_device(group)
    group.add_argument(
        "--dtype", choices=("auto", "float32", "bfloat16"), default="auto",
        help="what products are computed in; auto: bfloat16 where the machine is fast with it (default auto)",
    )  # fmt: skip
    group.add_argument("--compile", action="store_true", help="let torch.compile speed up the steps, if it can")
    group.add_argument("--shard", action="store_true", help="spread a model too large for one over the processes")


def train(args: argparse.Namespace) -> None:
    """Train a model as a run that the app lists too, alone or as one of the processes that torchrun started."""
    from llm.checkpoint import CARD, FILES
    from llm.training.distributed import joined
    from llm.training.hardware import denormals_flushed

    out: Path | None = args.out
    if out and out.exists() and not (out.is_dir() and {path.name for path in out.iterdir()} <= {*FILES, CARD}):
        raise ValueError(f"{out} already holds something that isn't a checkpoint; choose a new folder.")
    # From the start, because torch's helping threads do as the one that first calls for them.
    with denormals_flushed(), joined(device_of(args.device)) as (worker, device):
        corpus, trainer, run = (_resumed_run if args.resume else _new_run)(args, worker, device)
        with _stopped_by_ctrl_c(trainer):
            if run is not None:
                try:
                    _show_and_save(corpus, trainer, run, out)
                except ConnectionError as lost:
                    raise ConnectionError(f"{lost} To go on: --resume {run.id}") from lost
                except OSError as error:
                    if is_full(error):  # what was saved before is whole
                        error.add_note(f"To go on: --resume {run.id}")
                    raise
            else:  # not the first of several processes: it works, and leaves talking and writing to that one
                list(trainer)


def _show_and_save(corpus: Corpus, trainer: Trainer, run: Run, out: Path | None) -> None:
    """Train, showing loss and samples as they come and writing all down in the run."""
    from tqdm import tqdm

    from llm.checkpoint import save_checkpoint
    from llm.training.events import DoneEvent, EvalEvent, ExamEvent, SampleEvent, StepEvent

    tokenizer, worker = run.tokenizer, trainer.worker
    info: dict[str, Any] = {"corpus": corpus.name, "source": corpus.source, "licence": corpus.licence, "run": run.id}
    how = str(worker.dtype).removeprefix("torch.")
    if worker.world_size > 1:
        how += f", {'sharded over' if worker.shard else 'in'} {worker.world_size} processes"
    say(f"Run {run.id}: {run.model_config.n_params:,} parameters, {how}, in {run.path}. Ctrl-C stops and saves.")

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
                info["validation_loss"] = event.validation_loss
                bar.write(f"step {event.step:,}: loss {event.train_loss:.4f}, validation {event.validation_loss:.4f}")
            elif isinstance(event, ExamEvent):
                info["exact_match"] = event.correct / event.total
                bar.write(f"    {event.correct} of {event.total} answers exactly right")
            elif isinstance(event, SampleEvent):
                bar.write("    " + tokenizer.decode(event.ids).strip("\n").replace("\n", "\n    ") + "\n")
            elif isinstance(event, DoneEvent):
                done = event
    if done.reason == "diverged":
        raise ValueError(f"{done.why} That was after step {done.step:,}; try a lower --learning-rate.")
    if out:
        save_checkpoint(out, trainer.model, tokenizer, step=done.step, info=info)
    if done.reason in ENDS:
        say(f"{ENDS[done.reason]} after step {done.step:,}. To go on: python -m llm train --resume {run.id}")
    say(f"To try it: python -m llm generate --checkpoint {out or run.path / 'checkpoint'}")


def _new_run(args: argparse.Namespace, worker: Worker, device: torch.device) -> tuple[Corpus, Trainer, Run | None]:
    # Both configs before the tokenizer, which can take a while to train.
    shape, config = SHAPE.replace(**given(args, MODEL_SETTINGS)), TrainConfig(**given(args, TRAIN_SETTINGS))
    worker = _equipped(worker, args, device, shape.n_embd)
    with worker.first_here_goes_first():
        corpus = corpus_of(args)
    kind = args.tokenizer or ("character" if task_of(corpus.name) else "bpe")
    if kind in KINDS and not KINDS[kind].origin:
        say(f"Training a {kind} tokenizer on {len(corpus.text):,} characters ...")
    tokenizer = tokenizer_of(kind, corpus.text, args.vocab_size)

    from llm.runs.assembly import make_run, make_trainer, prepare

    prepared = prepare(args.corpus or "", corpus, tokenizer)
    shape = shape.replace(vocab_size=tokenizer.vocab_size)
    trainer = make_trainer(prepared, shape, config, _asked(prepared), device=device, worker=worker)
    if not worker.is_first:
        return corpus, trainer, None
    run = make_run(home() / "runs", prepared, shape, config, corpus=corpus.name, name=args.name or "")
    return corpus, trainer, run


def _resumed_run(args: argparse.Namespace, worker: Worker, device: torch.device) -> tuple[Corpus, Trainer, Run | None]:
    from llm.runs.assembly import prepare
    from llm.runs.run import Run

    settings = given(args, (*MODEL_SETTINGS, *TRAIN_SETTINGS))
    max_steps = settings.pop("max_steps", None)
    if settings:
        fixed = ", ".join("--" + name.replace("_", "-") for name in settings)
        raise ValueError(f"A run goes on with the settings it began with, but for --max-steps; leave out {fixed}.")
    run = Run.open(home() / "runs", args.resume)
    names = [name for name in (run.corpus_ref, run.corpus) if name]
    if args.corpus is None and args.text is None:
        args.corpus = next((name for name in names if name in CORPORA), None)
    if not {args.corpus, args.text and args.text.name} & {*names}:
        raise ValueError(f"This run learns from {run.corpus}; give that file with --text.")
    worker = _equipped(worker, args, device, run.model_config.n_embd)
    with worker.first_here_goes_first():
        corpus = corpus_of(args)
    prepared = prepare(args.corpus or run.corpus_ref, corpus, run.tokenizer)
    where = "cpu" if worker.shard else device
    trainer = run.resume(*prepared.splits, device=where, worker=worker, max_steps=max_steps, **_asked(prepared))
    return corpus, trainer, run if worker.is_first else None


def _asked(prepared: Prepared) -> Asked:
    """A sample that begins as the text does and, of a task, questions that training never shows."""
    questions = [ids for ids, item in zip(prepared.questions, prepared.exam, strict=True) if not item.seen]
    return {"prompt_ids": prepared.tokens[:1].tolist(), "questions": questions}


def _equipped(worker: Worker, args: argparse.Namespace, device: torch.device, n_embd: int) -> Worker:
    from llm.training.hardware import choose_dtype

    dtype = choose_dtype(device, args.dtype, n_embd)
    return dataclasses.replace(worker, dtype=dtype, compile=args.compile, shard=args.shard)


@contextmanager
def _stopped_by_ctrl_c(trainer: Trainer) -> Iterator[None]:
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
