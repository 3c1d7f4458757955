"""A disk of a few megabytes, for tests of what happens when it is full."""

import os
import subprocess
from contextlib import contextmanager

from lacking import lacking

AS_ROOT = ["sudo", "-n"] if os.name == "posix" and os.geteuid() else []


class SmallDisk:
    """Where it is, and how much fits on it."""

    def __init__(self, path):
        self.path = path

    def grow(self, kilobytes):
        """Make room."""
        subprocess.run([*AS_ROOT, "mount", "-o", f"remount,size={kilobytes}k", str(self.path)], check=True)


@contextmanager
def small_disk(path, kilobytes):
    """Mounted at `path` inside the block; the test is left out where nobody may mount."""
    path.mkdir()
    try:
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(path)]
        subprocess.run([*AS_ROOT, *command], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        lacking("only root can mount a small disk")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run([*AS_ROOT, "umount", "-l", str(path)], check=True)
