"""Models in folders of this computer that whoever started the page has opened to it.

What Glassbox saved is looked at where it lies. Anything else that `open_any` reads is made a checkpoint
once, in the cache, and again when its files have changed.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from llm.files import remove_folder
from llm.paths import home
from llm.ui.own_models.opening import Opened
from llm.weights.bring import looks_like_a_model, open_any
from llm.weights.pretrained import is_glassbox, weight_files

MOST = 200
"""Models listed of one folder."""
BESIDE = (".json", ".txt", ".tiktoken")
"""What lies beside a file of weights and may belong to it."""


class LocalModels:
    """The models in some folders, each by a key that its place gives it."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = [folder.resolve() for folder in folders]
        self._lock = threading.Lock()

    def all(self) -> dict[str, Path]:
        """Folders and files that hold models, as they are now."""
        return {key_of(path): path for folder in self._folders for path in _models_in(folder)}

    def title(self, key: str) -> str:
        """What to call a model. Raises ValueError when it is gone."""
        return self._path(key).name

    def opened(self, path: Path) -> Path | None:
        """The checkpoint of a model; None of one that has not been read yet."""
        if path.is_dir() and is_glassbox(path):
            return path
        kept = _kept(path)
        return kept if kept.is_dir() else None

    def made(self, key: str) -> Path:
        """The checkpoint that was made of a model's files. Raises ValueError when there is none."""
        kept = _kept(self._path(key))
        if not kept.is_dir():
            raise ValueError("That model is one of Glassbox's own; it says itself how it computes.")
        return kept

    def open(self, key: str, **said: Any) -> Opened:
        """The checkpoint of a model, made of it now if need be or if something is said of it.

        Raises ValueError as `open_any` does, and when it is gone.
        """
        path = self._path(key)
        with self._lock:
            folder = self.opened(path)
            if folder is not None and not said:
                return Opened(folder, f"folder:{key}")
            kept = _kept(path)
            kept.parent.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=kept.parent, prefix=".opening.") as scratch:
                fresh = Path(scratch) / "model"
                notes = open_any(path, fresh, **said)
                for old in kept.parent.glob(f"{key}-*"):
                    remove_folder(old)
                fresh.rename(kept)
        return Opened(kept, f"folder:{key}", notes)

    def _path(self, key: str) -> Path:
        path = self.all().get(key)
        if path is None:
            raise ValueError("That model is gone. Choose another from the menu at the top.")
        return path


def _models_in(folder: Path) -> Iterator[Path]:
    """The folder itself where it is a model, or else what it holds."""
    if is_glassbox(folder) or weight_files(folder) is not None:
        yield folder
        return
    found = (path for path in sorted(folder.glob("[!.]*")) if looks_like_a_model(path))
    yield from (path for path, _ in zip(found, range(MOST), strict=False))


def key_of(path: Path) -> str:
    """What a place in an opened folder is known by to the page, which is told no paths."""
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]


def _kept(path: Path) -> Path:
    """Where the checkpoint of these files is kept, as they are now."""
    beside = [other for other in path.parent.iterdir() if other.suffix in BESIDE and other.is_file()]
    files = [path, *beside] if path.is_file() else [file for file in path.iterdir() if file.is_file()]
    about = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(files)]
    return home() / "opened" / f"{key_of(path)}-{hashlib.sha256(repr(about).encode()).hexdigest()[:12]}"
