"""What a machine lacks: a test is left out there, but not where continuous integration could have it."""

import os

import pytest


def lacking(what):
    """Skip the test; as root in CI, who may do anything, fail it."""
    if os.environ.get("CI") and os.geteuid() == 0:
        pytest.fail(f"{what}, though this is root in CI")
    pytest.skip(what)
