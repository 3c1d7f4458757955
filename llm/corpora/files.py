"""A person's own text file, read with care: size first, then kind, then encoding."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from llm.corpora.corpus import Corpus
from llm.corpora.encodings import decode

YOUR_OWN = "your own"
"""The licence of a person's own file, as far as anybody here knows."""
BLOCK = 1_000_000
"""Bytes that are read at a time."""
_GZIP = b"\x1f\x8b"


def read_text_file(path: str | Path, max_bytes: int | None = None, encoding: str | None = None) -> Corpus:
    """Read a text file (.txt, .md and the like) as a corpus; `llm.corpora.tables` reads .csv, .jsonl and others.

    Raises ValueError, naming the remedy, when there is no such file, or it is too large (known
    before it is read), empty, binary or not in that encoding (UTF-8 if None).
    """
    path = Path(path)
    text = not_blank("".join(decode(blocks_of(path, max_bytes), path.name, encoding)), path.name)
    return Corpus(name=path.name, title=path.stem, text=text, source=path.name, licence=YOUR_OWN)


def text_from_bytes(data: bytes, name: str) -> str:
    """The text of a UTF-8 file, as `decode` reads it. Raises ValueError as that, and when it is blank."""
    return not_blank("".join(decode([data], name)), name)


def not_blank(text: str, name: str) -> str:
    """The text. Raises ValueError when there is nothing in it."""
    if not text.strip():
        raise ValueError(f"{name!r} holds no text; choose a file with something to learn from.")
    return text


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """What a file holds. Raises ValueError when there is no such file, or it is too large or not readable."""
    check_file(path, max_bytes)
    try:
        with open(path, "rb") as file:
            data = file.read(max_bytes + 1)  # bounded, in case the file is still growing
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(data) > max_bytes:
        raise too_large(path.name, len(data), max_bytes)
    return data


def blocks_of(
    path: Path, max_bytes: int | None = None, on_read: Callable[[int], None] | None = None
) -> Iterator[bytes]:
    """What a file holds, unpacked if it is gzipped, a megabyte at a time.

    `on_read` is called with how many more bytes of the file itself were read. Raises ValueError as
    `read_bytes` does, and when the packing is damaged.
    """
    check_file(path, max_bytes)
    total, before = 0, 0
    try:
        with open(path, "rb") as file:
            packed = file.peek(2)[:2] == _GZIP
            unpacked: BinaryIO = gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[assignment]
            while block := unpacked.read(BLOCK):
                total += len(block)
                if max_bytes is not None and total > max_bytes:
                    raise too_large(path.name, total, max_bytes)
                if on_read is not None:
                    on_read(file.tell() - before)
                    before = file.tell()
                yield block
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path.name!r} can't be unpacked ({error}); copy or pack it again.") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def check_file(path: Path, max_bytes: int | None = None) -> None:
    """Raises ValueError when there is no such file or it is too large."""
    if not path.is_file():  # a folder has no text, and reading a pipe could wait for ever
        raise ValueError(f"There is no file {str(path)!r}; check the path.")
    if max_bytes is not None and path.stat().st_size > max_bytes:
        raise too_large(path.name, path.stat().st_size, max_bytes)


def _unreadable(path: Path, error: OSError) -> ValueError:
    return ValueError(f"{path.name!r} can't be read ({error.strerror}); check its permissions.")


def too_large(name: str, size: int, max_bytes: int) -> ValueError:
    """What is said of a file beyond a limit."""
    return ValueError(f"{name!r} has {size:,} bytes or more; the limit is {max_bytes:,}, so use a part of it.")
