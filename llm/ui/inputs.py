"""Reading what the page sent. Endpoints are public, so nothing in a request is taken on trust.

Numbers out of range are clamped, as a slider would; what is no number at all is refused with one
sentence. All readers raise ValueError.
"""

from __future__ import annotations

import math
from typing import Any

from llm.settings import Setting, spelt_out

MAX_PROMPT = 20_000
"""Characters of a prompt: more than any context here can hold, little enough to send on every key."""
_WHOLE = 2**64


def setting(request: dict[str, Any], known: Setting) -> Any:
    """The value of one of the configs' settings, its default if the request doesn't name it. Numbers are clamped."""
    name, label = known.name, known.label
    match known.kind:
        case "whole" | "number":
            value = number(request, name, known.low, known.high, known.default, label=label)
            return round(value) if known.kind == "whole" else value
        case "choice":
            return choice(request, name, known.choices, known.default, label=label)
        case "switch":
            return flag(request, name, known.default, label=label)
    return request.get(name, known.default)  # its config refuses what it can't be


def whole(request: dict[str, Any], name: str, low: int, high: int, default: int | None = None) -> int:
    """A whole number, clamped to low .. high."""
    return round(number(request, name, low, high, default))


def number(
    request: dict[str, Any], name: str, low: float, high: float, default: float | None = None, *, label: str = ""
) -> float:
    """A finite number, clamped to low .. high."""
    value = request.get(name, default)
    if isinstance(value, int) and not isinstance(value, bool):
        value = min(_WHOLE, max(-_WHOLE, value))  # a float may not hold it, and no setting takes more
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        span = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        raise ValueError(f"{label or spelt_out(name)} must be a number {span}.")
    return min(high, max(low, value))


def text(request: dict[str, Any], name: str, limit: int = MAX_PROMPT, default: str | None = None) -> str:
    """A text of at most `limit` characters. Half of a surrogate pair becomes U+FFFD."""
    value = request.get(name, default)
    if not isinstance(value, str):
        raise ValueError(f"{spelt_out(name)} must be a text.")
    if len(value) > limit:
        raise ValueError(f"{spelt_out(name)} has {len(value):,} characters; use at most {limit:,}.")
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def choice(request: dict[str, Any], name: str, choices: Any, default: str | None = None, *, label: str = "") -> str:
    """One of the given texts."""
    value = request.get(name, default)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{label or spelt_out(name)} must be one of: {', '.join(choices)}.")
    return value


def flag(request: dict[str, Any], name: str, default: bool = False, *, label: str = "") -> bool:
    """True or false."""
    value = request.get(name, default)
    if not isinstance(value, bool):
        raise ValueError(f"{label or spelt_out(name)} must be true or false.")
    return value
