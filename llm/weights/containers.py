"""Files that hold a state dict: safetensors, pickles of torch, and raw arrays that a .json describes.

    {"wte.weight": {"dtype": "float32", "shape": [65, 128], "file": "weights.bin", "offset": 0}, ...}

needs nothing but numpy to write (little-endian numbers, the last dimension fastest). Nothing is
unpickled in this process: llm/weights/unpickling.py says what is done instead, and what it promises.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from llm.checkpoint import check_weights, read_tensors
from llm.files import read_json
from llm.gpt2 import plain_names
from llm.weights import unpickling

PICKLES = (".pt", ".pth", ".bin", ".ckpt")
SUFFIXES = (".safetensors", ".json", *PICKLES)
"""How the names of files with weights end."""
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
"""The number formats of described arrays."""
MAX_PICKLE_BYTES = 20_000_000_000
"""GPT-2 XL with its optimiser's state is 19 GB."""
SECONDS, BYTES_PER_SECOND = 120, 10_000_000
"""How long reading a pickle may take: to begin with, and then for its size."""
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")


@dataclass(frozen=True)
class Contents:
    """What a file of weights holds. Tensors are mapped, so the file must stay while they are used."""

    tensors: dict[str, Tensor]
    told: dict[str, Any] = field(default_factory=dict)
    """What it says besides, such as nanoGPT's `model_args`: settings by name."""


def read_contents(path: Path, scratch: Path) -> Contents:
    """Read a file of one of SUFFIXES; `scratch` is an empty folder for what a pickle holds.

    Raises ValueError when the file isn't sound, holds a program or a number that isn't finite.
    """
    if path.suffix.lower() in PICKLES:
        weights = unpickled(path, scratch)
        tensors = read_tensors(weights)
        check_finite(tensors, path.name)
        return Contents(tensors, _settings(read_json(scratch / "told.json")))
    return Contents(read_state(path))


def read_state(path: str | Path) -> dict[str, Tensor]:
    """A state dict from a .safetensors file, or from a .json that describes arrays in files beside it.

    All is mapped, not read. Raises ValueError when a file isn't sound or a number isn't finite.
    """
    path = Path(path)
    if path.suffix == ".json":
        state = {name: _described(path, name, entry) for name, entry in read_json(path).items()}
    else:
        check_weights(path)
        state = read_tensors(path)
    check_finite(state, path.name)
    return state


def check_finite(state: dict[str, Tensor], where: str) -> None:
    """Raises ValueError naming the first weight with a number that isn't finite; masks may have some."""
    for name in plain_names(state).values():
        if not bool(state[name].isfinite().all()):
            raise ValueError(f"{name!r:.80} in {where} holds NaN or infinity; use an earlier model.")


def unpickled(path: Path, scratch: Path) -> Path:
    """The safetensors file, checked, with what a pickle holds; `scratch` is an empty folder for it.

    Raises ValueError when the pickle holds more than numbers, can't be read, or asks for too much.
    """
    if not path.is_file():
        raise ValueError(f"There is no file {path}; check its name.")
    size = path.stat().st_size
    if size > MAX_PICKLE_BYTES:
        raise ValueError(f"{path.name} has {size:,} bytes; save its weights alone, as safetensors.")
    command = [sys.executable, "-I", unpickling.__file__, str(path.absolute()), str(scratch.absolute())]
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | {"OMP_NUM_THREADS": "1"}
    try:
        code = subprocess.run(
            [*command, *(place for place in sys.path if os.path.isabs(place))],
            cwd=scratch, env=environment, timeout=SECONDS + size / BYTES_PER_SECOND,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
        ).returncode  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"Reading {path.name} takes too long; {_resave(path)}") from error
    match code:
        case 0:
            weights = scratch / "weights.safetensors"
            check_weights(weights)
            return weights
        case unpickling.PROGRAM:
            raise ValueError(
                f"{path.name} holds Python objects and not only numbers, so it isn't opened; {_resave(path)}"
            )
        case unpickling.EMPTY:
            raise ValueError(f"{path.name} holds no state dict; {_resave(path)}")
        case unpickling.MEMORY:
            raise ValueError(f"Reading {path.name} takes more memory or disk than its size allows; {_resave(path)}")
    raise ValueError(f"{path.name} can't be read as a file that torch saved; copy it again.")


def _resave(path: Path) -> str:
    """What the owner of a pickle can do: two lines for the program that made the model."""
    return (
        "save its weights again in the program that made it, and give that file:\n"
        "  from safetensors.torch import save_file\n"
        f'  save_file({{n: t.contiguous().clone() for n, t in model.state_dict().items()}}, "{path.stem}.safetensors")'
    )


def _settings(told: dict[str, Any]) -> dict[str, Any]:
    """All settings that a file tells, those of the model before those of its training."""
    first = [told.pop(name, {}) for name in ("model_args", "model_config", "hyper_parameters", "cfg", "config")]
    return {key: value for values in reversed([*first, *told.values()]) for key, value in dict(values).items()}


def _described(path: Path, name: str, entry: Any) -> Tensor:
    """One array as its entry says: a view into its file."""
    if not isinstance(entry, dict):
        entry = {}
    dtype, shape, file, offset = (entry.get(key) for key in ("dtype", "shape", "file", "offset"))
    whole = isinstance(shape, list) and all(type(n) is int and 0 <= n < 2**63 for n in [offset, *shape])
    if not isinstance(dtype, str) or dtype not in DTYPES or not whole or len(shape) > 8 or not isinstance(file, str):
        raise ValueError(
            f"{path.name} doesn't describe {name!r:.80}; give dtype ({', '.join(DTYPES)}), shape, file and offset."
        )
    data, n_bytes = path.parent / file, math.prod(shape) * DTYPES[dtype].itemsize
    if Path(file).name != file or not data.is_file():
        raise ValueError(f"{file!r:.80} isn't a file beside {path.name}; put them into one folder.")
    if offset + n_bytes > data.stat().st_size or offset % DTYPES[dtype].itemsize:
        raise ValueError(f"{name!r:.80} doesn't lie in {file!r:.80} as {path.name} says; write the files again.")
    if n_bytes == 0:
        return torch.empty(shape, dtype=DTYPES[dtype])
    mapped = torch.from_file(str(data), size=data.stat().st_size, dtype=torch.uint8)
    return mapped[offset : offset + n_bytes].view(DTYPES[dtype]).view(shape)
