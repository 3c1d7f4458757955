"""The convert command: a Glassbox model from another project's GPT-2, and the way to transformers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from llm.cli.options import command, given, tokenizer_of
from llm.cli.output import bytes_shown, say
from llm.config import ACTIVATIONS

BARE = ("n_head", "activation_function", "vocab_size")
"""What a bare file of weights may not say."""
GUIDE = """what is read, and what is found out from it:
  a transformers folder, or a name on the Hub    config.json, model.safetensors or pytorch_model.bin, shards too
  minGPT, nanoGPT        .pt or .safetensors     of nanoGPT's .pt its model_args; else --n-head, --activation-function
  Raschka's book         .pth or .safetensors    --n-head, unless it is one of GPT-2's four sizes
  TransformerLens        .pt or .safetensors     HookedTransformer's state_dict, LayerNorms folded or not
  arrays in raw files    .json                   {"wte.weight": {"dtype", "shape", "file", "offset"}, ...}
  a model that Glassbox saved                    becomes a folder for transformers
Names tell the layout. A config.json and a tokenizer beside a file are read too: tokenizer.json, vocab.json with
merges.txt, .tiktoken, or an alphabet in meta.json (nanoGPT's stoi and itos). Where none lies there and the size
fits, GPT-2's own vocabulary is taken. Whatever was read and taken for granted is printed. A .pt, .pth or .bin is
read for its numbers alone, in a process of its own; one that holds Python objects is refused.

"""


def add_convert(commands: Any) -> None:
    """The command and its options."""
    parser = command(
        commands,
        convert,
        "make a Glassbox model of a GPT-2 from elsewhere, or of a Glassbox model a folder for transformers",
        "convert openai-community/gpt2 gpt2",
        "convert gpt2-from-the-book.pth book",
        "convert out/ckpt.pt nano --tokenizer meta.json",
        guide=GUIDE,
    )
    parser.add_argument("source", help="a folder, a file of weights, or a model's name on the Hugging Face Hub")
    parser.add_argument("out", type=Path, metavar="FOLDER", help="where the result goes; a new folder")
    parser.add_argument(
        "--tokenizer", metavar="FILE", help="the model's tokenizer, if none lies beside it: its file or folder, or gpt2"
    )
    bare = parser.add_argument_group("what a bare file of weights may not say")
    for name, sentence in {
        "--n-head": "attention heads in each block",
        "--vocab-size": "keep so many tokens, where padding is not what the tokenizer's size tells",
    }.items():
        bare.add_argument(name, type=int, metavar="N", default=argparse.SUPPRESS, help=sentence)
    bare.add_argument(
        "--activation-function", choices=ACTIVATIONS, default=argparse.SUPPRESS,
        help="the tanh form (GPT-2, minGPT), the exact GELU (nanoGPT since 2023, minGPT in 2020), or another",
    )  # fmt: skip


def convert(args: argparse.Namespace) -> None:
    """Make a Glassbox model of a GPT-2 from elsewhere, or a folder for transformers of a Glassbox model."""
    from llm.weights.bring import open_any
    from llm.weights.containers import SUFFIXES
    from llm.weights.hub import WEIGHTS
    from llm.weights.pretrained import is_glassbox

    if args.out.exists() and (not args.out.is_dir() or any(args.out.iterdir())):
        raise ValueError(f"{args.out} already holds something; choose a new folder.")
    source, options = Path(args.source), given(args, BARE)
    kept = source.parent if source.name == WEIGHTS else source
    if is_glassbox(kept):
        if options or args.tokenizer:
            names = ", ".join(
                "--" + name.replace("_", "-") for name in [*options, *["tokenizer"] * bool(args.tokenizer)]
            )
            raise ValueError(f"Only a bare file of weights needs {names}; leave that out.")
        _to_transformers(kept, args.out)
        return
    tokenizer = None if args.tokenizer is None else tokenizer_of(args.tokenizer, "", None)
    if not source.exists():
        if source.suffix.lower() in SUFFIXES:
            raise ValueError(f"{source} is missing; check its name.")
        source = _from_the_hub(args.source, with_tokenizer=tokenizer is None)
    for note in open_any(source, args.out, tokenizer=tokenizer, source=args.source, **options):
        say(note)
    say(f"To try it: python -m llm generate --checkpoint {args.out}")


def _to_transformers(source: Path, out: Path) -> None:
    from llm.checkpoint import load_checkpoint
    from llm.weights.pretrained import save_gpt2

    checkpoint = load_checkpoint(source)
    without = save_gpt2(out, checkpoint.model, checkpoint.tokenizer)
    if without is not None:
        say(without)
    say(f"To open it: transformers.GPT2LMHeadModel.from_pretrained({str(out)!r})")


def _from_the_hub(name: str, *, with_tokenizer: bool) -> Path:
    from llm.weights.hub import OWN_VOCABULARY, fetch_model, fetch_tokenizer

    with bytes_shown() as progress:
        folder = fetch_model(name, progress)
        if with_tokenizer and name not in OWN_VOCABULARY:
            fetch_tokenizer(name, folder, progress)
    return folder
