"""Texts from a table: one column of a .csv file, or one field of a .jsonl file (one JSON object a line)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from llm.corpora.corpus import Corpus
from llm.corpora.files import MAX_BYTES, YOUR_OWN, read_bytes, text_from_bytes
from llm.tokenizers.base import well_formed

TABLES = (".csv", ".jsonl")
BETWEEN = "\n\n"
"""Stands between the texts of two rows: a blank line."""
_LOOKED_AT = 1_000  # rows in which the fields of a .jsonl file are looked for


def is_table(path: str | Path) -> bool:
    """Whether a file's name says that it holds a table."""
    return Path(path).suffix.lower() in TABLES


def columns_of(path: str | Path, max_bytes: int = MAX_BYTES) -> list[str]:
    """The names of a table's columns: a .csv file's first line; the text fields of a .jsonl file's first 1,000 rows.

    Raises ValueError as `read_table` does.
    """
    path = Path(path)
    text = _text(path, max_bytes)
    if path.suffix.lower() == ".csv":
        return [name for name in _header(_csv_rows(text, path.name), path.name) if name]
    names: dict[str, None] = {}  # in the order in which they come
    for _, row in islice(_json_rows(text, path.name), _LOOKED_AT):
        names |= {name: None for name, value in row.items() if name and isinstance(value, str)}
    if not names:
        raise ValueError(f"No field of {path.name!r} holds text; choose another file.")
    return list(names)


def read_table(path: str | Path, column: str, max_bytes: int = MAX_BYTES) -> Corpus:
    """The texts of one column as a corpus, a blank line between two; rows that have none are left out.

    Raises ValueError, naming the row and line, when the file is no table, can't be read (as
    `read_text_file` says), has no such column, or nothing but blanks in it.
    """
    path = Path(path)
    text = _text(path, max_bytes)
    read = _csv_column if path.suffix.lower() == ".csv" else _json_field
    # JSON can spell line ends that text_from_bytes never saw, and halves of characters.
    rows = (well_formed(row).replace("\r\n", "\n").replace("\r", "\n").strip() for row in read(text, column, path.name))
    texts = [row for row in rows if row]
    if not texts:
        raise ValueError(f"Column {column!r:.60} of {path.name!r} holds no text; choose another.")
    return Corpus(
        name=path.name, title=f"{path.stem}: {column}", text=BETWEEN.join(texts) + "\n",
        source=f"{path.name}, column {column}", licence=YOUR_OWN,
    )  # fmt: skip


def _text(path: Path, max_bytes: int) -> str:
    if not is_table(path):
        raise ValueError(f"{path.name!r} is no table; choose a .csv or .jsonl file.")
    return text_from_bytes(read_bytes(path, max_bytes), path.name)


def _csv_column(text: str, column: str, name: str) -> Iterator[str]:
    rows = _csv_rows(text, name)
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


def _csv_rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Each row's cells, with the line on which it starts (from 1); empty lines are left out."""
    # The limit belongs to the whole process, so it is only ever raised; a cell may well hold a whole book.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    first = text.lstrip("\n").partition("\n")[0]
    delimiter = max(",;\t", key=first.count)  # of equally many the earlier one
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"The row in line {line:,} of {name!r} is not sound ({error}); check its quotes.") from error


def _header(rows: Iterator[tuple[int, list[str]]], name: str) -> list[str]:
    """The first row. A column without a name (an index that pandas wrote) can't be chosen."""
    _, header = next(rows)
    names = [column for column in header if column]
    if len(set(names)) != len(names):
        raise ValueError(f"Two columns of {name!r} have the same name; rename one in its first line.")
    return header


def _json_field(text: str, field: str, name: str) -> Iterator[str]:
    known: dict[str, None] = {}
    for line, row in _json_rows(text, name):
        known |= dict.fromkeys(row)
        value = row.get(field)
        if not isinstance(value, str | None):
            raise ValueError(f"{field!r:.60} in line {line:,} of {name!r} is no text; choose another field.")
        yield value or ""
    _check_known(field, list(known), name)


def _json_rows(text: str, name: str) -> Iterator[tuple[int, dict[str, object]]]:
    """Each object, with its line (from 1); empty lines are left out."""
    for line, written in enumerate(text.split("\n"), start=1):
        if not written.strip():
            continue
        try:
            row = json.loads(written)
        except (ValueError, RecursionError) as error:
            raise ValueError(f'Line {line:,} of {name!r} is no JSON; each must be like {{"text": "..."}}.') from error
        if not isinstance(row, dict):
            raise ValueError(f'Line {line:,} of {name!r} is no object; each must be like {{"text": "..."}}.')
        yield line, row


def _check_known(column: str, known: Sequence[str], name: str) -> None:
    if not column or column not in known:
        listed = ", ".join(filter(None, known))
        raise ValueError(f"{name!r} has no column {column!r:.60}; choose {listed[:300]}.")
