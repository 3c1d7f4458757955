"""Kill a training at random moments, go on, and compare with one that nobody touched.

    python tests/benchmarks/kills.py --kills 200

Each life is what `python -m llm train` does, in a process of its own: it is forked from one that has torch loaded
already, so that it trains and saves instead of importing. SIGKILL comes at a random moment after it has begun,
which is mostly while something is written: a snapshot and a checkpoint are saved at every step. In the end losses,
events, snapshots and weights have to be those of the run that nobody touched.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a process with threads can't be forked

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
import torch._dynamo
import tqdm

from llm.checkpoint import load_checkpoint
from llm.cli.parser import main as llm
from llm.runs import assembly
from llm.runs.run import Run, list_runs

SHAPE = "--n-layer 1 --n-head 1 --n-embd 16 --n-ctx 16 --batch-size 4 --tokenizer character"
EVERY_STEP = "--eval-interval 1 --eval-windows 2 --sample-tokens 2 --warmup-steps 0"
LOADED = (torch._dynamo, tqdm, assembly)
"""What the command would import only when it begins, and what an optimiser does."""
LONGEST_LIFE = 0.4
"""Seconds until the kill, at most."""


def begin(text: Path, steps: int) -> list[str]:
    """The command that starts a run."""
    return ["train", "--text", str(text), *SHAPE.split(), *EVERY_STEP.split(), "--max-steps", str(steps)]


def life(command: list[str], seconds: float | None = None) -> bool:
    """Run a command in a process of its own, killed after so long; whether it ended by itself, as it should."""
    child = os.fork()
    if child == 0:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1), os.dup2(quiet, 2)
        os._exit(llm(command))
    deadline = time.monotonic() + (float("inf") if seconds is None else seconds)
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert status == 0, f"{' '.join(command)} ended with {status}"
            return True
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def told(run: Run) -> list[dict[str, Any]]:
    """All events, without what the clock says."""
    return [{key: value for key, value in event.items() if key != "seconds"} for event in run.metrics()]


def check(run: Run, expected: Run) -> None:
    """Raises AssertionError unless both are the same."""
    assert told(run) == told(expected), "the events differ"
    assert run.snapshots() == expected.snapshots(), "the snapshots differ"
    ours, theirs = (load_checkpoint(one.path / "checkpoint").model.state_dict() for one in (run, expected))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs), "the weights differ"


def kill(kills: int, home: Path, seed: int = 0) -> tuple[int, int]:
    """Kill trainings until there were so many kills; returns how often one went on, and how many runs were finished."""
    os.environ["GLASSBOX_HOME"] = str(home)
    text, draw, done, resumes, finished = home / "text.txt", random.Random(seed), 0, 0, 0
    text.write_text("one two three four five six seven eight nine ten " * 40, encoding="utf-8")
    assert life(begin(text, 40))
    (expected,) = list_runs(home / "runs")
    while done < kills:
        known = {run.id for run in list_runs(home / "runs")}
        command, over = begin(text, 40), False
        while not over:
            over = life(command, draw.uniform(0, LONGEST_LIFE) if done < kills else None)
            done += not over
            fresh = [run for run in list_runs(home / "runs") if run.id not in known]
            if fresh:
                resumes += not over
                command = ["train", "--text", str(text), "--resume", fresh[0].id]
        check(Run.open(home / "runs", fresh[0].id), expected)
        finished += 1
    return resumes, finished


def main() -> None:
    """Print the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    kills = parser.parse_args().kills
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        resumes, finished = kill(kills, Path(folder))
    print(
        f"{kills} kills, {resumes} of them in a run that went on, {kills - resumes} before it was listed; "
        f"{finished} runs finished, each equal to the uninterrupted one in every event, loss, snapshot and weight "
        f"({time.monotonic() - started:.0f} s)"
    )


if __name__ == "__main__":
    main()
