"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from llm.config import HUGGING_FACE_ORDER, OPTIMIZERS, SCHEDULES
from llm.corpora import CORPORA, Corpus, columns_of, is_table, load_corpus, read_table, read_text_file

if TYPE_CHECKING:
    import torch


HELP = {
    # the model
    "n_layer": "blocks that follow one another",
    "n_head": "attention heads in each block; they share the width evenly",
    "n_embd": "width: the length of each token's vector",
    "n_ctx": "context: the most tokens the model can look at",
    "dropout": "share of values zeroed while training",
    # the training
    "max_steps": "optimiser steps in all",
    "batch_size": "sequences a step",
    "grad_accum_steps": "batches whose gradients make one step",
    "optimizer": "AdamW throughout, or Muon for the matrices of the blocks, which learns faster",
    "learning_rate": "peak learning rate of AdamW",
    "matrix_learning_rate": "peak learning rate of Muon",
    "schedule": "how the learning rate falls after the warm-up",
    "min_lr_ratio": "where it ends, as a share of the peak",
    "warmup_steps": "steps over which the learning rate rises",
    "weight_decay": "decay of the weight matrices",
    "beta1": "how long AdamW remembers the gradient",
    "beta2": "how long AdamW remembers its square",
    "grad_clip": "largest norm of the gradient; 0 is off",
    "eval_interval": "steps between evaluations and samples",
    "eval_windows": "windows of each split that an evaluation reads",
    "sample_tokens": "tokens in each sample; 0 is off",
    "layer_stats": "also write down each layer's norms and its heads' attention entropy at evaluations",
    "max_seconds": "stop after so many seconds of steps; 0 is off",
    "target_loss": "stop once the validation loss is at most this; 0 is off",
    "patience": "stop after so many evaluations without a new lowest validation loss; 0 is off",
    "seed": "the same seed gives the same result",
    # how tokens are drawn
    "repetition_penalty": "above 1 makes tokens that already occur less likely; 1 is off",
    "temperature": "below 1 plays safe, above 1 takes chances, 0 always takes the likeliest token",
    "top_k": "keep only the k likeliest tokens; 0 is off",
    "top_p": "keep the likeliest tokens that hold this share of the probability; 1 is off",
    "min_p": "drop tokens below this share of the likeliest one's probability; 0 is off",
    "typical_p": "keep the tokens about as surprising as expected that hold this share; 1 is off",
    "order": "which of the settings above acts first, second, ...: all six names",
    "max_new_tokens": "tokens to write at most",
    "stop": "end before this text; may be given more than once",
}


CHOICES = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES, "order": HUGGING_FACE_ORDER}


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message[0].upper()}{message[1:]}; see {self.prog} --help.\n")


def command(commands: Any, run: Callable[[argparse.Namespace], None], summary: str, example: str) -> Parser:
    """One command, called what the function is called that runs it."""
    parser: Parser = commands.add_parser(
        run.__name__,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog="example:\n  python -m llm " + example,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    return parser


def add_text(parser: Parser) -> Any:
    """Where a text comes from; returns the group, of which a person chooses one."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--corpus", choices=CORPORA, help="a text that Glassbox knows")
    source.add_argument(
        "--text", type=Path, metavar="FILE", help="a UTF-8 file of yours: text, or .csv or .jsonl with --column"
    )
    parser.add_argument("--column", metavar="NAME", help="the column of a .csv file, or the field of a .jsonl file")
    return source


def corpus_of(args: argparse.Namespace) -> Corpus:
    """The text that the options of `add_text` name. Raises ValueError when they name none, or not one alone."""
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


def add_checkpoint(parser: Parser) -> None:
    """Which model."""
    parser.add_argument("--checkpoint", required=True, metavar="FOLDER", help="a model that Glassbox saved")


def add_device(parser: argparse._ActionsContainer) -> None:
    """Where to compute."""
    parser.add_argument("--device", default="auto", help="cpu, cuda, mps or auto: a CUDA card if there is one")


def device_of(name: str) -> torch.device:
    """The device that `add_device` names. Raises ValueError when it isn't here."""
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # unknown, absent, or not in this torch
        raise ValueError(f"There is no device {name!r} here; use --device cpu.") from error


def add_settings(parser: Parser, title: str, defaults: Any, names: tuple[str, ...]) -> None:
    """One option for each field of a config. What isn't given stays out, so that the config's default holds."""
    group = parser.add_argument_group(title)
    for name in names:
        option, default = "--" + name.replace("_", "-"), getattr(defaults, name)
        if name == "order":
            group.add_argument(
                option, nargs=len(default), choices=CHOICES[name], metavar="NAME", default=argparse.SUPPRESS,
                help=f"{HELP[name]} (default Hugging Face's: {' '.join(default)})",
            )  # fmt: skip
        elif isinstance(default, tuple):
            group.add_argument(option, action="append", metavar="TEXT", default=argparse.SUPPRESS, help=HELP[name])
        elif isinstance(default, bool):
            group.add_argument(option, action="store_true", default=argparse.SUPPRESS, help=HELP[name])
        elif name in CHOICES:
            sentence = f"{HELP[name]} (default {default})"
            group.add_argument(option, choices=CHOICES[name], default=argparse.SUPPRESS, help=sentence)
        else:
            sentence = f"{HELP[name]} (default {default:g})"
            group.add_argument(option, type=type(default), metavar="N", default=argparse.SUPPRESS, help=sentence)


def given(args: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    """The settings that were written on the command line; the others keep their defaults."""
    return {name: getattr(args, name) for name in names if name in args}
