"""What the command line does: train, generate, evaluate, tokenize, bench.

Each takes the parsed options, prints its results to standard output and everything else to
standard error, and raises ValueError for a person's mistake. Whatever needs torch is imported
inside, so that `tokenize` and every `--help` answer at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.config import ModelConfig, SamplingConfig, TrainConfig
from llm.corpora import (
    CORPORA,
    Corpus,
    columns_of,
    corpus_floor,
    is_table,
    load_corpus,
    read_table,
    read_text_file,
    task_of,
    text_from_bytes,
)
from llm.paths import home
from llm.tokenizers import KINDS, load_tokenizer, train_tokenizer

if TYPE_CHECKING:
    import torch

    from llm.distributed import Worker
    from llm.events import Question
    from llm.runs import Run
    from llm.tokenizers import Tokenizer
    from llm.trainer import Trainer

SHAPE = ModelConfig(vocab_size=256, n_ctx=128, n_embd=128, n_head=4, n_layer=4)
"""What `train` builds unless told otherwise: a model that a laptop trains in minutes."""

MODEL_SETTINGS = ("n_layer", "n_head", "n_embd", "n_ctx", "dropout")
TRAIN_SETTINGS = tuple(field.name for field in dataclasses.fields(TrainConfig))
ENDS = {
    "stopped": "Stopped and saved",
    "time": "The time was up",
    "target": "The validation loss was as low as wanted",
    "patience": "The validation loss no longer fell",
}
"""How a training that can go on has ended, by the DoneEvent's reason."""
BENCHES = ("quality", "throughput", "decoding", "looking", "start")
EXAM = 64
"""Questions that an evaluation asks of a model that learns a task."""
SAMPLING_SETTINGS = tuple(field.name for field in dataclasses.fields(SamplingConfig))


def train(args: argparse.Namespace) -> None:
    """Train a model as a run that the app lists too, alone or as one of the processes that torchrun started."""
    from llm.checkpoint import CARD, FILES
    from llm.distributed import joined

    out: Path | None = args.out
    if out and out.exists() and not (out.is_dir() and {path.name for path in out.iterdir()} <= {*FILES, CARD}):
        raise ValueError(f"{out} already holds something that isn't a checkpoint; choose a new folder.")
    with joined(_device(args.device)) as (worker, device):
        corpus, trainer, run = (_resumed_run if args.resume else _new_run)(args, worker, device)
        with _stopped_by_ctrl_c(trainer):
            if run is not None:
                try:
                    _show_and_save(corpus, trainer, run, out)
                except ConnectionError as lost:
                    raise ConnectionError(f"{lost} To go on: --resume {run.id}") from lost
            else:  # not the first of several processes: it works, and leaves talking and writing to that one
                list(trainer)


def _show_and_save(corpus: Corpus, trainer: Trainer, run: Run, out: Path | None) -> None:
    """Train, showing loss and samples as they come and writing all down in the run."""
    from tqdm import tqdm

    from llm.checkpoint import save_checkpoint
    from llm.events import DoneEvent, EvalEvent, ExamEvent, SampleEvent, StepEvent

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
        corpus = _corpus(args)
    kind = args.tokenizer or ("character" if task_of(corpus.name) else "bpe")
    if kind != "gpt2":
        say(f"Training a {kind} tokenizer on {len(corpus.text):,} characters ...")
    tokenizer = train_tokenizer(kind, corpus.text, args.vocab_size)

    from llm.data import encode_corpus, split
    from llm.model import GPT
    from llm.runs import Run
    from llm.trainer import Trainer

    tokens = encode_corpus(tokenizer, corpus.text)
    model = GPT(shape.replace(vocab_size=tokenizer.vocab_size), seed=config.seed)
    if not worker.shard:  # else it goes to the device in parts
        model.to(device)
    trainer = Trainer(
        model,
        *split(tokens),
        config,
        prompt_ids=tokens[:1].tolist(),
        worker=worker,
        questions=_questions(corpus, tokenizer),
    )
    if not worker.is_first:
        return corpus, trainer, None
    run = Run.create(
        home() / "runs",
        model.config,
        config,
        tokenizer,
        corpus=corpus.name,
        corpus_ref=args.corpus or "",
        name=args.name or "",
    )
    return corpus, trainer, run


