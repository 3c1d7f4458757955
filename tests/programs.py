"""Programs beside Python that tests need, and what to do where one is missing."""

import os
import shutil

from lacking import lacking


def chromium() -> str:
    """Where Chromium is."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    return found or lacking("Chromium is not installed: apt-get install chromium, or name it in CHROMIUM")


def node() -> str:
    """Where Node is."""
    return shutil.which("node") or lacking("Node is not installed: apt-get install nodejs")
