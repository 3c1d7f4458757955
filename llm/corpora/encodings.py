"""Text from bytes: UTF-8, or the encoding that a person names; what isn't UTF-8 is told with what it looks like."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import chain

MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16's, with which it begins
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""The byte order marks with which files of other encodings begin."""
USUAL = "cp1252"
"""Of encodings that all fit, the one that most files of Western languages have."""
MAX_LIKELY = 6
_SHOWN = 40
_SAMPLE = 64_000  # bytes that are looked at from the beginning, and as many around the first that is wrong
_ESCAPES = re.compile(rb"\x1b(?:\$[@AB()]|\([IJ])")  # ISO-2022's, which are ASCII and so UTF-8 as well


class OtherEncodingError(ValueError):
    """A file that isn't UTF-8 but may be text all the same."""

    def __init__(self, what: str, likely: list[str], data: bytes) -> None:
        self.what = f"{what} as UTF-8"
        """What was found, and the first remedy."""
        self.likely = likely
        """The encodings that it may have, by Python's names, the likeliest first."""
        self.samples = {name: _sample(data, name) for name in likely}
        """How the part of the file that told it reads in each."""
        convert = f", or convert it here from what it looks like: --encoding {likely[0]}" if likely else ""
        others = f" (or {', '.join(likely[1:4])})" if likely[1:] else ""
        super().__init__(f"{self.what}{convert}{others}.")


def check_encoding(encoding: str) -> None:
    """Raises ValueError when Python knows no such encoding of text."""
    try:
        b"a".decode(encoding, "ignore")
    except (LookupError, ValueError) as error:
        raise ValueError(f"There is no encoding {encoding!r:.40}; use a name of Python's, such as cp1252.") from error


def decode(blocks: Iterable[bytes], name: str, encoding: str | None = None) -> Iterator[str]:
    """The text that the bytes of a file spell, in pieces: without byte order mark, every line ending a plain newline.

    UTF-8 unless an encoding is named. Raises ValueError, calling the file `name`, on anything else: the
    first wrong byte is named by its offset (from 0) and line (from 1), and an `OtherEncodingError` says
    what it may be.
    """
    pieces = _from_utf8(blocks, name) if encoding is None else _from_other(blocks, name, encoding)
    held, first = "", True
    for piece in pieces:
        piece = held + (piece.removeprefix("\ufeff") if first else piece)
        first = first and not piece
        held = "\r" if piece.endswith("\r") else ""  # its newline may come with the next piece
        yield piece.removesuffix(held).replace("\r\n", "\n").replace("\r", "\n")
    if held:
        yield "\n"


def _from_utf8(blocks: Iterable[bytes], name: str) -> Iterator[str]:
    carry, place, line, head = b"", 0, 1, b""
    for block in chain(blocks, [None]):
        data = carry + (block or b"")
        head = head or data[:_SAMPLE]
        if not place and (mark := next((mark for mark in MARKS if data.startswith(mark)), None)):
            raise OtherEncodingError(f"{name!r} is {MARKS[mark].upper()} text; save it again", [MARKS[mark]], head)
        if b"\0" in data:
            wide = [found for found in likely(head) if found.startswith(("utf_16", "utf_32"))]
            if wide and not place:
                called = wide[0][:6].upper().replace("_", "-")
                raise OtherEncodingError(f"{name!r} is {called} text; save it again", wide, head)
            raise ValueError(f"{name!r} is not a text file (it holds zero bytes); choose a plain text file.")
        if escape := _ESCAPES.search(data):
            part = _around(data, escape.start())
            found = [name for name in likely(part) if name.startswith("iso2022")]
            raise OtherEncodingError(f"{name!r} is ISO-2022 text; save it again", found or ["iso2022_jp"], part)
        try:
            text, used = codecs.utf_8_decode(data, "strict", block is None)
        except UnicodeDecodeError as error:
            where, wrong_line = place + error.start, line + data.count(b"\n", 0, error.start)
            part = _around(data, error.start)
            raise OtherEncodingError(
                f"{name!r} is not UTF-8: byte {where:,}, in line {wrong_line:,}, is 0x{data[error.start]:02x}; "
                "save the file again",
                likely(head + part),
                part,
            ) from error
        carry, place, line = data[used:], place + used, line + data.count(b"\n", 0, used)
        yield text


def _from_other(blocks: Iterable[bytes], name: str, encoding: str) -> Iterator[str]:
    check_encoding(encoding)
    decoder = codecs.getincrementaldecoder(encoding)()
    place = 0
    try:
        for block in chain(blocks, [None]):
            yield decoder.decode(block or b"", final=block is None)
            place += len(block or b"")
    except UnicodeError as error:
        raise ValueError(
            f"{name!r} is not {encoding}: what stands after byte {place:,} can't be read so; choose another encoding."
        ) from error


def likely(data: bytes) -> list[str]:
    """The encodings that a piece of a file may have, by Python's names, the likeliest first."""
    from charset_normalizer import from_bytes

    matches = from_bytes(data)
    found = [name for match in matches for name in (match.encoding, *match.could_be_from_charset)]
    if not found and _reads(data, USUAL) and not re.search(rb"[\0-\x08\x0e-\x1a\x7f]", data):
        found = [USUAL]  # too little for a guess, but nothing that no text has
    ranked = [USUAL, *found] if USUAL in found else found
    fit = dict.fromkeys(name for name in ranked if _reads(data, name) and name not in ("utf_8", "ascii"))
    return list(fit)[:MAX_LIKELY]


def _reads(data: bytes, encoding: str) -> bool:
    """Whether a piece of a file, which may end within a character, can be read so."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(data)
    except (UnicodeError, LookupError):
        return False
    return True


def _sample(data: bytes, encoding: str) -> str:
    """Some characters of a piece of a file, from the line with the first that isn't ASCII."""
    text = codecs.getincrementaldecoder(encoding)("replace").decode(data).removeprefix("\ufeff")
    at = next((i for i, sign in enumerate(text) if not sign.isascii()), 0)
    start = max(text.rfind("\n", 0, at) + 1, at - _SHOWN // 2)
    return " ".join(text[start : start + _SHOWN].split())


def _around(data: bytes, place: int) -> bytes:
    """A part of some bytes, in whole lines where there are any."""
    start = data.rfind(b"\n", max(0, place - _SAMPLE // 2), place) + 1 or max(0, place - 200)
    return data[start : place + _SAMPLE // 2]
