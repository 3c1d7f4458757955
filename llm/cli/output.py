"""What a command says beside its results."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def say(sentence: str) -> None:
    """To standard error, so that standard output holds results only. Of the processes of a machine one speaks."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        print(sentence, file=sys.stderr, flush=True)


@contextmanager
def bytes_shown(what: str = "") -> Iterator[Callable[[int, int], None]]:
    """A progress bar for what is read or downloaded; it stays away while there is nothing to wait for."""
    from tqdm import tqdm

    with tqdm(desc=what or None, unit="B", unit_scale=True, disable=None, leave=False, delay=0.5) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress
