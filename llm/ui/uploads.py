"""Files that visitors bring. Each is bounded before it is read and refused with one clear sentence."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

from llm.corpora import read_text_file
from llm.corpora.corpus import text_hash
from llm.corpora.files import read_bytes
from llm.corpora.tables import columns_of, is_table, read_table
from llm.files import refuse_packed
from llm.tokenizers import MAX_IMPORT_BYTES
from llm.ui import inputs
from llm.ui.door.receiving import upload_folder
from llm.ui.panel import Request
from llm.ui.sessions import Session

TEXT_COLUMNS = ("text", "content", "body", "story", "document", "message")


@dataclass(frozen=True)
class Kept:
    """A text that was taken in."""

    name: str
    """What it is known by in `Session.uploads`."""
    columns: list[str] = field(default_factory=list)
    """All that a table has; none of a plain text."""
    column: str | None = None
    """The one whose texts were taken."""


def keep_text(session: Session, request: Request) -> Kept:
    """Take in an uploaded text, which is then deleted."""
    path = arrived(request.get("path"))
    try:
        return take_text(session, path, request)
    finally:
        remove_upload(path)


def take_text(session: Session, path: Path, request: Request) -> Kept:
    """Read a text, or of a table the column asked for or a likely one, and keep it for the session.

    Its size is bounded as that of an upload. Raises ValueError as the readers of texts and tables do.
    """
    most = round(session.limits.upload_mb * 1e6)
    encoding = inputs.text(request, "encoding", limit=40) if "encoding" in request else None
    if is_table(path):
        columns = columns_of(path, most, encoding)
        column = inputs.choice(request, "column", columns) if "column" in request else _likely(columns)
        text = read_table(path, column, most, encoding).text
        return Kept(keep_own(session, f"{path.name}: {column}", text), columns, column)
    corpus = read_text_file(path, most, encoding)
    return Kept(keep_own(session, corpus.name, corpus.text))


def _likely(columns: list[str]) -> str:
    """The column that sounds most like text."""
    return next((column for column in columns if column.lower() in TEXT_COLUMNS), columns[0])


def keep_own(session: Session, name: str, text: str) -> str:
    """Keep a visitor's text; returns the name it got, numbered where another text has it. The oldest may have to go."""
    names, held = chain([name], (f"{name} ({n})" for n in count(2))), session.uploads.all()
    kept = next(name for name in names if name not in held or held[name].hash == text_hash(text))
    session.uploads[kept] = text
    session.uploads.keep_last(session.limits.uploads)
    return kept


def read_upload(request: Request) -> tuple[str, bytes]:
    """Name and content of an uploaded vocabulary file, which is then deleted; its size is looked at first."""
    path = arrived(request.get("path"))
    try:
        return path.name, read_bytes(path, MAX_IMPORT_BYTES)
    finally:
        remove_upload(path)


def remove_upload(path: Path) -> None:
    """Delete a file that arrived, and the folder that was made for it alone."""
    path.unlink(missing_ok=True)
    with suppress(OSError):  # something else lies there
        path.parent.rmdir()


def arrived(path: object, *, packed: bool = False) -> Path:
    """The path of a file that arrived. The page names it, so it could be any path: only those count.

    Links are none of them, and archives and pickles are refused, whatever they are called, unless the
    reader takes `packed` files and opens them with care. Raises ValueError.
    """
    folder = upload_folder()
    try:
        named = folder / path if isinstance(path, str) else folder
        resolved = named.resolve()
        found = resolved.is_relative_to(folder) and resolved.is_file() and not _is_link(named)
    except (OSError, ValueError):  # too long a name, or half a character in it
        found = False
    if not found:
        raise ValueError("The upload did not arrive; choose the file again.")
    if not packed:
        try:
            refuse_packed(resolved)
        except ValueError:
            resolved.unlink()
            raise
    return resolved


def _is_link(path: Path) -> bool:
    """Whether this is another name for a file that has a name elsewhere too."""
    return path.is_symlink() or path.stat().st_nlink > 1
