"""What a command says beside its results."""

from __future__ import annotations

import os
import sys


def say(sentence: str) -> None:
    """To standard error, so that standard output holds results only. Of the processes of a machine one speaks."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        print(sentence, file=sys.stderr, flush=True)
