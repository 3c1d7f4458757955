"""Where Glassbox keeps what it fetches: one folder, which the person can choose."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def home() -> Path:
    """The folder for downloads and caches: `GLASSBOX_HOME` if it is set, else `~/.cache/glassbox`.

    The folder is not made here; whoever writes into it makes it.
    """
    chosen = os.environ.get("GLASSBOX_HOME")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "glassbox"


def compiled_from(code: Iterable[Path]) -> Path:
    """The folder for what was compiled from these files: another one for other code."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(code)))
    return home() / "numba" / digest.hexdigest()[:12]
