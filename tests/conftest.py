"""What every test starts from."""

import os
from pathlib import Path

from llm.paths import compiled_from

ROOT = Path(__file__).resolve().parents[1]

# Before torch is imported, as the app does it: tests run in several processes, and each has a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What numba compiled, which takes it ten seconds, outlives the homes of the tests.
compiled = compiled_from((ROOT / "llm").glob("int8_*.py")).name
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".pytest_cache" / "numba" / compiled))

FIRST = ("assets", "ui")
"""Folders of the longest files."""


def pytest_collection_modifyitems(items):
    """Long files come first, so that short ones are left to share out when the processes come to their ends."""
    items.sort(key=lambda item: item.path.parent.name not in FIRST)
