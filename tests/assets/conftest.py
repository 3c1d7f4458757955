"""Node runs the page's modules; no browser is needed."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from llm.ui.page_settings import dials_for_page

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def node() -> Callable[..., subprocess.CompletedProcess[str]]:
    """node(*arguments) runs Node in this folder. Where none is installed the tests say so; in CI that is a failure."""
    program = shutil.which("node")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("Node is missing; install it: the page's arithmetic is tested in it.")
        pytest.skip("Node is not installed: apt-get install nodejs")

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [program, *map(str, arguments)]
        env = {**os.environ, "GLASSBOX_DIALS": json.dumps(dials_for_page())}  # what the page's head says
        return subprocess.run(command, cwd=HERE, env=env, capture_output=True, text=True, timeout=120, check=False)

    return run
