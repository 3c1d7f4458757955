"""Reading what the page sent. Endpoints are public, so nothing in a request is taken on trust.

Numbers out of range are clamped, as a slider would; what is no number at all is refused with one
sentence. All readers raise ValueError.
"""

from __future__ import annotations

import math
from typing import Any

MAX_PROMPT = 20_000
"""Characters of a prompt: more than any context here can hold, little enough to send on every key."""

SPOKEN = {"n_layer": "Layers", "n_head": "Heads", "n_embd": "Width", "n_ctx": "Context"}


def whole(request: dict[str, Any], name: str, low: int, high: int, default: int | None = None) -> int:
    """A whole number, clamped to low .. high."""
    return round(number(request, name, low, high, default))


def number(request: dict[str, Any], name: str, low: float, high: float, default: float | None = None) -> float:
    """A finite number, clamped to low .. high."""
    value = request.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{_spoken(name)} must be a number from {low:g} to {high:g}.")
    return min(high, max(low, value))


def text(request: dict[str, Any], name: str, limit: int = MAX_PROMPT, default: str | None = None) -> str:
    """A text of at most `limit` characters. Half of a surrogate pair becomes U+FFFD."""
    value = request.get(name, default)
    if not isinstance(value, str):
        raise ValueError(f"{_spoken(name)} must be a text.")
    if len(value) > limit:
        raise ValueError(f"{_spoken(name)} has {len(value):,} characters; use at most {limit:,}.")
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def choice(request: dict[str, Any], name: str, choices: Any, default: str | None = None) -> str:
    """One of the given texts."""
    value = request.get(name, default)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{_spoken(name)} must be one of: {', '.join(choices)}.")
    return value


def flag(request: dict[str, Any], name: str, default: bool = False) -> bool:
    """True or false."""
    value = request.get(name, default)
    if not isinstance(value, bool):
        raise ValueError(f"{_spoken(name)} must be true or false.")
    return value


def _spoken(name: str) -> str:
    """What the page calls it."""
    return SPOKEN.get(name) or name.replace("_", " ").capitalize()
