"""Whatever a person brings becomes a folder that Glassbox opens.

    notes = open_any(Path("gpt2-from-the-book.pth"), Path("book"), n_head=12)

A transformers folder, a state dict in any of llm/weights/layouts.py as safetensors or as torch
saved it, alone or with a config.json and a tokenizer beside it, or a model that Glassbox saved.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm.checkpoint import load_checkpoint, save_checkpoint
from llm.files import read_json
from llm.model import GPT
from llm.tokenizers import GPT2Tokenizer, Tokenizer, tokenizer_in
from llm.weights.containers import SUFFIXES, read_contents
from llm.weights.hub import CONFIG, WEIGHTS
from llm.weights.pretrained import gpt2_from_files, is_glassbox, weight_files
from llm.weights.state_dicts import UntoldError, cut_vocabulary, model_from_state

PADDED_TO = (8, 16, 32, 64, 128, 256, 512, 1024)
"""Multiples to which vocabularies are padded, because some cards are faster with them."""
_NOT_WEIGHTS = re.compile(
    r".*(config|index|vocab|tokens(_map)?|tokenizer|meta|args|state_?\w*)\.json|training_args\.bin|"
    r"(optimizer|scheduler|scaler|rng_state\w*)\.(pt|pth|bin)"
)
"""Files beside a model's weights that end as files of weights do."""


@dataclass(frozen=True)
class _Place:
    """Where a model lies."""

    folder: Path
    weights: list[Path]


def open_any(
    paths: Path | Sequence[Path],
    out: Path,
    *,
    tokenizer: Tokenizer | None = None,
    n_head: int | None = None,
    activation_function: str | None = None,
    vocab_size: int | None = None,
    source: str = "",
) -> list[str]:
    """Write the model that a folder, a file or some files hold to `out`, which must be new; returns what was read.

    Of a single file, a config.json and a tokenizer beside it count; of several files, each by its
    name, only they do. The rest says what these can't, as `model_from_state` explains; `source` is
    noted in the checkpoint, and so is what was `guessed`. Raises ValueError, in one sentence, when it is
    no GPT-2 or can't be read; UntoldError when `tokenizer`, `n_head` or `activation_function` must be given.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} already holds something; choose a new folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    notes: list[str] = []
    guessed: list[str] = []
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.", ignore_cleanup_errors=True) as scratch:
        gathered = Path(scratch) / (Path(source).name or "given")
        place = _found(paths) if isinstance(paths, Path) else _gathered(paths, gathered)
        source = source or (paths.name if isinstance(paths, Path) else place.weights[0].name)
        given = {name: v for name, v in (("n_head", n_head), ("activation_function", activation_function)) if v}
        if is_glassbox(place.folder) and place.weights[0].name == WEIGHTS:
            _check_unused(given | ({"vocab_size": vocab_size} if vocab_size else {}))
            kept = load_checkpoint(place.folder)
            save_checkpoint(out, kept.model, kept.tokenizer, step=kept.step, info=kept.info)
            return ["This is a model that Glassbox saved."]
        model = _model(place, given, Path(scratch), notes, guessed)
        vocabulary = _vocabulary(place, model, tokenizer, vocab_size, notes)
        if vocabulary.vocab_size < model.config.vocab_size:
            notes.append(
                f"Of {model.config.vocab_size:,} rows of the vocabulary {vocabulary.vocab_size:,} are kept; "
                "the others are padding that stands for no token."
            )
            model = cut_vocabulary(model, vocabulary.vocab_size)
        save_checkpoint(out, model, vocabulary, info={"source": source} | ({"guessed": guessed} if guessed else {}))
    return [*notes, f"{model.config.n_params:,} parameters."]


def looks_like_a_model(path: Path) -> bool:
    """Whether `open_any` might read a folder or a file, by the names of what is there; a lone .json is none."""
    try:
        return is_glassbox(path) or _found(path).weights[0].suffix != ".json"
    except (ValueError, OSError):
        return False


def _found(path: Path) -> _Place:
    if path.is_dir():
        return _Place(path, _weights_in(path))
    if path.suffix.lower() not in SUFFIXES or _NOT_WEIGHTS.fullmatch(path.name):
        raise ValueError(f"{path.name} holds no weights; give a file that ends in {', '.join(SUFFIXES)}, or a folder.")
    if not path.is_file():
        raise ValueError(f"{path} is missing; check its name.")
    return _Place(path.parent, [path])


def _gathered(paths: Sequence[Path], folder: Path) -> _Place:
    """Files from anywhere, in one new folder by their names."""
    folder.mkdir()
    for path in paths:
        if (folder / path.name).exists():
            raise ValueError(f"There are two files {path.name}; choose one.")
        try:
            (folder / path.name).symlink_to(path.absolute())
        except OSError:  # Windows lets only some people
            shutil.copyfile(path, folder / path.name)
    return _Place(folder, _weights_in(folder))


def _weights_in(folder: Path) -> list[Path]:
    """The files of transformers' names, or else the one file that looks like weights."""
    if (known := weight_files(folder)) is not None:
        return known
    found = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES and not _NOT_WEIGHTS.fullmatch(p.name)]
    found = [path for path in found if path.suffix != ".json"] or found
    if len(found) == 1:
        return found
    if found:
        raise ValueError(f"{folder.name} holds {found[0].name} and {found[1].name}; name the one that is meant.")
    raise ValueError(f"{folder.name} holds no weights: no file that ends in {', '.join(SUFFIXES)}.")


