"""Texts from a table, row by row: .csv and .tsv, .jsonl (a JSON object a line), .json (a list of them), .parquet.

Each kind is a way to read its rows, `_KINDS`. Everything but .json is read in pieces, so a table may be
larger than the memory. A name may end in .gz.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from llm.corpora.corpus import Corpus
from llm.corpora.encodings import decode
from llm.corpora.files import YOUR_OWN, blocks_of, check_file, not_blank, too_large
from llm.tokenizers.base import well_formed

BETWEEN = "\n\n"
"""Stands between the texts of two rows: a blank line."""
_LOOKED_AT = 1_000  # rows in which the fields of a .jsonl file are looked for
_LONGEST_CELL = 2**31 - 1
_EXAMPLE = 'like {"text": "..."}'


@dataclass(frozen=True)
class TableFile:
    """A file that holds a table, and how it is to be read."""

    path: Path
    max_bytes: int | None = None
    """A larger file is refused."""
    encoding: str | None = None
    """UTF-8 if None."""
    on_read: Callable[[int], None] | None = None
    """Called with how many more bytes of the file were read."""

    def lines(self) -> Iterator[str]:
        """Its lines, each with its end."""
        rest = ""
        for piece in decode(blocks_of(self.path, self.max_bytes, self.on_read), self.path.name, self.encoding):
            *whole, rest = (rest + piece).split("\n")
            yield from (line + "\n" for line in whole)
        if rest:
            yield rest


class Row(NamedTuple):
    """One row of a table: the line on which it starts (from 1), and its cells by their columns."""

    line: int
    cells: dict[str, Any]


def is_table(path: str | Path) -> bool:
    """Whether a file's name says that it holds a table."""
    return _suffix(Path(path)) in _KINDS


def columns_of(path: str | Path, max_bytes: int | None = None, encoding: str | None = None) -> list[str]:
    """The names of a table's columns; of JSON, the text fields of the first 1,000 rows.

    Raises ValueError as `read_table` does.
    """
    path = _table(path)
    columns, _ = _KINDS[_suffix(path)]
    return columns(TableFile(path, max_bytes, encoding))


def read_table(path: str | Path, column: str, max_bytes: int | None = None, encoding: str | None = None) -> Corpus:
    """The texts of one column as a corpus, a blank line between two; rows that have none are left out.

    Raises ValueError, naming the row and line, when the file is no table, can't be read (as
    `read_text_file` says), has no such column, or nothing but blanks in it.
    """
    path, pieces, held = _table(path), [], 0
    for piece in table_pieces(TableFile(path, max_bytes, encoding), column):
        pieces.append(piece)
        held += len(piece)
        if max_bytes is not None and held > max_bytes:  # a .parquet file need hold only once what many rows have
            raise too_large(path.name, held, max_bytes)
    return Corpus(
        name=path.name, title=f"{path.stem}: {column}", text="".join(pieces),
        source=f"{path.name}, column {column}", licence=YOUR_OWN,
    )  # fmt: skip


def table_pieces(table: TableFile, column: str) -> Iterator[str]:
    """The same in pieces. Raises ValueError likewise."""
    _, rows = _KINDS[_suffix(_table(table.path))]
    empty = True
    for row in rows(table, column):
        # JSON can spell line ends that decoding never saw, and halves of characters.
        if text := well_formed(row).replace("\r\n", "\n").replace("\r", "\n").strip():
            yield text if empty else BETWEEN + text
            empty = False
    if empty:
        raise ValueError(f"Column {column!r:.60} of {table.path.name!r} holds no text; choose another.")
    yield "\n"


def _suffix(path: Path) -> str:
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()


def _table(path: str | Path) -> Path:
    path = Path(path)
    if not is_table(path):
        *others, last = _KINDS
        raise ValueError(f"{path.name!r} is no table; choose a {', '.join(others)} or {last} file.")
    return path


# ---- .csv and .tsv --------------------------------------------------------------------------------


def _csv_columns(table: TableFile) -> list[str]:
    return [name for name in _header(_csv_rows(table), table.path.name) if name]


def _csv_column(table: TableFile, column: str) -> Iterator[str]:
    name = table.path.name
    rows = _csv_rows(table)
    header = _header(rows, name)
    _check_known(column, header, name)
    at = header.index(column)
    for number, (line, cells) in enumerate(rows, start=1):
        if len(cells) != len(header):
            raise ValueError(
                f"Row {number:,} of {name!r}, in line {line:,}, has {len(cells)} cells and not {len(header)}; "
                "put cells that hold commas or line breaks in double quotes."
            )
        yield cells[at]


def _csv_rows(table: TableFile) -> Iterator[tuple[int, list[str]]]:
    """Each row's cells, with the line on which it starts (from 1); empty lines are left out."""
    # The limit belongs to the whole process, so it is only ever raised; a cell may well hold a whole book.
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    name, lines, skipped = table.path.name, table.lines(), 0
    first = ""
    for first in lines:
        skipped += 1
        if first.strip("\n"):
            break
    not_blank(first, name)
    delimiter = "\t" if _suffix(table.path) == ".tsv" else max(",;\t", key=first.count)  # of equally many the earlier
    if first.startswith("sep=") and len(first.rstrip("\n")) == 5:  # Excel's own way to say it
        delimiter = first[4]
    else:
        lines, skipped = _put_back(first, lines), skipped - 1
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    line = 1 + skipped
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1 + skipped
    except csv.Error as error:
        raise ValueError(f"The row in line {line:,} of {name!r} is not sound ({error}); check its quotes.") from error


