"""`python -m llm evaluate`: how well a model predicts a text."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from llm.cli.options import add_checkpoint, add_device, add_text, command, corpus_of, device_of, given
from llm.cli.output import bytes_shown
from llm.corpora import Corpus, Text, corpus_floor, task_of
from llm.tokenizers import Tokenizer


def add_evaluate(commands: Any) -> None:
    """The command and its options."""
    parser = command(
        commands,
        evaluate,
        "measure how well a model predicts a text",
        "evaluate --checkpoint checkpoints/shakespeare --corpus tinyshakespeare",
    )  # fmt: skip
    add_checkpoint(parser)
    source = add_text(parser)
    source.add_argument("--lambada", type=Path, metavar="FILE", help="guess the last words of LAMBADA, a JSONL file")
    source.add_argument("--hellaswag", type=Path, metavar="FILE", help="choose the endings of HellaSwag, a JSONL file")
    parser.add_argument(
        "--split", choices=("validation", "all"), default="validation",
        help="what training leaves out, the last tenth or a task's held-out questions, or the whole text "
        "(default validation)",
    )  # fmt: skip
    for name, sentence in {
        "--n-ctx": "tokens in a window (default: the model's context)",
        "--stride": "tokens from one window to the next (default: a whole window, no overlap)",
        "--batch-size": "windows read at a time",
    }.items():
        parser.add_argument(name, type=int, metavar="N", default=argparse.SUPPRESS, help=sentence)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_device(parser)


def evaluate(args: argparse.Namespace) -> None:
    """Print loss, perplexity and bits per byte, what they were measured with, and a task's share of right answers."""
    from tqdm import tqdm

    from llm.checkpoint import load_checkpoint
    from llm.data import splits_of, tokens_of
    from llm.evaluate import evaluate as score
    from llm.training.questions import examine

    if args.lambada is not None or args.hellaswag is not None:
        _evaluate_benchmark(args)
        return
    corpus = corpus_of(args)
    checkpoint = load_checkpoint(args.checkpoint, device_of(args.device))
    tokenizer = checkpoint.tokenizer
    with bytes_shown("Cutting into tokens") as reading:
        tokens = tokens_of(tokenizer, corpus, reading)
    if args.split == "validation":
        tokens = splits_of(tokenizer, corpus, tokens).validation
    lost = _lost(tokenizer, corpus)  # bytes that no token stands for can't be counted
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


def _lost(tokenizer: Tokenizer, text: Text) -> str | None:
    """A sentence on what the tokenizer changes in the text; None when it comes back exactly."""
    if isinstance(text, Corpus) or not tokenizer.loses:
        return next(filter(None, map(tokenizer.what_is_lost, text.pieces())), None)
    return f"Lost are: {tokenizer.loses[0].lower()}{tokenizer.loses[1:]}"


def _evaluate_benchmark(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from llm import benchmarks
    from llm.checkpoint import load_checkpoint

    windows = ["--" + name.replace("_", "-") for name in given(args, ("n_ctx", "stride", "batch_size"))]
    if windows:
        raise ValueError(f"Each passage is read whole; leave out {', '.join(windows)}.")
    test, path = (
        (benchmarks.lambada, args.lambada) if args.lambada is not None else (benchmarks.hellaswag, args.hellaswag)
    )
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
