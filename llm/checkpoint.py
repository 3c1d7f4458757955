"""A checkpoint is a folder: weights as safetensors, everything else as JSON, nothing pickled.

    model.safetensors     the weights, named and laid out as in Hugging Face's GPT-2
    config.json           the model's shape, the tokenizer's hash, the step, and what the saver noted
    tokenizer.json        the tokenizer
    trainer.safetensors   optional: the optimiser's moments
    trainer.json          optional: the rest that a training needs to go on

A folder is written whole or not at all (`llm.files.new_folder`). Reading trusts nothing: the header
of a weights file is compared with the config before any tensor is allocated, because a folder may
come from a stranger.
"""

from __future__ import annotations

import errno
import math
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from llm.config import ModelConfig
from llm.files import existing_folder, new_folder, parsed_json, read_json, write_json
from llm.gpt2 import BUFFERS, Shapes, check_shapes, gpt2_shapes, state_from_gpt2, state_to_gpt2
from llm.model import GPT
from llm.tokenizers import Tokenizer, load_tokenizer

if TYPE_CHECKING:
    from llm.training.trainer import Trainer

FORMAT = "glassbox-1"
FILES = ("model.safetensors", "config.json", "tokenizer.json", "trainer.safetensors", "trainer.json")
CARD = "README.md"
"""A person's notes beside the files; saving again keeps them."""
MAX_HEADER_BYTES = 10_000_000
ITEM_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
"""The number formats that are read, by their names in safetensors."""
MASK_BYTES = ITEM_BYTES | {"BOOL": 1, "U8": 1}
"""Those in which a mask among the weights may be kept; it is skipped, but its place must be right."""


@dataclass(frozen=True)
class Checkpoint:
    """A model as it was read from a folder, in evaluation mode, with all that belongs to it."""

    model: GPT
    tokenizer: Tokenizer
    info: dict[str, Any]
    """What the saver noted: corpus, scores, ..."""
    step: int
    """Optimiser steps that made these weights."""


