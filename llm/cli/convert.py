"""The convert command: a Glassbox model from another project's GPT-2, and the way to transformers."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llm.cli.options import command, given
from llm.cli.output import say
from llm.config import ACTIVATIONS
from llm.tokenizers import GPT2Tokenizer, load_tokenizer

STATE_SETTINGS = ("n_head", "layout", "activation_function", "vocab_size")
"""What `model_from_state` must be told, because the weights don't say it; the vocabulary only if it is padded."""


def add_convert(commands: Any) -> None:
    """The command and its options."""
    parser = command(
        commands,
        convert,
        "make a Glassbox model of a GPT-2 from elsewhere, or of a Glassbox model a folder for transformers",
        "convert openai-community/gpt2 gpt2",
    )  # fmt: skip
    parser.add_argument(
        "source", help="a transformers folder, a model's name on the Hugging Face Hub, a file of weights "
        "(minGPT, nanoGPT; .safetensors, or .json that describes arrays), or a model that Glassbox saved",
    )  # fmt: skip
    parser.add_argument("out", type=Path, metavar="FOLDER", help="where the result goes; a new folder")
    parser.add_argument("--tokenizer", type=Path, metavar="FILE", help="the model's tokenizer.json (default: GPT-2's)")
    bare = parser.add_argument_group("what a bare file of weights can't say")
    for name, sentence in {
        "--n-head": "attention heads in each block",
        "--vocab-size": "keep so many tokens; nanoGPT pads GPT-2's 50257 to 50304",
    }.items():
        bare.add_argument(name, type=int, metavar="N", default=argparse.SUPPRESS, help=sentence)
    bare.add_argument(
        "--layout", choices=("linear", "conv1d"), default=argparse.SUPPRESS,
        help="how matrices lie: [out, in] as in torch's Linear (minGPT, nanoGPT), or [in, out] as in Conv1D (OpenAI)",
    )  # fmt: skip
    bare.add_argument(
        "--activation-function", choices=ACTIVATIONS, default=argparse.SUPPRESS,
        help="the tanh form (GPT-2, minGPT) or the exact GELU (nanoGPT since 2023, minGPT in 2020)",
    )  # fmt: skip


def convert(args: argparse.Namespace) -> None:
    """Make a Glassbox model of a GPT-2 from elsewhere, or a folder for transformers of a Glassbox model."""
    from llm.checkpoint import load_checkpoint, save_checkpoint
    from llm.weights.pretrained import is_glassbox, load_gpt2, save_gpt2
    from llm.weights.state_dicts import model_from_state, read_state

    if args.out.exists() and (not args.out.is_dir() or any(args.out.iterdir())):
        raise ValueError(f"{args.out} already holds something; choose a new folder.")
    source, options = Path(args.source), given(args, STATE_SETTINGS)
    bare = source.suffix in (".safetensors", ".json")
    unfit = [name for name in STATE_SETTINGS[:3] if name not in options] if bare else list(options)
    if unfit:
        names = ", ".join("--" + name.replace("_", "-") for name in unfit)
        raise ValueError(
            f"Weights alone don't say everything about a model; give {names} too."
            if bare
            else f"Only a bare file of weights needs {names}; leave that out."
        )
    if is_glassbox(source):
        checkpoint = load_checkpoint(source)
        save_gpt2(args.out, checkpoint.model, checkpoint.tokenizer)
        say(f"To open it: transformers.GPT2LMHeadModel.from_pretrained({str(args.out)!r})")
        return
    if bare:
        model = model_from_state(read_state(source), **options)
    else:
        with _bytes_shown() as progress:
            model = load_gpt2(args.source, progress)
    tokenizer = GPT2Tokenizer() if args.tokenizer is None else load_tokenizer(args.tokenizer)
    if tokenizer.vocab_size != model.config.vocab_size:
        raise ValueError(
            f"The model has {model.config.vocab_size:,} tokens and the tokenizer {tokenizer.vocab_size:,}; name the "
            "model's own with --tokenizer, or cut off a bare file's padding with --vocab-size."
        )
    save_checkpoint(args.out, model, tokenizer, info={"source": args.source})
    say(f"{model.config.n_params:,} parameters. To try it: python -m llm generate --checkpoint {args.out}")


@contextmanager
def _bytes_shown() -> Iterator[Callable[[int, int], None]]:
    """A progress bar for downloads, one file after another."""
    from tqdm import tqdm

    with tqdm(unit="B", unit_scale=True, disable=None, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total, bar.n = total, done
            bar.refresh()

        yield progress
