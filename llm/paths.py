"""Where Glassbox keeps what it fetches: one folder, which the person can choose."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The folder for downloads and caches: `GLASSBOX_HOME` if it is set, else `~/.cache/glassbox`.

    The folder is not made here; whoever writes into it makes it.
    """
    chosen = os.environ.get("GLASSBOX_HOME")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "glassbox"
