"""`python -m llm train`: a training on the command line, alone or as one of several processes."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
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
    spelt,
    tokenizer_of,
    written,
)
from llm.cli.output import bytes_shown, say
from llm.config import ModelConfig, TrainConfig
from llm.corpora import CORPORA, Corpus, LargeText, Text, task_of
from llm.files import is_full
from llm.paths import home
from llm.runs.parent import GENTLE
from llm.settings import settings_of
from llm.tokenizers import KINDS, Tokenizer

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
RESUMES_WITH = (
    "resume", "corpus", "text", "column", "encoding", "out", "max_steps", "device", "dtype", "compile", "shard"
)  # fmt: skip
"""The options that mean something to a run that goes on: its text, its end, the machine. All others are its own."""


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
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="save the trained model here as well: the last one, "
        "or with --patience or --target-loss the one of the lowest validation loss",
    )  # fmt: skip
    parser.add_argument("--name", help="what the app calls the run")
    parser.add_argument(
        "--from", metavar="MODEL", help="train on from a model: a folder that Glassbox or transformers saved, a "
        f"file of weights, or a run's id; its tokenizer is kept, and the learning rate is {GENTLE:g} unless given",
    )  # fmt: skip
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
        help="what products are computed in; auto: bfloat16 where a trial says that it is faster (default auto)",
    )  # fmt: skip
    group.add_argument("--compile", action="store_true", help="let torch.compile speed up the steps, if it can")
    group.add_argument("--shard", action="store_true", help="spread a model too large for one over the processes")


def train(args: argparse.Namespace) -> None:
    """Train a model as a run that the app lists too, alone or as one of the processes that torchrun started."""
    from llm.cli.watch import check_out, show_and_save, stopped_by_ctrl_c
    from llm.training.distributed import joined
    from llm.training.hardware import denormals_flushed

    check_out(args.out)
    # From the start, because torch's helping threads do as the one that first calls for them.
    with denormals_flushed(), joined(device_of(args.device)) as (worker, device):
        corpus, trainer, run = _begin(args)(args, worker, device)
        with stopped_by_ctrl_c(trainer):
            if run is not None:
                try:
                    show_and_save(corpus, trainer, run, args.out)
                except ConnectionError as lost:
                    raise ConnectionError(f"{lost} To go on: --resume {run.id}") from lost
                except OSError as error:
                    if is_full(error):
                        error.add_note(f"To go on: --resume {run.id}")
                    raise
            else:  # not the first of several processes: it works, and leaves talking and writing to that one
                list(trainer)


def _begin(args: argparse.Namespace) -> Callable[..., tuple[Text, Trainer, Run | None]]:
    """What makes the trainer: a run that goes on, another model to train on from, or a new model."""
    if args.resume:
        return _resumed_run
    return _run_from if getattr(args, "from") else _new_run


def _new_run(args: argparse.Namespace, worker: Worker, device: torch.device) -> tuple[Text, Trainer, Run | None]:
    # Both configs before the tokenizer, which can take a while to train.
    shape, config = SHAPE.replace(**given(args, MODEL_SETTINGS)), TrainConfig(**given(args, TRAIN_SETTINGS))
    worker = _equipped(worker, args, device, shape, config)
    with worker.first_here_goes_first():
        corpus = corpus_of(args)
        tokenizer = _tokenizer_for(corpus, args)
        prepared = _prepared(args.corpus or "", corpus, tokenizer)

    from llm.runs.assembly import make_run, make_trainer

    shape = shape.replace(vocab_size=tokenizer.vocab_size)
    trainer = make_trainer(prepared, shape, config, _asked(prepared), device=device, worker=worker)
    if not worker.is_first:
        return corpus, trainer, None
    run = make_run(home() / "runs", prepared, shape, config, corpus=corpus.name, name=args.name or "")
    return corpus, trainer, run


def _run_from(args: argparse.Namespace, worker: Worker, device: torch.device) -> tuple[Text, Trainer, Run | None]:
    """A new run that begins with the weights of another model, in that one's tokens."""
    source: str = getattr(args, "from")
    own = {"tokenizer", "vocab_size", "resume", *MODEL_SETTINGS} - {"dropout"}
    if fixed := [name for name in written(args) if name in own]:
        raise ValueError(f"{source} brings its shape and its tokenizer along; leave out {spelt(fixed)}.")
    config = TrainConfig(**{"learning_rate": GENTLE, **given(args, TRAIN_SETTINGS)})

    from llm.cli.origin import open_origin
    from llm.runs.assembly import make_run, make_trainer

    model, tokenizer, parent = open_origin(source)
    shape = model.config.replace(**given(args, ("dropout",)))
    worker = _equipped(worker, args, device, shape, config)
    with worker.first_here_goes_first():
        corpus = corpus_of(args)
        if misfit := tokenizer.misfit(corpus.text if isinstance(corpus, Corpus) else corpus.sample):
            raise ValueError(f"The tokenizer of {source} {misfit}; choose another text, or train a new model.")
        prepared = _prepared(args.corpus or "", corpus, tokenizer)
    asked = _asked(prepared)
    trainer = make_trainer(prepared, shape, config, asked, device=device, worker=worker, begin_with=model)
    if not worker.is_first:
        return corpus, trainer, None
    names = {"corpus": corpus.name, "name": args.name or ""}
    return corpus, trainer, make_run(home() / "runs", prepared, shape, config, parent=parent, **names)


