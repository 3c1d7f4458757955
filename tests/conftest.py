"""What every test starts from."""

import os

# Before torch is imported, as the app does it: tests run in several processes, and each has a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

FIRST = ("assets", "ui")
"""Folders of the longest files."""


def pytest_collection_modifyitems(items):
    """Long files come first, so that short ones are left to share out when the processes come to their ends."""
    items.sort(key=lambda item: item.path.parent.name not in FIRST)
