"""A text that is being typed, and its tokens: only what changed since the last answer goes to the page.

The page sends an edit, the whole text is encoded again (2 ms for 10,000 characters, and never wrong),
and the new tokens are held against the old ones. Of long texts a window of tokens is drawn.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm.tokenizers import MergingTokenizer, Tokenizer, WhitespaceTokenizer
from llm.ui import inputs
from llm.ui.memory import Memory, Shelf
from llm.ui.panel import Request
from llm.ui.tokenizer.token_shapes import piece_ends, shared_characters, token_spans

MAX_TEXT = 1_000_000
"""Characters of one sheet."""
IDLE_SECONDS = 1_800.0
"""A page whose text is gone sends it again."""
WINDOW = 3_000
"""Tokens that are drawn at once, about: what is drawn begins and ends where it did while a visitor types."""
_CONTEXT = 400  # bytes behind the window that the pattern may look at

Unit = tuple[tuple[int, ...], tuple[bool, ...], str | None, str | None]
"""What is drawn as one: the ids of a token, or of several that share a character; for each whether a piece of
the first cut ends after it (True for kinds without such a cut); the shared text; a note: "special", or the word
that an unknown token stands for."""


@dataclass
class EditedText:
    """A text as the page shows it now."""

    text: str
    tokenizer: Tokenizer
    special: bool
    version: int = 0
    ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    first: int = 0
    """The first token that is drawn."""
    last: int = 0
    """The first that is not drawn any more."""
    units: list[Unit] = field(default_factory=list)
    known: set[int] = field(default_factory=set)
    """Tokens that the page has been told all about."""


class EditedTexts:
    """The texts of all visitors, by visitor and page."""

    def __init__(self, memory: Memory) -> None:
        self._kept = Shelf[EditedText](memory, idle_seconds=IDLE_SECONDS)

    def get(self, key: tuple[str, str], version: int) -> EditedText | None:
        """The sheet in the state that the page knows, or None."""
        sheet = self._kept.get(key)
        return sheet if sheet and sheet.version == version else None

    def put(self, key: tuple[str, str], sheet: EditedText) -> None:
        """Keep it; others go when there are too many."""
        self._kept.make(key, _bytes(sheet), lambda: sheet, owner=key[0])


def edited(old: str, request: Request) -> str:
    """The text after the request's edit: `removed` characters at `at` give way to `added`."""
    at = inputs.whole(request, "at", 0, len(old))
    removed = inputs.whole(request, "removed", 0, len(old) - at)
    return old[:at] + inputs.text(request, "added", MAX_TEXT) + old[at + removed :]


def turn(
    old: EditedText | None, text: str, tokenizer: Tokenizer, special: bool, first: int | None = None
) -> tuple[EditedText, dict[str, Any]]:
    """The sheet of a new text, and what the page has to change: `ids` and `units` as [from, removed, added].

    `fresh`: nothing that the page has can stay. `new` are tokens that it doesn't know yet.
    `first` is a token whose window is asked for; else the window stays, or goes where the text changed.
    Raises ValueError where `encode` does.
    """
    fresh = old is None or old.special != special or old.tokenizer.hash != tokenizer.hash
    before = old if old and not fresh else EditedText("", tokenizer, special, old.version if old else 0)
    normal = tokenizer.normalize(text)
    encoded = tokenizer.encode_special(normal) if special else tokenizer.encode(normal)
    ids = np.array(encoded, dtype=np.int64)
    start, removed, added = _difference(before.ids, ids)
    first, last = _window(before, len(ids), (start, removed, len(added)), first)
    drawn = units(tokenizer, normal, ids[first:last], special, ids[:first])
    change = _difference_of_lists(before.units if before.first == first else [], drawn)
    if before.first != first:
        change = (0, len(before.units), drawn)
    new = {id for unit in change[2] for id in unit[0]} - before.known
    sheet = EditedText(text, tokenizer, special, before.version + 1, ids, first, last, drawn, before.known | new)
    return sheet, {
        "version": sheet.version,
        "ids": [start, removed, added.tolist()],
        "units": list(change),
        "first": first,
        "last": last,
        "fresh": fresh,
        "new": new,
    }


