"""A person's own text of any size: a file, a column of a table, or a folder of such, read in pieces.

One pass over it tells what it is known by, which characters it has, and gathers a sample for a tokenizer
to learn from. What is small is a `Corpus` after that; what is not stays on the disk as a `LargeText`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from llm.corpora.corpus import Corpus, Progress
from llm.corpora.encodings import MARKS, decode
from llm.corpora.files import YOUR_OWN, blocks_of, check_file, not_blank
from llm.corpora.tables import BETWEEN, TableFile, columns_of, is_table, table_pieces

IN_MEMORY = 32_000_000
"""Characters that a text may have to be kept in memory as a whole."""
SAMPLE = 32_000_000
"""Characters of a larger text, spread over all of it, that a tokenizer learns from."""
_PIECE = 1_000_000


@dataclass(frozen=True)
class OwnFiles:
    """Where a text lies, and how to read it."""

    path: Path
    """A file or a folder."""
    files: tuple[Path, ...]
    column: str | None
    encoding: str | None
    left_out: int = 0
    """Files of the folder that hold no text, or tables where no column is named."""

    def pieces(self, on_progress: Progress | None = None) -> Iterator[str]:
        """The text in pieces of about a megabyte; between two files a blank line. Raises ValueError as the readers."""
        total, done, held = sum(file.stat().st_size for file in self.files), 0, ""

        def read(count: int) -> None:
            nonlocal done
            done += count
            if on_progress is not None:
                on_progress(done, total)

        for number, file in enumerate(self.files):
            held += BETWEEN if number else ""
            for piece in self._pieces(file, read):
                held += piece
                if len(held) >= _PIECE:
                    yield held
                    held = ""
        yield held

    def _pieces(self, file: Path, on_read: Callable[[int], None]) -> Iterator[str]:
        if self.column is None:
            return decode(blocks_of(file, on_read=on_read), file.name, self.encoding)
        return table_pieces(TableFile(file, encoding=self.encoding, on_read=on_read), self.column)


@dataclass(frozen=True)
class LargeText:
    """A text that stays on the disk; what a `Corpus` has too is described there."""

    name: str
    title: str
    source: str
    licence: str
    hash: str
    own: OwnFiles
    n_characters: int
    alphabet: str
    """Every character that it has, once."""
    sample: str
    """SAMPLE characters of it or fewer, from everywhere."""

    def pieces(self, on_progress: Progress | None = None) -> Iterator[str]:
        """The text in pieces. Raises ValueError as the first reading, should the files have changed."""
        yield from self.own.pieces(on_progress)

    def whole(self) -> Corpus:
        """The text in memory, however much that takes."""
        return Corpus(self.name, self.title, "".join(self.pieces()), self.source, self.licence)


Text = Corpus | LargeText
"""A text to learn from, in memory or on the disk."""


def own_files(path: str | Path, column: str | None = None, encoding: str | None = None) -> OwnFiles:
    """The files that make up a person's text; of a folder those that hold text, or the tables if a column is named.

    Raises ValueError when there are none, or a table's column isn't named.
    """
    path = Path(path)
    if not path.is_dir():
        check_file(path)
        if column is None and is_table(path):
            columns = ", ".join(columns_of(path, encoding=encoding))
            raise ValueError(f"{path.name} is a table; give a --column: {columns[:300]}.")
        return OwnFiles(path, (path,), column, encoding)
    hidden = (file for file in sorted(path.rglob("*")) if file.is_file())
    seen = [file for file in hidden if not any(part.startswith(".") for part in file.relative_to(path).parts)]
    files = [
        file for file in seen if is_table(file) == (column is not None) and (column or encoding or _may_be_text(file))
    ]
    if not files:
        what = "no tables" if column else "no text files"
        raise ValueError(f"The folder {str(path)!r} holds {what}; choose another{'' if column else ', or a --column'}.")
    return OwnFiles(path, tuple(files), column, encoding, len(seen) - len(files))


def read_own_text(own: OwnFiles, on_progress: Progress | None = None, in_memory: int = IN_MEMORY) -> Text:
    """Read a person's text once. Raises ValueError when it is blank or can't be read, as the readers say."""
    name, title, source = own.path.name, own.path.stem, own.path.name
    if own.path.is_dir():
        name, title = own.path.resolve().name, own.path.resolve().name
        source = f"{name}, {len(own.files):,} files"
    if own.column is not None:
        title, source = f"{title}: {own.column}", f"{source}, column {own.column}"
    digest, alphabet, n_characters = hashlib.sha256(), set[str](), 0
    whole: list[str] | None = []
    sample = _Sample()
    for piece in own.pieces(on_progress):
        digest.update(piece.encode("utf-8", "replace"))
        alphabet |= set(piece)
        n_characters += len(piece)
        if whole is not None:
            whole.append(piece)
            if n_characters > in_memory:
                whole = None
        sample.add(piece)
    not_blank("".join(alphabet), name)
    if whole is not None:
        return Corpus(name, title, "".join(whole), source, YOUR_OWN)
    known = (name, title, source, YOUR_OWN, digest.hexdigest())
    return LargeText(*known, own, n_characters, "".join(sorted(alphabet)), sample.text())


class _Sample:
    """Every n-th piece of a text whose length nobody knows; n doubles whenever there are too many."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0
        self._every = 1
        self._seen = 0

    def add(self, piece: str) -> None:
        if self._seen % self._every == 0:
            self._pieces.append(piece)
            self._size += len(piece)
            while self._size > SAMPLE and len(self._pieces) > 1:
                self._pieces = self._pieces[::2]
                self._size = sum(map(len, self._pieces))
                self._every *= 2
        self._seen += 1

    def text(self) -> str:
        return "".join(self._pieces)[:SAMPLE]


def _may_be_text(file: Path) -> bool:
    """Whether the beginning of a file looks like text: no zero bytes, but for an encoding that begins with its mark."""
    block = next(blocks_of(file), b"")
    return b"\0" not in block or block.startswith(tuple(MARKS))
