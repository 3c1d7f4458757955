"""A person's own text file, read with care: size first, then kind, then encoding."""

from __future__ import annotations

import codecs
from pathlib import Path

from llm.corpora.corpus import Corpus

MAX_BYTES = 20_000_000
YOUR_OWN = "your own"
"""The licence of a person's own file, as far as anybody here knows."""


def read_text_file(path: str | Path, max_bytes: int = MAX_BYTES) -> Corpus:
    """Read a UTF-8 text file (.txt, .md and the like) as a corpus; `llm.corpora.csv_files` reads .csv and .jsonl.

    Raises ValueError, naming the remedy, when there is no such file, or it is too large (known
    before it is read), empty, binary or not UTF-8.
    """
    path = Path(path)
    text = text_from_bytes(read_bytes(path, max_bytes), path.name)
    return Corpus(name=path.name, title=path.stem, text=text, source=path.name, licence=YOUR_OWN)


def read_bytes(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """What a file holds. Raises ValueError when there is no such file, or it is too large or not readable."""
    if not path.is_file():  # a folder has no text, and reading a pipe could wait for ever
        raise ValueError(f"There is no file {str(path)!r}; check the path.")
    if path.stat().st_size > max_bytes:
        raise _too_large(path.name, path.stat().st_size, max_bytes)
    try:
        with open(path, "rb") as file:
            data = file.read(max_bytes + 1)  # bounded, in case the file is still growing
    except OSError as error:
        raise ValueError(f"{path.name!r} can't be read ({error.strerror}); check its permissions.") from error
    if len(data) > max_bytes:
        raise _too_large(path.name, len(data), max_bytes)
    return data


def text_from_bytes(data: bytes, name: str) -> str:
    """The text of a UTF-8 file: without byte order mark, every line ending a plain newline.

    Raises ValueError when it is blank, binary or not UTF-8; the first wrong byte is named by its
    offset (from 0) and line (from 1).
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError(f"{name!r} is UTF-16 text; save it again as UTF-8.")
    if b"\0" in data:
        raise ValueError(f"{name!r} is not a text file (it holds zero bytes); choose a plain text file.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{name!r} is not UTF-8: byte {error.start:,}, in line {line:,}, is 0x{data[error.start]:02x}; "
            "save the file again as UTF-8."
        ) from error
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise ValueError(f"{name!r} holds no text; choose a file with something to learn from.")
    return text


def _too_large(name: str, size: int, max_bytes: int) -> ValueError:
    return ValueError(f"{name!r} has {size:,} bytes or more; the limit is {max_bytes:,}, so use a part of it.")