def _resumed_run(args: argparse.Namespace, worker: Worker, device: torch.device) -> tuple[Corpus, Trainer, Run | None]:
    from llm.data import encode_corpus, split
    from llm.runs import Run

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
        corpus = _corpus(args)
    tokens = encode_corpus(run.tokenizer, corpus.text)
    trainer = run.resume(
        *split(tokens),
        prompt_ids=tokens[:1].tolist(),
        device="cpu" if worker.shard else device,
        worker=worker,
        max_steps=max_steps,
        questions=_questions(corpus, run.tokenizer),
    )
    return corpus, trainer, run if worker.is_first else None


def _questions(corpus: Corpus, tokenizer: Tokenizer) -> list[Question]:
    """What evaluations ask: of a task some questions, of any other text nothing."""
    from llm.questions import ask

    task = task_of(corpus.name)
    return ask(tokenizer, task, EXAM) if task else []


def _equipped(worker: Worker, args: argparse.Namespace, device: torch.device, n_embd: int) -> Worker:
    from llm.hardware import choose_dtype

    dtype = choose_dtype(device, args.dtype, n_embd)
    fast = args.dtype == "auto" and device.type == "cpu"
    return dataclasses.replace(worker, dtype=dtype, fast_products=fast, compile=args.compile, shard=args.shard)


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


def generate(args: argparse.Namespace) -> None:
    """Write the prompt and its continuation, token by token."""
    config = SamplingConfig.from_dict(given(args, SAMPLING_SETTINGS))

    from llm.checkpoint import load_checkpoint
    from llm.completion import complete

    checkpoint = load_checkpoint(args.checkpoint, _device(args.device))
    pieces = complete(checkpoint.model, checkpoint.tokenizer, args.prompt, config)
    print(args.prompt, end="", flush=True)
    for piece in pieces:
        print(piece.text, end="", flush=True)
    print()


