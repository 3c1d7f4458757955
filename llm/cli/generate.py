"""`python -m llm generate`: continue a prompt."""

from __future__ import annotations

import argparse
from typing import Any

from llm.cli.options import add_checkpoint, add_device, add_settings, command, device_of, given
from llm.config import SamplingConfig
from llm.settings import settings_of

SETTINGS = settings_of(SamplingConfig)


def add_generate(commands: Any) -> None:
    """The command and its options."""
    parser = command(
        commands,
        generate,
        "continue a prompt",
        'generate --checkpoint checkpoints/shakespeare --prompt "ROMEO:" --temperature 0.8',
    )  # fmt: skip
    add_checkpoint(parser)
    parser.add_argument("--prompt", default="", help="the text to continue; without it a new document begins")
    add_device(parser)
    parser.add_argument(
        "--weights", choices=("exact", "int8"), default="exact", help="int8 writes faster, with rounded weights (numba)"
    )
    add_settings(parser, "how tokens are drawn", SETTINGS)


def generate(args: argparse.Namespace) -> None:
    """Write the prompt and its continuation, token by token."""
    config = SamplingConfig(**given(args, SETTINGS))

    from llm.checkpoint import load_checkpoint
    from llm.completion import complete

    checkpoint = load_checkpoint(args.checkpoint, device_of(args.device))
    decoder = None
    if args.weights == "int8":
        from llm.int8_decoder import Int8Decoder

        decoder = Int8Decoder(checkpoint.model)
    pieces = complete(checkpoint.model, checkpoint.tokenizer, args.prompt, config, decoder=decoder)
    print(args.prompt, end="", flush=True)
    for piece in pieces:
        print(piece.text, end="", flush=True)
    print()
