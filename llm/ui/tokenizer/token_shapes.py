"""How tokens lie on a text: what of a token can be read, which share a character, where rows line up.

All places are in bytes of the text's UTF-8, because that is what tokens are made of. A character is
what a reader takes for one (a grapheme cluster, Unicode Standard Annex 29): an emoji of several code
points, or a letter with its accents.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

import regex

from llm.tokenizers import Tokenizer, WhitespaceTokenizer
from llm.tokenizers.byte_level import PATTERN

Span = tuple[int, int]
Part = dict[str, str]

# Flags are pairs. `\X` alone counts, at each of them, all those before it.
_CLUSTER = r"\p{RI}\p{RI}(?=\p{RI})|\X"
_GRAPHEME = regex.compile(_CLUSTER)
# Unlike Unicode, we let a line break of two characters count as two: readers see neither as one sign.
_CHARACTER = regex.compile(rf"\r|{_CLUSTER}")
# Only here can a character have more than one code point, but for line breaks of two.
_MIXED = regex.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")
_UNSEEN = {"Mn", "Mc", "Me", "Cc", "Cf", "Cn", "Co", "Zs", "Zl", "Zp"}


def readable(data: bytes) -> list[Part]:
    """A token's bytes as {"text": ...} and {"hex": ...}, in order.

    Hex is whatever would show nothing or mislead on its own: bytes that are no whole UTF-8
    character, accents without their letter, and signs without a shape (but space, tab, line break
    and the other ASCII controls, which the page can make visible).
    """
    if data.isascii() and data and b"\x7f" not in data:
        return [{"text": data.decode("ascii")}]
    parts: list[tuple[str, list[str]]] = []

    def add(name: str, value: str) -> None:
        if not parts or parts[-1][0] != name:
            parts.append((name, []))
        parts[-1][1].append(value)

    for text, broken in decoded(data):
        for character in _CHARACTER.findall(text):
            if _seen(character):
                add("text", character)
            else:
                add("hex", character.encode().hex(" "))
        if broken:
            add("hex", broken.hex(" "))
    return [{name: (" " if name == "hex" else "").join(values)} for name, values in parts]


def _marked(error: UnicodeError) -> tuple[str, int]:
    """Stands for bytes that are no character: a low surrogate each, which no UTF-8 has, and a last one as their end."""
    assert isinstance(error, UnicodeDecodeError)
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]) + "\udfff", error.end


codecs.register_error("glassbox.marked", _marked)
_BROKEN = re.compile("([\udc00-\udcff]+)\udfff")


def decoded(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Stretches of whole UTF-8 characters, each with the bytes after it that are none."""
    text, start = data.decode("utf-8", "glassbox.marked"), 0
    for match in _BROKEN.finditer(text):
        yield text[start : match.start()], bytes(ord(sign) - 0xDC00 for sign in match[1])
        start = match.end()
    if start < len(text):
        yield text[start:], b""


def inside_characters(text: str) -> set[int]:
    """The places that lie inside a character: no token should begin or end there."""
    places: set[int] = set()
    start = place = 0
    for stretch in _MIXED.finditer(text):
        place += len(text[start : stretch.start()].encode())
        start, at = stretch.start(), place
        for character in _CHARACTER.findall(text[start : stretch.end() + 1]):  # one more: some signs take it in
            size = len(character.encode())
            places.update(range(at + 1, at + size))
            at += size
    return places


def pieces_of(text: str) -> list[str]:
    """The pieces into which GPT-2's pattern cuts a text before any merge."""
    pieces: list[str] = regex.findall(PATTERN, text)
    return pieces


def piece_ends(pieces: Iterable[str]) -> set[int]:
    """Where the pieces of a text end."""
    return set(accumulate(len(piece) if piece.isascii() else len(piece.encode()) for piece in pieces))


def text_counts(text: str) -> dict[str, int]:
    """How long a text is before anything cuts it up.

    Characters are code points, as Python counts them; graphemes are what a reader takes for one.
    """
    graphemes = len(text) - text.count("\r\n")
    for match in _MIXED.finditer(text):
        stretch = text[match.start() : match.end() + 1]
        graphemes -= len(stretch) - len(_GRAPHEME.findall(stretch))
    size = {"bytes": len(text.encode()), "characters": len(text)}
    return {**size, "graphemes": graphemes, "words": len(text.split())}


def token_spans(tokenizer: Tokenizer, text: str, ids: Sequence[int], special: bool = False) -> list[Span]:
    """Start and end of each token in the text's bytes. Whitespace tokens are their words, known or not.

    `special`: names of special tokens are tokens, as `encode_special` has it.
    """
    if not isinstance(tokenizer, WhitespaceTokenizer):
        return tokenizer.spans(ids)
    spans: list[Span] = []
    at = 0
    for part, name in tokenizer.split_special(text) if special else [(text, False)]:
        size = len(part.encode())
        spans += [(at, at + size)] if name else [(at + start, at + end) for start, end in word_spans(part)]
        at += size
    return spans


def word_spans(text: str) -> list[Span]:
    """Start and end of each word between white space."""
    spans, at, end = [], 0, 0
    for match in re.finditer(r"\S+", text):
        start = at + len(text[end : match.start()].encode())
        end, at = match.end(), start + len(match.group().encode())
        spans.append((start, at))
    return spans


def shared_characters(text: str, spans: Sequence[Span]) -> list[tuple[int, int, str]]:
    """Neighbouring tokens with a character between them: the first token, how many, and their text.

    `spans` are of tokens that follow one another without gaps; a character that only a part of them covers
    is left out. Those without a shape are named: U+202E.
    """
    inside = inside_characters(text)
    if not inside:
        return []
    data = text.encode()
    groups, first = [], next((i for i, (start, _) in enumerate(spans) if start not in inside), len(spans))
    for i in range(first, len(spans)):
        end = spans[i][1]
        if end not in inside:
            if i > first:
                groups.append((first, i + 1 - first, _named(data[spans[first][0] : end].decode("utf-8"))))
            first = i + 1
    return groups


def columns(size: int, rows: Iterable[Sequence[Span]]) -> list[int]:
    """Where the columns begin in which several rows of tokens over `size` bytes line up.

    A column begins wherever no row has a token that reaches across.
    """
    across: set[int] = set()
    for spans in rows:
        for start, end in spans:
            across.update(range(start + 1, end))
    return [place for place in range(size) if place not in across]


def cells(starts: Sequence[int], spans: Sequence[Span]) -> list[int]:
    """How many tokens of a row stand in each column."""
    counts = [0] * len(starts)
    for start, _ in spans:
        counts[bisect_right(starts, start) - 1] += 1
    return counts


def _seen(character: str) -> bool:
    """Whether a character shows on its own. Space, tab, line break and other ASCII controls do: the page sees to it."""
    return character[0] < "\x7f" or unicodedata.category(character[0]) not in _UNSEEN


def _named(text: str) -> str:
    return "".join(c if _seen(c) else " ".join(f"U+{ord(point):04X}" for point in c) for c in _CHARACTER.findall(text))
