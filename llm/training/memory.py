"""How much memory this process may take, and how much of it is free: the least of all limits that apply.

A container's limit (a cgroup of version 1 or 2, or of any group around it), `ulimit -v`, and what the machine has.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch

if sys.platform != "win32":
    import resource

UNKNOWN = 8_000_000_000
"""Bytes that a machine is taken to have which doesn't say."""
_NO_LIMIT = 2**60
"""What stands where a cgroup has no limit is as large as its counter allows, or the word "max"."""


class Limit(NamedTuple):
    """Something that bounds the memory."""

    bytes: int
    free: int


def memory_limit() -> int:
    """Bytes that this process may take at most."""
    return min(limit.bytes for limit in _limits())


def memory_free(device: torch.device | str = "cpu") -> int:
    """Bytes that it may still take; those of a graphics card for a training there."""
    if torch.device(device).type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return max(0, min(limit.free for limit in _limits()))


def give_back() -> None:
    """Hand what was freed back to the system, where the C library is glibc, which keeps it in a pool for each thread.

    Large and small things of many visitors lie there between one another, and the pools only grow.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def _limits() -> Iterator[Limit]:
    yield _machine()
    yield from _cgroups(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))
    if sys.platform != "win32":
        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        if most != resource.RLIM_INFINITY:
            yield Limit(most, most - _address_space())


def _machine() -> Limit:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        said = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
        return Limit(said["MemTotal"], said["MemAvailable"])
    except (OSError, KeyError, ValueError):  # no Linux
        pass
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        total = UNKNOWN
    return Limit(total, total // 2)


def _cgroups(own: Path, root: Path) -> Iterator[Limit]:
    """Of the process's group and of all around it; `own` names its groups, which lie under `root`."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            yield from _of_groups(root / "memory", path, "memory.limit_in_bytes", "memory.usage_in_bytes")
        elif not controllers:
            yield from _of_groups(root, path, "memory.max", "memory.current")


def _of_groups(root: Path, path: str, most: str, used: str) -> Iterator[Limit]:
    group = root / path.strip("/")
    for folder in (group, *group.parents):  # inside a container the path may be the host's, and only the root is there
        limit, taken = _number(folder / most), _number(folder / used)
        if limit is not None and taken is not None and limit < _NO_LIMIT:
            yield Limit(limit, limit - taken + _reclaimable(folder / "memory.stat"))
        if folder == root:
            return


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # no such group, or "max"
        return None


def _reclaimable(path: Path) -> int:
    """Bytes of files that the system keeps in memory only as long as nobody needs the room."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        said = {name: int(number) for name, _, number in (line.partition(" ") for line in lines)}
    except (OSError, ValueError):
        return 0
    return said.get("total_inactive_file", said.get("inactive_file", 0))


def _address_space() -> int:
    """Bytes of addresses in use, which `ulimit -v` counts."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except OSError:
        return 0
