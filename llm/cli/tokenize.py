"""`python -m llm tokenize`: the tokens of a text."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from llm.cli.options import add_encoding, add_vocab_size, command, tokenizer_of
from llm.cli.output import say
from llm.corpora import read_text_file, text_from_bytes
from llm.tokenizers import KINDS


def add_tokenize(commands: Any) -> None:
    """The command and its options."""
    ready = ", ".join(name for name, kind in KINDS.items() if kind.origin)
    parser = command(
        commands, tokenize, "show the tokens of a text", 'tokenize --tokenizer gpt2 "Hello, world!"'
    )  # fmt: skip
    parser.add_argument("text", nargs="?", help="the text; without it and --file, standard input is read")
    parser.add_argument("--file", type=Path, help="a text file instead")
    add_encoding(parser)
    parser.add_argument(
        "--tokenizer", default="gpt2", metavar="NAME",
        help=f"{', '.join(KINDS)} (all but {ready} learn from this very text), a tokenizer's file (tokenizer.json, "
        "vocab.json beside merges.txt, .tiktoken, an alphabet), or a folder that holds one (default gpt2)",
    )  # fmt: skip
    add_vocab_size(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def tokenize(args: argparse.Namespace) -> None:
    """Print each token's id and text."""
    if args.text is not None and args.file is not None:
        raise ValueError("Give the text itself or --file, not both.")
    if args.file is not None:
        text = read_text_file(args.file, encoding=args.encoding).text
    elif args.text is not None:
        text = args.text
    else:
        text = text_from_bytes(sys.stdin.buffer.read(), "standard input")
    tokenizer = tokenizer_of(args.tokenizer, text, args.vocab_size)
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


def _shown(piece: bytes) -> str:
    """A token in quotes: as text, or as bytes when it is only a part of a character."""
    try:
        return repr(piece.decode("utf-8"))
    except UnicodeDecodeError:
        return repr(piece)
