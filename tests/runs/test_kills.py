"""The benchmark of kills, in small: whatever moment a process is killed at, the run goes on as if it had not been."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "kills.py"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows can't fork")
def test_a_killed_run_goes_on_as_if_nothing_had_happened():
    """Five SIGKILLs while it trains and saves at every step; the benchmark itself compares what comes out."""
    ended = subprocess.run([sys.executable, str(SCRIPT), "--kills", "5"], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert re.match(r"5 kills, .* equal to the uninterrupted one", ended.stdout)
