"""The commands that README.md names for its figures of the page still run to their end and say a number; shortly,
where they can be told to. What the numbers are is no test's business."""

import os
import re
import subprocess
import sys
from pathlib import Path

import programs
import pytest

ROOT = Path(__file__).resolve().parents[1]
NAMED = sorted(set(re.findall(r"tests/benchmarks/(\w+)\.py", (ROOT / "README.md").read_text(encoding="utf-8"))))
SHORTLY = {
    "idle": ["--minutes", "0.1"],
    "layer_stats": ["1"],
    "visitors": ["--visitors", "6", "--minutes", "0.3"],
    "watching": ["1"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMED)
def test_the_command_of_a_figure_runs(name):
    environment = os.environ | {"CHROMIUM": programs.chromium()}
    command = [sys.executable, f"tests/benchmarks/{name}.py", *SHORTLY.get(name, [])]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, run.stdout[-1_000:] + run.stderr[-3_000:]
    assert re.search(r"\d\.\d", run.stdout)
