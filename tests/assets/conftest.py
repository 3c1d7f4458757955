"""Node runs the page's modules; no browser is needed."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import programs
import pytest

from llm.ui.page_settings import dials_for_page

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def node() -> Callable[..., subprocess.CompletedProcess[str]]:
    """node(*arguments) runs Node in this folder."""
    program = programs.node()

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [program, *map(str, arguments)]
        env = {**os.environ, "GLASSBOX_DIALS": json.dumps(dials_for_page())}  # what the page's head says
        return subprocess.run(command, cwd=HERE, env=env, capture_output=True, text=True, timeout=120, check=False)

    return run