def save_checkpoint(
    folder: str | Path,
    model: GPT,
    tokenizer: Tokenizer,
    *,
    step: int = 0,
    info: dict[str, Any] | None = None,
    trainer: Trainer | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Write a checkpoint whole or not at all, replacing the one that may be there. One writer a folder at a time.

    With `trainer` the folder also holds what `load_trainer_state` gives back, and the step is the
    trainer's. `dtype` rounds the weights (float16 halves a snapshot). Raises ValueError when the
    folder holds anything but a checkpoint, or when rounding would make an exact resume impossible.
    """
    if trainer is not None and dtype is not None:
        raise ValueError("Rounded weights can't go on training exactly; leave dtype out or leave the trainer out.")
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or {path.name for path in folder.iterdir()} - {*FILES, CARD}):
        raise ValueError(f"{folder} already holds something that isn't a checkpoint; choose a new folder.")
    with new_folder(folder) as fresh:
        weights = {name: t.detach().to("cpu", dtype).contiguous() for name, t in model.state_dict().items()}
        write_tensors(fresh / "model.safetensors", state_to_gpt2(weights))
        tokenizer.save(fresh / "tokenizer.json")
        config = {
            "format": FORMAT,
            "model": model.config.to_dict(),
            "tokenizer": tokenizer.hash,
            "step": step if trainer is None else trainer.step,
            "info": info or {},
        }
        write_json(fresh / "config.json", config)
        if trainer is not None:
            tensors, rest = trainer.state()
            write_tensors(fresh / "trainer.safetensors", tensors)
            write_json(fresh / "trainer.json", rest)
        if (folder / CARD).is_file():
            shutil.copyfile(folder / CARD, fresh / CARD)
        for path in fresh.iterdir():
            path.chmod((fresh / "config.json").stat().st_mode)  # safetensors lets nobody but the owner read its files


def load_checkpoint(
    folder: str | Path, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Checkpoint:
    """Read a checkpoint. Raises ValueError, saying what is wrong with it, for anything but a sound one."""
    folder = existing_folder(Path(folder))
    values = read_json(folder / "config.json")
    if "format" not in values:
        raise ValueError(
            f"{folder.name} isn't of Glassbox; make a model of it: python -m llm convert {folder.name} NEW"
        )
    if values["format"] != FORMAT:
        raise ValueError(f"{folder / 'config.json'} isn't of the format {FORMAT}; choose a folder that Glassbox saved.")
    model_values, step, info = values.get("model"), values.get("step"), values.get("info")
    if not isinstance(model_values, dict) or not _is_count(step) or not isinstance(info, dict):
        raise ValueError(f"{folder / 'config.json'} is incomplete; save the checkpoint again.")
    config = ModelConfig.from_dict(model_values)
    check_weights(folder / "model.safetensors", gpt2_shapes(config))
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    if tokenizer.vocab_size != config.vocab_size:
        raise ValueError(
            f"The tokenizer has {tokenizer.vocab_size:,} tokens but the model {config.vocab_size:,}; "
            "use the tokenizer.json that was saved with these weights."
        )
    if tokenizer.hash != values.get("tokenizer"):
        raise ValueError("tokenizer.json isn't the one this model was trained with; use the one saved with it.")
    state = read_tensors(folder / "model.safetensors")
    if not all(bool(t.isfinite().all()) for t in state.values()):
        raise ValueError("The weights hold NaN or infinity, so the model can't say anything; use an earlier one.")
    model = GPT(config, seed=None)
    model.load_state_dict(state_from_gpt2(state))
    return Checkpoint(model.to(device, dtype).eval(), tokenizer, info, step)


def load_trainer_state(folder: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `Trainer.restore` needs. Raises ValueError when the checkpoint holds no sound training state."""
    folder = existing_folder(Path(folder))
    info = read_json(folder / "trainer.json")
    check_weights(folder / "trainer.safetensors")
    return read_tensors(folder / "trainer.safetensors"), info


def check_weights(path: Path, expected: Shapes | None = None) -> Shapes:
    """Check a safetensors file by its header alone: sizes that add up and, if given, the expected tensors.

    The format is 8 bytes with the length of a JSON header, the header, then the numbers without a gap
    (github.com/huggingface/safetensors). Returns each tensor's shape. Raises ValueError saying what
    doesn't fit.
    """
    tensors, end = _read_header(path)
    shapes = {name: shape for name, (shape, *_) in tensors.items()}
    if expected is not None:
        check_shapes(shapes, expected, path.name)
    for name, (shape, start, stop, item_bytes) in sorted(tensors.items(), key=lambda item: item[1][1]):
        if start != end or stop - start != math.prod(shape) * item_bytes:
            raise ValueError(f"{path.name} is damaged: {name!r:.80} isn't where it should be. Copy it again.")
        end = stop
    if end != path.stat().st_size:
        raise ValueError(f"{path.name} should have {end:,} bytes but has {path.stat().st_size:,}; copy it again.")
    return shapes


def _read_header(path: Path) -> tuple[dict[str, tuple[tuple[int, ...], int, int, int]], int]:
    """Each tensor's shape, first byte, end and bytes a number, as the header claims; and where the header ends."""
    if not path.is_file():
        raise ValueError(f"{path} is missing; choose a folder that Glassbox saved.")
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(MAX_HEADER_BYTES, path.stat().st_size - 8):
            raise ValueError(f"{path.name} isn't a safetensors file or was cut short; copy it again.")
        header = parsed_json(file.read(length), path.name)
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        dtype, shape, span = (
            entry.get(k) if isinstance(entry, dict) else None for k in ("dtype", "shape", "data_offsets")
        )
        item_bytes = MASK_BYTES if name.endswith(BUFFERS) else ITEM_BYTES
        if not isinstance(dtype, str) or dtype not in item_bytes:
            raise ValueError(f"{name!r:.80} in {path.name} is of type {dtype!r:.20}; save it as float32 or float16.")
        if not (_are_counts(shape) and len(shape) <= 8 and _are_counts(span) and len(span) == 2):
            raise ValueError(f"{path.name} is damaged: its header is wrong about {name!r:.80}. Copy it again.")
        tensors[name] = (tuple(shape), 8 + length + span[0], 8 + length + span[1], item_bytes[dtype])
    return tensors, 8 + length


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file that `check_weights` has passed. Raises ValueError when it can't be read."""
    try:
        return load_file(path)
    except SafetensorError as error:  # what `check_weights` doesn't look at, such as the header's notes
        raise ValueError(f"{path.name} can't be read ({error}); copy it again.") from error


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write a safetensors file. Raises OSError when the disk won't have it, as any other writer does."""
    try:
        save_file(tensors, path, metadata={"format": "pt"})
    except SafetensorError as error:
        told = re.search(r"os error ([0-9]+)", str(error))
        number = int(told[1]) if told else errno.EIO
        raise OSError(number, os.strerror(number), str(path)) from error


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 2**63


def _are_counts(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(map(_is_count, value))
