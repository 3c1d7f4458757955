"""What a machine lacks: a test is left out there, but never in continuous integration."""

import os
from typing import NoReturn

import pytest


def lacking(what: str) -> NoReturn:
    """Skip the test; in CI, which has everything, fail it."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}, and CI leaves no test out")
    pytest.skip(what)
