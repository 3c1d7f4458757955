"""The command line: `python -m llm train | generate | evaluate | tokenize | convert | bench`.

Each option is called what the library and the playground call it. A mistake gets one sentence on
standard error and exit code 2. What the commands do is in llm/train.py, llm/convert.py and llm/commands.py.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from llm import commands
from llm.config import ACTIVATIONS, HUGGING_FACE_ORDER, OPTIMIZERS, SCHEDULES, SamplingConfig, TrainConfig
from llm.convert import convert
from llm.corpora import CORPORA
from llm.tokenizers import KINDS
from llm.train import MODEL_SETTINGS, SHAPE, TRAIN_SETTINGS, train

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


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message[0].upper()}{message[1:]}; see {self.prog} --help.\n")


def build_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m llm", description="Build, train and try a GPT-2 on the command line.")
    add = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    trainer = _command(
        add, train,
        "train a model on a text; the app lists the run",
        "train --text notes.txt --max-steps 500 --out notes-model",
    )  # fmt: skip
    _add_text(trainer)
    trainer.add_argument(
        "--tokenizer", choices=KINDS, help="how text is cut into tokens (default character for a task, else bpe)"
    )
    trainer.add_argument("--vocab-size", type=int, metavar="N", help="most tokens of a bpe or whitespace tokenizer")
    trainer.add_argument("--out", type=Path, metavar="FOLDER", help="save the trained model here as well")
    trainer.add_argument("--name", help="what the app calls the run")
    trainer.add_argument("--resume", metavar="RUN", help="go on with a run, by its id; with --max-steps past its end")
    _add_machine(trainer)
    _add_settings(trainer, "the model", SHAPE, MODEL_SETTINGS)
    _add_settings(trainer, "the training", TrainConfig(), TRAIN_SETTINGS)

    generate = _command(
        add, commands.generate,
        "continue a prompt",
        'generate --checkpoint checkpoints/shakespeare --prompt "ROMEO:" --temperature 0.8',
    )  # fmt: skip
    _add_checkpoint(generate)
    generate.add_argument("--prompt", default="", help="the text to continue; without it a new document begins")
    _add_device(generate)
    _add_settings(generate, "how tokens are drawn", SamplingConfig(), commands.SAMPLING_SETTINGS)

    evaluate = _command(
        add, commands.evaluate,
        "measure how well a model predicts a text",
        "evaluate --checkpoint checkpoints/shakespeare --corpus tinyshakespeare",
    )  # fmt: skip
    _add_checkpoint(evaluate)
    source = _add_text(evaluate)
    source.add_argument("--lambada", type=Path, metavar="FILE", help="guess the last words of LAMBADA, a JSONL file")
    source.add_argument("--hellaswag", type=Path, metavar="FILE", help="choose the endings of HellaSwag, a JSONL file")
    evaluate.add_argument(
        "--split", choices=("validation", "all"), default="validation",
        help="the last tenth, which training leaves out, or the whole text (default validation)",
    )  # fmt: skip
    for name, sentence in {
        "--n-ctx": "tokens in a window (default: the model's context)",
        "--stride": "tokens from one window to the next (default: a whole window, no overlap)",
        "--batch-size": "windows read at a time",
    }.items():
        evaluate.add_argument(name, type=int, metavar="N", default=argparse.SUPPRESS, help=sentence)
    evaluate.add_argument("--json", action="store_true", help="print one JSON object")
    _add_device(evaluate)

    tokenize = _command(
        add, commands.tokenize, "show the tokens of a text", 'tokenize --tokenizer gpt2 "Hello, world!"'
    )  # fmt: skip
    tokenize.add_argument("text", nargs="?", help="the text; without it and --file, standard input is read")
    tokenize.add_argument("--file", type=Path, help="a UTF-8 text file instead")
    tokenize.add_argument(
        "--tokenizer", default="gpt2", metavar="NAME",
        help=f"{', '.join(KINDS)} (all but gpt2 learn from this very text), a tokenizer.json, or a saved model's "
        "folder (default gpt2)",
    )  # fmt: skip
    tokenize.add_argument("--vocab-size", type=int, metavar="N", help="most tokens of a bpe or whitespace tokenizer")
    tokenize.add_argument("--json", action="store_true", help="print one JSON object")

    converter = _command(
        add, convert,
        "make a Glassbox model of a GPT-2 from elsewhere, or of a Glassbox model a folder for transformers",
        "convert openai-community/gpt2 gpt2",
    )  # fmt: skip
    converter.add_argument(
        "source", help="a transformers folder, a model's name on the Hugging Face Hub, a file of weights "
        "(minGPT, nanoGPT; .safetensors, or .json that describes arrays), or a model that Glassbox saved",
    )  # fmt: skip
    converter.add_argument("out", type=Path, metavar="FOLDER", help="where the result goes; a new folder")
    converter.add_argument(
        "--tokenizer", type=Path, metavar="FILE", help="the model's tokenizer.json (default: GPT-2's)"
    )
    bare = converter.add_argument_group("what a bare file of weights can't say")
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
    bench = _command(
        add, commands.bench,
        "measure speed on this machine, against transformers in the same run",
        "bench quality throughput",
    )  # fmt: skip
    bench.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(commands.BENCHES)} (default: all)")
    bench.add_argument("--rounds", type=int, default=7, metavar="N", help="turns of each side (default 7)")
    return parser


def _command(add: Any, run: Callable[[argparse.Namespace], None], summary: str, example: str) -> _Parser:
    parser = add.add_parser(
        run.__name__,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog="example:\n  python -m llm " + example,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    return parser


def _add_text(parser: _Parser) -> Any:
    """Where a text comes from; returns the group, of which a person chooses one."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--corpus", choices=CORPORA, help="a text that Glassbox knows")
    source.add_argument(
        "--text", type=Path, metavar="FILE", help="a UTF-8 file of yours: text, or .csv or .jsonl with --column"
    )
    parser.add_argument("--column", metavar="NAME", help="the column of a .csv file, or the field of a .jsonl file")
    return source


def _add_checkpoint(parser: _Parser) -> None:
    parser.add_argument("--checkpoint", required=True, metavar="FOLDER", help="a model that Glassbox saved")


def _add_device(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--device", default="auto", help="cpu, cuda, mps or auto: a CUDA card if there is one")


def _add_machine(train: _Parser) -> None:
    """How this machine computes. Not part of a run's settings: it may go on with others, elsewhere."""
    group = train.add_argument_group(
        "the machine", "Several processes or machines train together when torchrun starts them: "
        "torchrun --nproc-per-node 2 -m llm train ...",
    )  # fmt: skip
    _add_device(group)
    group.add_argument(
        "--dtype", choices=("auto", "float32", "bfloat16"), default="auto",
        help="what products are computed in; auto: bfloat16 where the machine is fast with it (default auto)",
    )  # fmt: skip
    group.add_argument("--compile", action="store_true", help="let torch.compile speed up the steps, if it can")
    group.add_argument("--shard", action="store_true", help="spread a model too large for one over the processes")


def _add_settings(parser: _Parser, title: str, defaults: Any, names: tuple[str, ...]) -> None:
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, the process's own if None. Returns the exit code; --help and unknown options exit."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    args = build_parser().parse_args(arguments)
    try:
        args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    except ValueError as error:
        commands.say(str(error))
        return 2
    except ConnectionError as error:  # another process of the training, or a server
        commands.say(str(error))
        return 1
    except OSError as error:
        commands.say(f"{error.filename or 'The disk'} can't be used: {error.strerror or error}.")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
