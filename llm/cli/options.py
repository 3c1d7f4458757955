"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from llm.cli.output import bytes_shown, say
from llm.corpora import CORPORA, Text, load_corpus, own_files, read_own_text
from llm.settings import Setting
from llm.tokenizers import KINDS, Tokenizer, open_tokenizer, train_tokenizer

if TYPE_CHECKING:
    import torch


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message[0].upper()}{message[1:]}; see {self.prog} --help.\n")


def command(
    commands: Any, run: Callable[[argparse.Namespace], None], summary: str, *examples: str, guide: str = ""
) -> Parser:
    """One command, called what the function is called that runs it; a `guide` stands below its options."""
    parser: Parser = commands.add_parser(
        run.__name__,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=guide + "example:\n  python -m llm " + "\n  python -m llm ".join(examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run, parser=parser)
    return parser


def written(args: argparse.Namespace) -> list[str]:
    """The options that were written on the command line, but for those that say what holds anyway."""
    rest = {name: value for name, value in vars(args).items() if name not in ("run", "parser")}
    return [name for name, value in rest.items() if value != args.parser.get_default(name)]


def spelt(names: Iterable[str]) -> str:
    """Options as a person writes them."""
    return ", ".join("--" + name.replace("_", "-") for name in names)


def add_text(parser: Parser) -> Any:
    """Where a text comes from; returns the group, of which a person chooses one."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--corpus", choices=CORPORA, help="a text that Glassbox knows")
    source.add_argument(
        "--text", type=Path, metavar="PATH",
        help="a file of yours, of any size, or a folder of files: text, or .csv, .tsv, .jsonl, .json, .parquet with "
        "--column; each may be gzipped",
    )  # fmt: skip
    parser.add_argument("--column", metavar="NAME", help="the column of a table, or the field of its JSON objects")
    add_encoding(parser)
    return source


def add_encoding(parser: Parser) -> None:
    """How a file spells its text."""
    parser.add_argument("--encoding", metavar="NAME", help="the file's encoding, such as cp1252 (default: UTF-8)")


def corpus_of(args: argparse.Namespace) -> Text:
    """The text that the options of `add_text` name. Raises ValueError when they name none, or not one alone."""
    if args.text is None and (args.column is not None or args.encoding is not None):
        raise ValueError(
            "--column chooses the column of a table; give its file with --text."
            if args.column is not None
            else "--encoding is that of a file; give it with --text."
        )
    if args.text is not None:
        own = own_files(args.text, args.column, args.encoding)
        if own.left_out:
            say(f"{own.left_out:,} other files of {args.text} are left out.")
        with bytes_shown("Reading") as progress:
            return read_own_text(own, progress)
    if args.corpus is not None:
        return load_corpus(args.corpus)
    raise ValueError(f"Name a text: --text PATH, or --corpus {' or '.join(CORPORA)}.")


def add_vocab_size(parser: Parser) -> None:
    """How large the vocabulary gets, where one may choose."""
    sized = " or ".join(name for name, kind in KINDS.items() if kind.sized)
    parser.add_argument("--vocab-size", type=int, metavar="N", help=f"most tokens of a {sized} tokenizer")


def tokenizer_of(name: str, text: str, vocab_size: int | None) -> Tokenizer:
    """A tokenizer of one of KINDS, learnt from `text`, or else the one that a file or a folder of that name holds."""
    if name in KINDS:
        return train_tokenizer(name, text, vocab_size)
    if vocab_size is not None:
        raise ValueError("--vocab-size is for a tokenizer that is trained; one from a file has its own.")
    if not Path(name).exists():
        raise ValueError(f"{name!r:.80} is no tokenizer; name {', '.join(KINDS)}, a file or a folder that holds one.")
    return open_tokenizer(name)


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


def add_settings(parser: argparse.ArgumentParser, title: str, settings: Mapping[str, Setting]) -> None:
    """One option for each setting. What isn't given stays out, so that the config's default holds."""
    group = parser.add_argument_group(title)
    for name, setting in settings.items():
        help = setting.help.rstrip(".").replace("%", "%%") + _default(setting)
        option = "--" + name.replace("_", "-")
        group.add_argument(option, default=argparse.SUPPRESS, help=help.lstrip(), **_form(setting))


def _form(setting: Setting) -> dict[str, Any]:
    """How the value of an option is written, as add_argument takes it."""
    match setting.kind:
        case "whole":
            return {"type": int, "metavar": "N"}
        case "number":
            return {"type": float, "metavar": "N"}
        case "switch":
            return {"action": argparse.BooleanOptionalAction}
        case "choice":
            return {"choices": setting.choices}
        case "order":
            return {"nargs": len(setting.choices), "choices": setting.choices, "metavar": "NAME"}
        case "texts":
            return {"action": "append", "metavar": "TEXT"}
        case "text":
            return {"metavar": "TEXT"}
    return {"type": _from_json, "metavar": "JSON"}


def _default(setting: Setting) -> str:
    match setting.kind, setting.default:
        case "switch", value:
            return f" (default {'on' if value else 'off'})"
        case "order", names:
            return f" (default {' '.join(names)})"
        case "number", float() | int() as value:
            return f" (default {value:g})"
        case _, () | "" | dataclasses.MISSING:
            return ""
        case _, value:
            return f" (default {value})"
    return ""


def _from_json(text: str) -> Any:
    """A value of a kind that has no form of its own; what isn't JSON is a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def given(args: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """The settings that were written on the command line; the others keep their defaults."""
    values = {name: getattr(args, name) for name in names if name in args}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
