"""`python -m llm generate`: continue a prompt."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from llm.cli.options import add_checkpoint, add_device, add_encoding, add_settings, command, device_of, given
from llm.config import SamplingConfig
from llm.corpora import read_text_file
from llm.settings import settings_of

SETTINGS = settings_of(SamplingConfig)
MAX_SAMPLES = 10_000


def add_generate(commands: Any) -> None:
    """The command and its options."""
    parser = command(
        commands,
        generate,
        "continue a prompt",
        'generate --checkpoint checkpoints/shakespeare --prompt "ROMEO:" --temperature 0.8',
    )  # fmt: skip
    add_checkpoint(parser)
    prompt = parser.add_mutually_exclusive_group()
    prompt.add_argument("--prompt", default="", help="the text to continue; without it a new document begins")
    prompt.add_argument(
        "--prompt-file", type=Path, metavar="FILE", help="a file with that text, but for its last line end"
    )
    add_encoding(parser)
    parser.add_argument(
        "--samples", type=int, default=1, metavar="N", help="so many texts, with --seed and the seeds after it"
    )
    add_device(parser)
    parser.add_argument(
        "--weights", choices=("exact", "int8"), default="exact", help="int8 writes faster, with rounded weights (numba)"
    )
    add_settings(parser, "how tokens are drawn", SETTINGS)


def generate(args: argparse.Namespace) -> None:
    """Write the prompt and its continuation, token by token; of several samples each below a line with its seed."""
    config = SamplingConfig(**given(args, SETTINGS))
    if not 1 <= args.samples <= MAX_SAMPLES:
        raise ValueError(f"--samples is {args.samples}; use 1 to {MAX_SAMPLES:,}.")
    configs = [config.replace(seed=config.seed + i) for i in range(args.samples)]
    if args.encoding is not None and args.prompt_file is None:
        raise ValueError("--encoding is that of a file; give it with --prompt-file.")
    prompt = args.prompt
    if args.prompt_file is not None:
        prompt = read_text_file(args.prompt_file, encoding=args.encoding).text.removesuffix("\n")

    from llm.checkpoint import load_checkpoint
    from llm.completion import complete

    checkpoint = load_checkpoint(args.checkpoint, device_of(args.device))
    decoder = None
    if args.weights == "int8":
        from llm.int8_decoder import Int8Decoder, Int8Weights

        decoder = Int8Decoder(Int8Weights(checkpoint.model))
    for number, config in enumerate(configs, start=1):
        pieces = complete(checkpoint.model, checkpoint.tokenizer, prompt, config, decoder=decoder)
        if len(configs) > 1:
            print(f"--- {number} of {len(configs):,}, seed {config.seed}")
        print(prompt, end="", flush=True)
        for piece in pieces:
            print(piece.text, end="", flush=True)
        print()