def _window(before: EditedText, total: int, change: tuple[int, int, int], asked: int | None) -> tuple[int, int]:
    """The tokens to draw. Those before and after a change inside the window stay, so they need not be sent."""
    start, removed, added = change
    if asked is None and (before.first <= start <= before.last or not (removed or added)):
        last = min(total, before.last + added - removed)
        if WINDOW // 2 <= last - before.first <= 2 * WINDOW:
            return before.first, last
        asked = before.first
    first = max(0, start - WINDOW // 2) if asked is None else asked
    first = min(first, max(0, total - 1))
    return first, min(total, first + WINDOW)


def units(
    tokenizer: Tokenizer, text: str, ids: NDArray[np.int64], special: bool, earlier: NDArray[np.int64]
) -> list[Unit]:
    """What is drawn of a text for some of its tokens, those that stand behind the `earlier` ones."""
    names = set(tokenizer.special_tokens.values()) if special else set()
    drawn = ids.tolist()
    data = text.encode()
    if isinstance(tokenizer, WhitespaceTokenizer):
        spans = token_spans(tokenizer, text, [], special)[len(earlier) : len(earlier) + len(ids)]
        words = [data[start:end].decode() for start, end in spans]
        return [
            ((id,), (True,), None, _note(id, names - {0}) or (word[:80] if id == 0 else None))
            for id, word in zip(drawn, words, strict=True)
        ]
    seen, times = np.unique(earlier, return_counts=True)
    begin = sum(len(tokenizer.token_bytes(id)) * n for id, n in zip(seen.tolist(), times.tolist(), strict=True))
    right = list(accumulate(len(tokenizer.token_bytes(id)) for id in drawn))
    start, part = _surroundings(data, begin, begin + right[-1] if right else begin)
    spans = [(begin - start + left, begin - start + end) for left, end in pairwise([0, *right])]
    ends = _piece_ends(tokenizer, part, special)
    apart = [ends is None or end in ends for _, end in spans]
    found: list[Unit] = [((id,), (end,), None, None) for id, end in zip(drawn, apart, strict=True)]
    if names:
        found = [(*unit[:3], _note(unit[0][0], names)) for unit in found]
    for at, size, shared in reversed(shared_characters(part, spans)):
        found[at : at + size] = [(tuple(drawn[at : at + size]), tuple(apart[at : at + size]), shared, None)]
    return found


def _note(id: int, special: set[int]) -> str | None:
    return "special" if id in special else None


def _surroundings(data: bytes, begin: int, end: int) -> tuple[int, str]:
    """The text from the last line start before `begin` at which a piece surely begins, to a little after `end`."""
    start = begin + 1
    while start > 0:
        start = data.rfind(b"\n", 0, start - 1) + 1
        if data[start : start + 1].isalnum():  # letters and digits never join a line break
            break
    stop = min(len(data), end + _CONTEXT)
    while stop < len(data) and data[stop] & 0xC0 == 0x80:
        stop += 1
    return start, data[start:stop].decode()


def _piece_ends(tokenizer: Tokenizer, text: str, special: bool) -> set[int] | None:
    if not isinstance(tokenizer, MergingTokenizer):
        return None
    parts = tokenizer.split_special(text) if special else [(text, False)]
    return piece_ends(piece for part, name in parts for piece in ([part] if name else tokenizer.pieces(part)))


def _bytes(sheet: EditedText) -> int:
    """What a text takes in memory, about."""
    return 2_000 + sys.getsizeof(sheet.text) + sheet.ids.nbytes + 500 * len(sheet.units) + 60 * len(sheet.known)


def _difference(old: NDArray[np.int64], new: NDArray[np.int64]) -> tuple[int, int, NDArray[np.int64]]:
    """Where two lists begin to differ, how many of the old and which of the new stand there."""
    shorter = min(len(old), len(new))
    start = _common(old[:shorter], new[:shorter])
    rest = shorter - start
    end = _common(old[len(old) - rest :][::-1], new[len(new) - rest :][::-1])
    return start, len(old) - start - end, new[start : len(new) - end]


def _common(a: NDArray[np.int64], b: NDArray[np.int64]) -> int:
    """How many of their first elements two lists of equal length share."""
    different = np.flatnonzero(a != b)
    return int(different[0]) if len(different) else len(a)


def _difference_of_lists(old: list[Unit], new: list[Unit]) -> tuple[int, int, list[Unit]]:
    shorter = min(len(old), len(new))
    start = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    end = next((i for i in range(shorter - start) if old[-1 - i] != new[-1 - i]), shorter - start)
    return start, len(old) - start - end, new[start : len(new) - end]
