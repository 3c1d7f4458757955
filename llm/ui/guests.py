"""Who asks, while a class is in the room: the speaker, or somebody's phone."""

from __future__ import annotations

from contextvars import ContextVar

ONLY_LOOKS = "In this class the speaker trains and writes; phones look."

guest: ContextVar[bool] = ContextVar("guest", default=False)
"""Whether this question comes from a phone in the room; always False where there is no class."""
only_looks: ContextVar[bool] = ContextVar("only_looks", default=False)
"""Whether whoever asks may change nothing here."""
