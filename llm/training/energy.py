"""How much energy a training takes, as far as the computer counts it.

Linux tells what each processor package has used (RAPL, Running Average Power Limit: counters of
Intel's and AMD's processors, https://www.kernel.org/doc/html/latest/power/powercap/powercap.html),
where the files are readable: many systems keep them to root. An NVIDIA card tells what it draws,
where `nvidia-ml-py` is installed. Counters know no programs, so the share of all others is in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

POWERCAP = Path("/sys/class/powercap")


def gpu_watts() -> float | None:
    """What the CUDA device draws now, averaged over the last second or less; None where nobody can tell."""
    try:
        return torch.cuda.power_draw() / 1000 if torch.cuda.is_available() else None
    except Exception:  # whatever NVIDIA's library raises: it is missing, too old, or the card doesn't measure
        return None


class EnergyMeter:
    """Counts the joules of the whole machine's processors, and of its graphics card."""

    def __init__(self, root: Path = POWERCAP, watts: Callable[[], float | None] = gpu_watts) -> None:
        """`root` holds the zones of Linux's powercap; `watts` tells what the graphics card draws."""
        self._packages = [package for zone in sorted(root.glob("intel-rapl:*")) if (package := _package(zone))]
        self._watts = watts
        self._has_gpu = watts() is not None
        self._since = time.perf_counter()

    @property
    def what(self) -> str | None:
        """What is counted: "CPU", "GPU" or "CPU + GPU"; None where the system offers nothing."""
        parts = ["CPU"] * bool(self._packages) + ["GPU"] * self._has_gpu
        return " + ".join(parts) or None

    def spent(self) -> float | None:
        """Joules since this was last asked; None where the system offers nothing.

        To be asked every few minutes at least: a package's counter begins again at 0 after about ten
        minutes under full load. A card's present draw stands for all the time since.
        """
        if self.what is None:
            return None
        now = time.perf_counter()
        watts = (self._watts() or 0.0) if self._has_gpu else 0.0
        joules = sum(package.spent() for package in self._packages) + watts * (now - self._since)
        self._since = now
        return joules


@dataclass
class _Package:
    """One processor's counter, in microjoules."""

    file: Path
    end: int
    """The greatest value it can have; then it begins again."""
    last: int

    def spent(self) -> float:
        """Joules since this was last asked. What can't be read now is part of the next answer."""
        with suppress(OSError, ValueError):
            now = _read(self.file)
            used, self.last = (now - self.last) % (self.end + 1), now
            return used / 1e6
        return 0.0


def _package(zone: Path) -> _Package | None:
    """The counter of a zone that is a whole processor; its cores and the platform around it have zones of their own."""
    try:
        if not (zone / "name").read_text(encoding="utf-8").startswith("package"):
            return None
        return _Package(zone / "energy_uj", _read(zone / "max_energy_range_uj"), _read(zone / "energy_uj"))
    except (OSError, ValueError):
        return None


def _read(file: Path) -> int:
    return int(file.read_text(encoding="utf-8"))
