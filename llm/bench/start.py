"""How soon the library and the command line are there."""

from __future__ import annotations

import subprocess
import sys

from llm.bench.timing import taking_turns


def run(rounds: int) -> None:
    """Print the time of fresh processes that import, or that answer --help."""

    def python(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)

    times = taking_turns(
        {
            "python alone": lambda: python("-c", "pass"),
            "python -m llm --help": lambda: python("-m", "llm", "--help"),
            "import torch": lambda: python("-c", "import torch"),
            "import llm": lambda: python("-c", "import llm"),
        },
        min(rounds, 5),
    )
    for name, (each, _, _) in times.items():
        print(f"  {name:22}{each * 1e3:7.0f} ms")
