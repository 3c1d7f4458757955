"""Measurements against others on this very machine: `python -m llm bench`.

Every part times both sides in one run, taking turns, so that whatever else the machine does falls
on both, and prints ratios. `transformers` (tests/requirements.txt) is the other side of most.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from importlib import import_module

import torch

from llm.training.hardware import denormals_flushed


def measure(parts: Sequence[str], rounds: int, seeds: int) -> None:
    """Run the parts, modules of this package, and print what they find; "quality" repeats itself by seeds.

    Raises ValueError when transformers isn't installed.
    """
    _begin()
    for name in parts:
        print(f"\n{name}: load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        with denormals_flushed():  # for all sides alike
            import_module(f"llm.bench.{name}").run(seeds if name == "quality" else rounds)


def measure_device(device: torch.device, rounds: int) -> None:
    """Print the table of llm/bench/device.py. Raises ValueError when transformers isn't installed."""
    _begin()
    from llm.bench.device import run

    run(device, rounds)


def _begin() -> None:
    if importlib.util.find_spec("transformers") is None:
        raise ValueError("The other side of the comparison is missing: pip install -r tests/requirements.txt")
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads")
