"""The parser of `python -m llm`, and `main`, which runs one command.

Each option is called what the library and the playground call it. What goes wrong gets one sentence
on standard error and an exit code (`llm.cli.failures`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from llm.cli.ablate import add_ablate
from llm.cli.bench import add_bench
from llm.cli.convert import add_convert
from llm.cli.evaluate import add_evaluate
from llm.cli.failures import guarded
from llm.cli.generate import add_generate
from llm.cli.grokking import add_grokking
from llm.cli.options import Parser
from llm.cli.scale import add_scale
from llm.cli.serve import add_serve
from llm.cli.tokenize import add_tokenize
from llm.cli.train import add_train

COMMANDS = (
    add_serve,
    add_train,
    add_generate,
    add_evaluate,
    add_tokenize,
    add_convert,
    add_scale,
    add_ablate,
    add_grokking,
    add_bench,
)
"""In the order of --help; each adds one command with its options."""


def build_parser() -> Parser:
    """The whole command line; the parsed options hold in `run` what their command does."""
    parser = Parser(prog="python -m llm", description="Build, train and try a GPT-2 on the command line.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in COMMANDS:
        add(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, the process's own if None. Returns the exit code; --help and unknown options exit."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    args = build_parser().parse_args(arguments)
    return guarded(lambda: args.run(args))