def evaluate(args: argparse.Namespace) -> None:
    """Print loss, perplexity and bits per byte, what they were measured with, and a task's share of right answers."""
    from tqdm import tqdm

    from llm.checkpoint import load_checkpoint
    from llm.data import encode_corpus, split
    from llm.evaluate import evaluate as score
    from llm.questions import examine

    if args.lambada is not None or args.hellaswag is not None:
        _evaluate_cloze(args)
        return
    corpus = _corpus(args)
    checkpoint = load_checkpoint(args.checkpoint, _device(args.device))
    tokenizer = checkpoint.tokenizer
    tokens = encode_corpus(tokenizer, corpus.text)
    if args.split == "validation":
        tokens = split(tokens).validation
    lost = tokenizer.what_is_lost(corpus.text)  # bytes that no token stands for can't be counted
    lengths = None if lost else [len(tokenizer.token_bytes(id)) for id in range(tokenizer.vocab_size)]
    with tqdm(unit="window", disable=None, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        windows = given(args, ("n_ctx", "stride", "batch_size"))
        result = score(checkpoint.model, tokens, bytes_per_id=lengths, on_progress=progress, **windows)
    floor = corpus_floor(corpus.name, tokenizer) if args.corpus else None
    task = task_of(corpus.name) if args.corpus else None
    accuracy = examine(checkpoint.model, tokenizer, task) if task else None

    if args.json:
        measured = {"text": corpus.name, "split": args.split, **dataclasses.asdict(result)}
        measured |= {"perplexity": result.perplexity, "bits_per_byte": result.bits_per_byte}
        measured |= {"floor": dataclasses.asdict(floor)} if floor else {}
        measured |= {"exact_match": dataclasses.asdict(accuracy)} if accuracy else {}
        print(json.dumps(measured))
        return
    print(f"text           {corpus.name}, {'its last tenth' if args.split == 'validation' else 'all of it'}")
    print(f"loss           {result.loss:.4f} nats a token, over {result.tokens:,} tokens")
    if floor:
        error = f" (+- {floor.standard_error:.4f})" if floor.standard_error else ""
        print(f"floor          {floor.value:.4f} nats a token{error}: no model gets lower")
    print(f"perplexity     {result.perplexity:,.2f}")
    print(f"bits per byte  {f'unknown. {lost}' if lost else f'{result.bits_per_byte:.4f}'}")
    print(f"measured with  a context of {result.n_ctx} tokens and a stride of {result.stride}")
    if task and accuracy:
        kind = "that training never shows" if task.holds_out else "newly drawn"
        share = f"{accuracy.share:.2%} (+- {accuracy.standard_error:.2%})"
        print(f"exact match    {share} of {accuracy.total:,} questions {kind}")


def _evaluate_cloze(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from llm import cloze
    from llm.checkpoint import load_checkpoint

    windows = ["--" + name.replace("_", "-") for name in given(args, ("n_ctx", "stride", "batch_size"))]
    if windows:
        raise ValueError(f"Each passage is read whole; leave out {', '.join(windows)}.")
    test, path = (cloze.lambada, args.lambada) if args.lambada is not None else (cloze.hellaswag, args.hellaswag)
    checkpoint = load_checkpoint(args.checkpoint, _device(args.device))
    with tqdm(unit="line", disable=None, leave=False) as bar:
        score = test(checkpoint.model, checkpoint.tokenizer, path, on_progress=lambda done: bar.update())
    values = dataclasses.asdict(score)
    if args.json:
        print(json.dumps({"test": test.__name__, "file": path.name, **values}))
        return
    for name, value in values.items():
        shown = f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
        print(f"{name.replace('_', ' '):<22}{shown}")


def tokenize(args: argparse.Namespace) -> None:
    """Print each token's id and text."""
    if args.text is not None and args.file is not None:
        raise ValueError("Give the text itself or --file, not both.")
    if args.file is not None:
        text = read_text_file(args.file).text
    elif args.text is not None:
        text = args.text
    else:
        text = text_from_bytes(sys.stdin.buffer.read(), "standard input")
    if args.tokenizer in KINDS:
        tokenizer = train_tokenizer(args.tokenizer, text, args.vocab_size)
    else:
        path = Path(args.tokenizer)
        tokenizer = load_tokenizer(path / "tokenizer.json" if path.is_dir() else path)

    ids = tokenizer.encode(text)
    if args.json:
        pieces = [tokenizer.token_bytes(id).decode("utf-8", "replace") for id in ids]
        print(json.dumps({"kind": tokenizer.kind, "ids": ids, "pieces": pieces}, ensure_ascii=False))
    else:
        for id in ids:
            print(f"{id:>7}  {_shown(tokenizer.token_bytes(id))}")
        print(f"{len(ids):,} tokens, {len(text):,} characters, {len(text.encode('utf-8', 'replace')):,} bytes")
    if lost := tokenizer.what_is_lost(text):
        say(lost)


def bench(args: argparse.Namespace) -> None:
    """Print how fast this machine trains, writes and looks inside, and how fast others do."""
    unknown = [part for part in args.parts if part not in BENCHES]
    if unknown:
        raise ValueError(f"There is no part {unknown[0]!r}; choose {', '.join(BENCHES)}.")
    if not 1 <= args.rounds <= 1_000:
        raise ValueError(f"--rounds is {args.rounds}; use 1 to 1000.")

    from llm.bench import measure

    measure(args.parts or BENCHES, args.rounds)


def _shown(piece: bytes) -> str:
    """A token in quotes: as text, or as bytes when it is only a part of a character."""
    try:
        return repr(piece.decode("utf-8"))
    except UnicodeDecodeError:
        return repr(piece)


def given(args: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    """The settings that were written on the command line; the others keep their defaults."""
    return {name: getattr(args, name) for name in names if name in args}


def _corpus(args: argparse.Namespace) -> Corpus:
    if args.column is not None or (args.text is not None and is_table(args.text)):
        if args.text is None:
            raise ValueError("--column chooses the column of a table; give its file with --text.")
        if args.column is None:
            raise ValueError(f"{args.text.name} is a table; give a --column: {', '.join(columns_of(args.text))[:300]}.")
        return read_table(args.text, args.column)
    if args.text is not None:
        return read_text_file(args.text)
    if args.corpus is not None:
        return load_corpus(args.corpus)
    raise ValueError(f"Name a text: --text FILE, or --corpus {' or '.join(CORPORA)}.")


def _device(name: str) -> torch.device:
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # unknown, absent, or not in this torch
        raise ValueError(f"There is no device {name!r} here; use --device cpu.") from error


def say(sentence: str) -> None:
    """To standard error, so that standard output holds results only. Of the processes of a machine one speaks."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        print(sentence, file=sys.stderr, flush=True)
