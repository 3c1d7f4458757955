"""Run alone, in a process of its own: the numbers of a pickle that torch saved, as safetensors.

    python -I unpickling.py SOURCE FOLDER PATHS...

A pickle is a program. torch's reader with `weights_only` runs none of it but what builds tensors and
plain containers; should it ever be wrong about that, this process is little use to a stranger: its
memory and what it writes are bounded by the size of the file, its environment is bare, and on a
Linux that allows it (unprivileged user namespaces) it has no network. Elsewhere, and for memory on
Windows, only the reader itself guards.

It writes FOLDER/weights.safetensors with all tensors of floating point and FOLDER/told.json with
the plain values beside them. It imports nothing of Glassbox; PATHS are where torch is found.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROGRAM, DAMAGED, EMPTY, MEMORY = 3, 4, 5, 6
"""Exit codes: it holds more than numbers; it can't be read; it holds no tensors; it needs too much memory."""
STATES = ("model", "state_dict", "model_state_dict", "module", "model_state")
"""Where nanoGPT, Lightning, Raschka's book and others keep the state dict in what they save."""
SPARE = 1_500_000_000
"""Bytes of address space beyond what a file of its size needs."""
_NEW_USER_AND_NETWORK = 0x10000000 | 0x40000000


def main(source: str, folder: str) -> int:
    """Read one file; returns the exit code."""
    leave_the_network()
    import pickle

    import torch
    from safetensors.torch import save_file

    size = os.path.getsize(source)
    bound(size)
    try:
        mapped = zipfile.is_zipfile(source)  # what torch saved before 2020 is none, and can't be mapped
        loaded = torch.load(source, map_location="cpu", weights_only=True, mmap=mapped)
        state = state_of(loaded, torch.Tensor)
        tensors = {
            name: (t.float() if t.dtype == torch.float64 else t).detach().contiguous().clone()
            for name, t in (state or {}).items()
            if isinstance(name, str) and isinstance(t, torch.Tensor) and t.is_floating_point()
        }
        if not tensors:
            return EMPTY
        save_file(tensors, Path(folder, "weights.safetensors"))
        told = {str(key)[:100]: plain(value) for key, value in loaded.items() if isinstance(value, Mapping)}
        Path(folder, "told.json").write_text(json.dumps(told), encoding="utf-8")
    except (MemoryError, OSError):
        return MEMORY
    except pickle.UnpicklingError as error:
        return PROGRAM if begins_as_saved(source) and "Unsupported" in str(error) else DAMAGED
    except RuntimeError as error:
        out = "allocate" in str(error) or "memory" in str(error)
        return MEMORY if out else PROGRAM if "TorchScript" in str(error) else DAMAGED
    except Exception:
        return DAMAGED
    return 0


def state_of(loaded: Any, tensor: type) -> Mapping[Any, Any] | None:
    """The state dict in what was saved: all of it, what a known name holds, or the one that is there."""

    def is_state(value: Any) -> bool:
        return isinstance(value, Mapping) and any(isinstance(one, tensor) for one in value.values())

    if not isinstance(loaded, Mapping) or is_state(loaded):
        return loaded if is_state(loaded) else None
    others = [value for key, value in loaded.items() if is_state(value) and "optim" not in str(key)]
    known = [loaded[key] for key in STATES if is_state(loaded.get(key))]
    return known[0] if known else others[0] if len(others) == 1 else None


def begins_as_saved(source: str) -> bool:
    """Whether a file begins as a zip archive or a pickle does."""
    with open(source, "rb") as file:
        return file.read(2) in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def plain(values: Mapping[Any, Any]) -> dict[str, Any]:
    """The numbers, texts and truth values among some settings."""
    found = {str(key)[:100]: value for key, value in values.items() if isinstance(value, (int, float, str, bool))}
    return {key: value for key, value in list(found.items())[:200] if len(str(value)) <= 200}


def leave_the_network() -> None:
    """Give up the network, where Linux lets a process do so. Only a process with one thread can."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).unshare(_NEW_USER_AND_NETWORK)


def bound(size: int) -> None:
    """Limit the memory and the files of this process to what reading `size` bytes can need."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        for kind, most in (
            (resource.RLIMIT_AS, held + 4 * size + SPARE),
            (resource.RLIMIT_FSIZE, 2 * size + 10_000_000),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    sys.path += sys.argv[3:]
    sys.exit(main(*sys.argv[1:3]))
