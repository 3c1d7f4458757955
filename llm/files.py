"""Files that are there whole or not at all, and JSON that is read within bounds.

Whoever writes does so beside the place, under a name of their own, and renames what is done: writers
never meet, and a reader finds the old or the new. What fails removes what it began; what a killed
writer left behind is removed by a later one.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

MAX_JSON_BYTES = 1_000_000
"""A JSON file larger than this is refused before it is read, unless its reader allows more."""
ROOM = 1_000_000
"""Bytes that a folder has to have room for, or it counts as full."""
MAX_JSON_DEPTH = 50
"""Objects and lists within one another; what is deeper would end in an error at some later place."""
STALE_SECONDS = 3_600.0
"""What has not changed for so long is not being written any more."""
_ARCHIVES = (
    b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07",
    b"\x28\xb5\x2f\xfd",
)  # fmt: skip
"""How zip (and torch's own files), gzip, bzip2, xz, 7z, rar and zstd begin; tar names itself later."""
_UNDER_WAY = re.compile(r"\..+\.[0-9a-f]{16}\.new")


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A place to write a file to; it replaces `path` once the block has ended well."""
    with _under_way(path) as fresh:
        yield fresh
        to_disk(fresh)
        os.replace(fresh, path)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to write files into; it replaces `folder` once the block has ended well.

    A folder can't be replaced in one go: meanwhile the old one is called `.NAME.old`, where
    `existing_folder` finds it. One writer a folder at a time.
    """
    with _under_way(folder) as fresh:
        fresh.mkdir(parents=True)
        yield fresh
        for path in (*fresh.iterdir(), fresh):
            to_disk(path)
        old = _old(folder)
        if folder.exists():
            if old.exists():
                shutil.rmtree(old)
            folder.rename(old)
        fresh.rename(folder)
        to_disk(folder.parent)
        if old.exists():
            shutil.rmtree(old)


def existing_folder(folder: Path) -> Path:
    """The folder, or the one that a writer was about to replace when it was killed.

    Raises ValueError when there is neither.
    """
    if folder.is_dir():
        return folder
    if _old(folder).is_dir():
        return _old(folder)
    raise ValueError(f"There is no folder {folder}; choose one that Glassbox saved.")


def remove_folder(folder: Path) -> None:
    """Remove a folder, if there is one and it can be; a reader finds all of it or nothing."""
    with _under_way(folder) as going, suppress(OSError):
        folder.rename(going)


def opened_for_use(path: Path) -> BinaryIO:
    """The file, open to be read; until it is closed, `in_use` says so in every process."""
    file = path.open("rb")
    if fcntl is not None:
        with suppress(OSError):  # a disk of another machine that knows no locks
            fcntl.flock(file, fcntl.LOCK_SH)
    return file


def in_use(path: Path) -> bool:
    """Whether somebody has it from `opened_for_use`. Windows can't tell, but lets nobody delete an open file."""
    if fcntl is None:
        return False
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Whether what `path` stands for is this block's alone; whoever claims it meanwhile, in any process, hears no.

    The file holds nothing and is gone after the block; one that a killed process left behind is claimed by the next.
    Windows, and a disk that knows no locks, give it to everybody.
    """
    with path.open("wb") as file:
        mine = True
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Whoever had it may have removed it after it was opened here, and another one made it anew.
                mine = os.path.samestat(os.fstat(file.fileno()), path.stat())
            except (BlockingIOError, FileNotFoundError):
                mine = False
            except OSError:  # a disk of another machine
                pass
        try:
            yield mine
        finally:
            if mine:
                _remove(path)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all."""
    with new_file(path) as fresh:
        fresh.write_text(text, encoding="utf-8")


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a JSON object whole or not at all."""
    write_text(path, json.dumps(values, indent=2) + "\n")


def read_json(path: Path, max_bytes: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """A JSON object from a file. Raises ValueError when it is missing, large or something else."""
    if not path.is_file():
        raise ValueError(f"There is no file {path}; choose one that Glassbox saved.")
    if path.stat().st_size > max_bytes:
        raise ValueError(f"{path.name} is over {max_bytes:,} bytes, far too large; choose another file.")
    return parsed_json(path.read_bytes(), path.name)


def parsed_json(data: bytes | str, name: str) -> dict[str, Any]:
    """The JSON object that `data` spells. Raises ValueError, calling it `name`, when it is none."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} can't be read ({type(error).__name__}); copy or save it again.") from error
    if not isinstance(values, dict):
        raise ValueError(f"{name} must hold a JSON object; copy or save it again.")
    level: list[Any] = [values]
    for _ in range(MAX_JSON_DEPTH):
        inner = (part.values() if isinstance(part, dict) else part for part in level)
        level = [value for part in inner for value in part if isinstance(value, dict | list)]
    if level:
        raise ValueError(f"{name} has over {MAX_JSON_DEPTH} objects and lists within one another; save it again.")
    return values


def is_full(error: BaseException) -> bool:
    """Whether something could not be written because the disk, or what a person may have of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def disk_trouble(error: BaseException) -> str | None:
    """What is wrong with the disk and what helps, in one sentence; None when it is not about that."""
    if is_full(error):
        return "The disk is full; free some space, for instance by deleting runs."
    if isinstance(error, OSError) and error.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR):
        return "The folder of Glassbox can't be written to; set GLASSBOX_HOME to one that can, and start it again."
    return None


def folder_trouble(folder: Path) -> str | None:
    """Why nothing can be kept in a folder, which is made if need be, and what helps; None when all is well."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _under_way(folder / "room") as fresh:
            fresh.write_bytes(bytes(ROOM))
    except OSError as error:
        why = "is full" if is_full(error) else f"can't be written to ({error.strerror or error})"
        return f"{folder} {why}: everything can be looked at, but nothing kept. Set GLASSBOX_HOME to another folder."
    return None


def refuse_packed(path: Path) -> None:
    """Raises ValueError when a file is an archive or a pickle, by what it holds and whatever it is called."""
    with path.open("rb") as file:
        start = file.read(512)
    if start[:1] == b"\x80" and start[1:2] in b"\2\3\4\5":
        raise ValueError(f"{path.name!r:.80} is a pickle, which can run programs when opened; save it as safetensors.")
    if start.startswith(_ARCHIVES) or start[257:262] == b"ustar":
        raise ValueError(f"{path.name!r:.80} is an archive; unpack it, and choose what is inside.")


def to_disk(path: Path) -> None:
    """Wait until a file, or the list of names in a folder, is on the disk and not only in memory."""
    if path.is_dir() and os.name != "posix":  # Windows can't open a folder, and needs no such help
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _under_way(place: Path) -> Iterator[Path]:
    """A name beside `place` that nobody else has; whatever is there at the end is removed."""
    _clear_stale(place.parent)
    fresh = place.with_name(f".{place.name}.{secrets.token_hex(8)}.new")
    try:
        yield fresh
    finally:
        _remove(fresh)


def _clear_stale(folder: Path) -> None:
    """Remove what killed writers left in a folder."""
    with suppress(OSError):  # no folder yet, or somebody else is clearing it
        for path in folder.iterdir():
            if _UNDER_WAY.fullmatch(path.name) and time.time() - path.stat().st_mtime > STALE_SECONDS:
                _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):  # a leftover is no reason to fail
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")