def _model(place: _Place, given: dict[str, Any], scratch: Path, notes: list[str], guessed: list[str]) -> GPT:
    told = read_json(place.folder / CONFIG) if (place.folder / CONFIG).is_file() else {}
    if "model_type" in told or "architectures" in told or len(place.weights) > 1:
        _check_unused(given)
        notes.append("The weights and config.json are those of a transformers folder.")
        return gpt2_from_files(place.folder, place.weights, notes)
    if "format" in told:  # Glassbox's own config, which is of other weights
        told = {}
    fresh = scratch / "unpickled"
    fresh.mkdir()
    contents = read_contents(place.weights[0], fresh)
    return model_from_state(contents.tensors, **given, told=told | contents.told, notes=notes, guessed=guessed)


def _check_unused(given: dict[str, Any]) -> None:
    if given:
        names = ", ".join("--" + name.replace("_", "-") for name in given)
        raise ValueError(f"Only a bare file of weights needs {names}; leave that out.")


def _vocabulary(
    place: _Place, model: GPT, tokenizer: Tokenizer | None, vocab_size: int | None, notes: list[str]
) -> Tokenizer:
    """The tokenizer that was named, the one that lies there, or GPT-2's; not larger than the model's vocabulary."""
    size = vocab_size or model.config.vocab_size
    if tokenizer is None and (found := tokenizer_in(place.folder)) is not None:
        tokenizer = found.tokenizer
        notes.append(f"The tokenizer is that of {' and '.join(found.files)}: {_described(tokenizer)}.")
    elif tokenizer is None:
        tokenizer = GPT2Tokenizer()
        if not _fits(size, tokenizer.vocab_size):
            raise UntoldError(
                "tokenizer",
                f"The model has {size:,} tokens and no tokenizer lies beside it",
                "name the model's own with --tokenizer.",
            )
        notes.append(f"No tokenizer lies there; with {size:,} tokens GPT-2's own vocabulary is taken.")
    if (vocab_size is not None and tokenizer.vocab_size != vocab_size) or not _fits(size, tokenizer.vocab_size):
        raise UntoldError(
            "tokenizer",
            f"The model has {size:,} tokens and the tokenizer {tokenizer.vocab_size:,}",
            "name the model's own with --tokenizer, or cut off padding with --vocab-size.",
        )
    return tokenizer


def _described(tokenizer: Tokenizer) -> str:
    return f"{tokenizer.title}, {tokenizer.vocab_size:,} {tokenizer.unit}"


def _fits(size: int, tokens: int) -> bool:
    """Whether a model of so many tokens can be that of a tokenizer: as many, or padded to a round number."""
    return size == tokens or any(size == -(-tokens // multiple) * multiple for multiple in PADDED_TO)