def _resumed_run(args: argparse.Namespace, worker: Worker, device: torch.device) -> tuple[Text, Trainer, Run | None]:
    from llm.runs.assembly import check_text, resume_run
    from llm.runs.run import Run

    if fixed := [name for name in written(args) if name not in RESUMES_WITH]:
        raise ValueError(
            f"A run goes on with the settings it began with, but for --max-steps; leave out {spelt(fixed)}."
        )
    run = Run.open(home() / "runs", args.resume)
    names = [name for name in (run.corpus_ref, run.corpus) if name]
    if args.corpus is None and args.text is None:
        args.corpus = next((name for name in names if name in CORPORA), None)
    named = {args.corpus, args.text and args.text.name} & {*names}
    if not named and not (run.text_hash and args.text):  # with a hash the content decides, whatever its name
        raise ValueError(f"This run learns from {run.corpus}; give that file with --text.")
    worker = _equipped(worker, args, device, run.model_config, run.train_config)
    with worker.first_here_goes_first():
        corpus = corpus_of(args)
        check_text(run, corpus)
        prepared = _prepared(args.corpus or run.corpus_ref, corpus, run.tokenizer)
    where = "cpu" if worker.shard else device
    max_steps = getattr(args, "max_steps", None)
    trainer = resume_run(run, prepared, _asked(prepared), device=where, worker=worker, max_steps=max_steps)
    return corpus, trainer, run if worker.is_first else None


def _tokenizer_for(corpus: Text, args: argparse.Namespace) -> Tokenizer:
    """A new tokenizer; of a large text it learns from a sample, or from its characters if it needs them all."""
    kind = args.tokenizer or ("character" if args.corpus and task_of(args.corpus) else "bpe")
    known = corpus.text if isinstance(corpus, Corpus) else corpus.sample
    if isinstance(corpus, LargeText) and (known_kind := KINDS.get(kind)) and known_kind.needs_every_character:
        known = corpus.alphabet
    if kind in KINDS and not KINDS[kind].origin:
        of = f", a sample of the {corpus.n_characters:,} there are" if isinstance(corpus, LargeText) else ""
        say(f"Training a {kind} tokenizer on {len(known):,} characters{of} ...")
    return tokenizer_of(kind, known, args.vocab_size)


def _prepared(ref: str, corpus: Text, tokenizer: Tokenizer) -> Prepared:
    from llm.runs.assembly import prepare

    with bytes_shown("Cutting into tokens") as progress:
        return prepare(ref, corpus, tokenizer, progress)


def _asked(prepared: Prepared) -> Asked:
    """A sample that begins as the text does and, of a task, questions that training never shows."""
    questions = [ids for ids, item in zip(prepared.questions, prepared.exam, strict=True) if not item.seen]
    return {"prompt_ids": prepared.tokens[:1].tolist(), "questions": questions}


def _equipped(
    worker: Worker, args: argparse.Namespace, device: torch.device, shape: ModelConfig, config: TrainConfig
) -> Worker:
    import torch

    from llm.training.hardware import choose_dtype

    dtype = choose_dtype(device, args.dtype, shape.n_embd, config.batch_size * shape.n_ctx)
    # Measured alone, the processes may come to differ; all of them round where one gains by it.
    if worker.largest([float(dtype == torch.bfloat16)], device)[0]:
        dtype = torch.bfloat16
    return dataclasses.replace(worker, dtype=dtype, compile=args.compile, shard=args.shard)
