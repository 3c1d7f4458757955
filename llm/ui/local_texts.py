"""Texts in folders of this computer that whoever started the page has opened to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from llm.corpora import is_table
from llm.ui.own_models.folders import MOST, key_of
from llm.weights.pretrained import is_glassbox, weight_files

PLAIN = (".txt", ".md")
LISTS = (".json",)
"""Tables that are not offered: among models most files of that name are something else."""


class LocalTexts:
    """The texts in some folders, each by a key that its place gives it."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = [folder.resolve() for folder in folders]

    def all(self) -> dict[str, Path]:
        """Files that hold texts or tables by their names, as they are now; links, which may lead anywhere, are none."""
        return {key_of(path): path for folder in self._folders for path in _texts_in(folder)}

    def path(self, key: str) -> Path:
        """Where a text lies. Raises ValueError when it is gone."""
        path = self.all().get(key)
        if path is None:
            raise ValueError("That text is gone. Choose another from the list.")
        return path


def _texts_in(folder: Path) -> Iterator[Path]:
    if is_glassbox(folder) or weight_files(folder) is not None:
        return  # a model's own files
    found = (path for path in sorted(folder.glob("[!.]*")) if _is_text(path))
    yield from (path for path, _ in zip(found, range(MOST), strict=False))


def _is_text(path: Path) -> bool:
    name = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    called = name.suffix.lower() in PLAIN or (is_table(name) and name.suffix.lower() not in LISTS)
    return called and path.is_file() and not path.is_symlink()