def _put_back(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _header(rows: Iterator[tuple[int, list[str]]], name: str) -> list[str]:
    """The first row. A column without a name (an index that pandas wrote) can't be chosen."""
    _, header = next(rows, (0, []))
    names = [column for column in header if column]
    if not names:
        raise ValueError(f"{name!r} names no columns; write their names in its first line.")
    if len(set(names)) != len(names):
        raise ValueError(f"Two columns of {name!r} have the same name; rename one in its first line.")
    return header


# ---- .jsonl and .json -----------------------------------------------------------------------------


def _json_columns(rows: Callable[[TableFile], Iterator[Row]]) -> Callable[[TableFile], list[str]]:
    def columns(table: TableFile) -> list[str]:
        names: dict[str, None] = {}  # in the order in which they come
        for row in islice(rows(table), _LOOKED_AT):
            names |= {name: None for name, value in row.cells.items() if name and isinstance(value, str)}
        if not names:
            raise ValueError(f"No field of {table.path.name!r} holds text; choose another file.")
        return list(names)

    return columns


def _json_field(rows: Callable[[TableFile], Iterator[Row]]) -> Callable[[TableFile, str], Iterator[str]]:
    def field(table: TableFile, column: str) -> Iterator[str]:
        known: dict[str, None] = {}
        name = table.path.name
        for line, row in rows(table):
            known |= dict.fromkeys(row)
            value = row.get(column)
            if not isinstance(value, str | None):
                raise ValueError(f"{column!r:.60} in line {line:,} of {name!r} is no text; choose another field.")
            yield value or ""
        _check_known(column, list(known), name)

    return field


def _json_lines(table: TableFile) -> Iterator[Row]:
    """Each object, with its line; empty lines are left out."""
    name, blank = table.path.name, True
    for line, written in enumerate(table.lines(), start=1):
        if not written.strip():
            continue
        blank = False
        try:
            row = json.loads(written)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"Line {line:,} of {name!r} is no JSON; each must be {_EXAMPLE}.") from error
        if not isinstance(row, dict):
            raise ValueError(f"Line {line:,} of {name!r} is no object; each must be {_EXAMPLE}.")
        yield Row(line, row)
    if blank:
        not_blank("", name)


def _json_list(table: TableFile) -> Iterator[Row]:
    """Each object of a list, its number in place of a line; a list of texts counts as a column "text"."""
    name = table.path.name
    written = not_blank("".join(table.lines()), name)
    try:
        rows = json.loads(written)
    except (ValueError, RecursionError) as error:
        try:
            json.loads(written.lstrip().split("\n")[0])
        except (ValueError, RecursionError):
            raise ValueError(f"{name!r} is no JSON; it must be a list of objects {_EXAMPLE}.") from error
        yield from _json_lines(table)  # JSON lines, whatever the file is called
        return
    if not isinstance(rows, list):
        raise ValueError(f"{name!r} is no list; it must be a list of objects {_EXAMPLE}.")
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict | str):
            raise ValueError(f"Entry {number:,} of {name!r} is no object; each must be {_EXAMPLE}.")
        yield Row(number, row if isinstance(row, dict) else {"text": row})


# ---- .parquet -------------------------------------------------------------------------------------


@contextmanager
def _parquet(table: TableFile, column: str | None = None) -> Iterator[Any]:
    """The opened file; of the column, equal texts stay one. Raises ValueError when it can't be read, or pyarrow
    isn't there to read it."""
    name = table.path.name
    check_file(table.path, table.max_bytes)
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise ValueError(f"To read {name!r}, install what reads .parquet files: pip install pyarrow") from error
    try:
        with ParquetFile(table.path, read_dictionary=[column] if column else None) as file:
            unpacked = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
            if table.max_bytes is not None and unpacked > table.max_bytes:
                raise too_large(name, unpacked, table.max_bytes)
            yield file
    except (ArrowException, OSError) as error:
        raise ValueError(f"{name!r} is no sound .parquet file; copy it again.") from error


def _parquet_columns(table: TableFile) -> list[str]:
    with _parquet(table) as file:
        names = [field.name for field in file.schema_arrow if str(field.type) in ("string", "large_string")]
    if not names:
        raise ValueError(f"No column of {table.path.name!r} holds text; choose another file.")
    return names


def _parquet_column(table: TableFile, column: str) -> Iterator[str]:
    _check_known(column, _parquet_columns(table), table.path.name)
    with _parquet(table, column) as file:
        for batch in file.iter_batches(batch_size=1_000, columns=[column]):
            if table.on_read is not None:
                table.on_read(table.path.stat().st_size * batch.num_rows // max(1, file.metadata.num_rows))
            yield from (text.as_py() or "" for text in batch.column(0))


def _check_known(column: str, known: Sequence[str], name: str) -> None:
    if not column or column not in known:
        listed = ", ".join(filter(None, known))
        raise ValueError(f"{name!r} has no column {column!r:.60}; choose {listed[:300]}.")


_KINDS: dict[str, tuple[Callable[[TableFile], list[str]], Callable[[TableFile, str], Iterable[str]]]] = {
    ".csv": (_csv_columns, _csv_column),
    ".tsv": (_csv_columns, _csv_column),
    ".jsonl": (_json_columns(_json_lines), _json_field(_json_lines)),
    ".json": (_json_columns(_json_list), _json_field(_json_list)),
    ".parquet": (_parquet_columns, _parquet_column),
}
"""By the end of the file's name: how its columns are found, and how one is read."""
