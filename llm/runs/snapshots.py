"""A folder of snapshots: the weights of one model at several steps of its training, to look at.

FOLDER/step-00000100/  a checkpoint, usually in float16
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from llm.checkpoint import load_checkpoint
from llm.files import remove_folder
from llm.model import GPT

MAX_SNAPSHOTS = 48
MAX_BYTES = 2_000_000_000
"""How much of the disk the snapshots of one run may take; of large models fewer are kept."""


class Snapshots:
    """The snapshots in `folder`, which need not exist yet."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def steps(self) -> list[int]:
        """The steps of which a snapshot is kept, in order."""
        names = (path.name for path in self.folder.glob("step-*"))
        return sorted(int(name[5:]) for name in names if re.fullmatch(r"step-[0-9]{8}", name))

    def path(self, step: int) -> Path:
        """Where the snapshot of a step is, or would be."""
        return self.folder / f"step-{step:08d}"

    def load(self, step: int) -> GPT:
        """The model as it was after `step` steps. Raises ValueError when that snapshot isn't kept."""
        if step not in self.steps():
            raise ValueError(f"There is no snapshot of step {step}; choose one of {self.steps()}.")
        return load_checkpoint(self.path(step)).model

    def drop(self, step: int) -> None:
        """Remove the snapshot of a step, if there is one."""
        remove_folder(self.path(step))

    def thin(self, max_bytes: int = MAX_BYTES) -> None:
        """Remove the least missed snapshots until at most 48 are left and all fit into `max_bytes`."""
        steps = self.steps()
        if len(steps) < 3:
            return
        size = sum(file.stat().st_size for file in self.path(steps[-1]).iterdir())  # one is as large as another
        while len(steps) > max(2, min(MAX_SNAPSHOTS, max_bytes // size)):
            self.drop(steps.pop(least_missed(steps)))


def least_missed(steps: Sequence[int]) -> int:
    """Where in a list of at least three steps the one is that can go: its two neighbours are closest together.

    Of several such it is the earliest. So the first and the newest always stay, and the rest spread evenly.
    """
    gaps = [after - before for before, after in zip(steps, steps[2:], strict=False)]
    return 1 + gaps.index(min(gaps))
