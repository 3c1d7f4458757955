"""What a command says when it ends badly: one sentence by the kind of trouble, and an exit code.

2 is a person's mistake, 1 is the machine's trouble. What was saved before is whole either way: writers
put new files beside the old ones (`llm.files`).
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

from llm.cli.output import say

FULL = (
    "The disk is full, or this user's share of it: free some space, or set GLASSBOX_HOME to a folder on another disk. "
    "What was saved before is whole."
)
NO_MEMORY = (
    "There is not enough memory: use a smaller model, batch (--batch-size) or context (--n-ctx). "
    "What was saved before is whole."
)
_FULL = ("os error 28", "os error 27", "os error 122", "No space left", "File too large", "Disk quota")
_NO_MEMORY = ("allocate memory", "out of memory", "failed to map segment", "os error 12", "bad_alloc")


def guarded(run: Callable[[], None]) -> int:
    """Run a command; returns its exit code. Only what nobody foresaw leaves as an exception."""
    try:
        run()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    except ValueError as error:
        say(str(error))
        return 2
    except Exception as error:
        sentence = _trouble(error)
        if sentence is None:
            raise
        say(" ".join((sentence, *getattr(error, "__notes__", ()))))
        return 1
    return 0


def _trouble(error: Exception) -> str | None:
    """What the machine's trouble is, by its kind; None where nobody knows."""
    told = str(error)
    if isinstance(error, ConnectionError):  # another process of the training, or a server
        return told
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return NO_MEMORY
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return FULL
    # torch, safetensors and the loader of libraries have no kinds for these, only words.
    if isinstance(error, RuntimeError | ImportError) or type(error).__name__ == "SafetensorError":
        if any(words in told for words in _NO_MEMORY):
            return NO_MEMORY
        if any(words in told for words in _FULL):
            return FULL
    if isinstance(error, OSError):
        return f"{error.filename or 'The disk'} can't be used: {error.strerror or error}."
    return None
