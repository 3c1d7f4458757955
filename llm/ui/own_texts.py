"""The texts that a visitor brought: on the disk, in their folder, so that they take no memory and go with them.

texts.json        the names, oldest first, with the hash and the size of each text
HASH.txt          a text; a name is never part of a path, and a text kept under two names is there once
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from llm.corpora.corpus import text_hash
from llm.files import new_file, read_json, write_json

INDEX = "texts.json"


class OwnText(NamedTuple):
    """What is known of a text without reading it."""

    hash: str
    """As `text_hash`."""
    bytes: int


class OwnTexts:
    """The texts in `folder`, which need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()

    def all(self) -> dict[str, OwnText]:
        """Every text by its name, the oldest first."""
        try:
            entries = read_json(self.folder / INDEX)
            return {name: OwnText(str(entry[0]), int(entry[1])) for name, entry in entries.items()}
        except (ValueError, OSError, IndexError, TypeError):  # none was ever kept, or somebody damaged the list
            return {}

    def __iter__(self) -> Iterator[str]:
        return iter(self.all())

    def __contains__(self, name: str) -> bool:
        return name in self.all()

    def __getitem__(self, name: str) -> str:
        """The text. Raises KeyError when it is gone."""
        try:
            return self._path(self.all()[name]).read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            raise KeyError(name) from None

    def __setitem__(self, name: str, text: str) -> None:
        """Keep a text as the newest, in place of one of the same name; half a character in it becomes "?".

        Raises OSError when the disk won't have it.
        """
        data = text.encode("utf-8", "replace")
        kept = OwnText(text_hash(text), len(data))
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self._path(kept).is_file():
                with new_file(self._path(kept)) as fresh:
                    fresh.write_bytes(data)
            entries = self.all()
            entries.pop(name, None)
            self._save({**entries, name: kept})

    def keep_last(self, count: int) -> None:
        """Delete the oldest beyond `count`."""
        with self._lock:
            entries = list(self.all().items())
            if len(entries) > count:
                self._save(dict(entries[len(entries) - count :]))

    def _save(self, entries: dict[str, OwnText]) -> None:
        write_json(self.folder / INDEX, {name: list(entry) for name, entry in entries.items()})
        wanted = {self._path(entry) for entry in entries.values()}
        for path in self.folder.glob("[!.]*.txt"):
            if path not in wanted:
                path.unlink(missing_ok=True)

    def _path(self, text: OwnText) -> Path:
        return self.folder / f"{text.hash}.txt"
