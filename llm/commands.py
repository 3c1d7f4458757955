"""What the command line does: generate, evaluate, tokenize, bench. `train` and `convert` have files of their own.

Each takes the parsed options, prints its results to standard output and everything else to
standard error, and raises ValueError for a person's mistake. Whatever needs torch is imported
inside, so that `tokenize` and every `--help` answer at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.config import SamplingConfig
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
from llm.tokenizers import KINDS, load_tokenizer, train_tokenizer

if TYPE_CHECKING:
    import torch


BENCHES = ("quality", "throughput", "decoding", "looking", "start")
SAMPLING_SETTINGS = tuple(field.name for field in dataclasses.fields(SamplingConfig))


def generate(args: argparse.Namespace) -> None:
    """Write the prompt and its continuation, token by token."""
    config = SamplingConfig.from_dict(given(args, SAMPLING_SETTINGS))

    from llm.checkpoint import load_checkpoint
    from llm.completion import complete

    checkpoint = load_checkpoint(args.checkpoint, device_of(args.device))
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
    from llm.training.questions import examine

    if args.lambada is not None or args.hellaswag is not None:
        _evaluate_cloze(args)
        return
    corpus = corpus_of(args)
    checkpoint = load_checkpoint(args.checkpoint, device_of(args.device))
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
    checkpoint = load_checkpoint(args.checkpoint, device_of(args.device))
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


def corpus_of(args: argparse.Namespace) -> Corpus:
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


def device_of(name: str) -> torch.device:
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
