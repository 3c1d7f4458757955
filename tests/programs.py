"""Programs beside Python that tests need. Where one is missing they say so; in CI that is a failure."""

import os
import shutil
from typing import NoReturn

import pytest


def chromium() -> str:
    """Where Chromium is."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    return found or _missing("Chromium is not installed: apt-get install chromium, or name it in CHROMIUM")


def node() -> str:
    """Where Node is."""
    return shutil.which("node") or _missing("Node is not installed: apt-get install nodejs")


def _missing(sentence: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{sentence} (.ci/run does)")
    pytest.skip(sentence)
