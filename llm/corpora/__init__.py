"""Texts to learn from, each with its source and licence."""

from __future__ import annotations

from llm.corpora import downloads, pydoc, tales
from llm.corpora.corpus import Corpus, CorpusInfo, Progress, text_hash
from llm.corpora.files import read_text_file, text_from_bytes
from llm.corpora.floors import corpus_floor
from llm.corpora.own_text import LargeText, Text, own_files, read_own_text
from llm.corpora.tables import columns_of, is_table, read_table
from llm.corpora.tasks import texts
from llm.corpora.tasks.texts import task_of

__all__ = [
    "CORPORA",
    "Corpus",
    "CorpusInfo",
    "LargeText",
    "Progress",
    "Text",
    "columns_of",
    "corpus_floor",
    "is_table",
    "load_corpus",
    "own_files",
    "read_own_text",
    "read_table",
    "read_text_file",
    "task_of",
    "text_from_bytes",
    "text_hash",
]

CORPORA: dict[str, CorpusInfo] = {
    "tales": tales.INFO,
    **texts.INFO,
    "pydoc": pydoc.INFO,
    "tinyshakespeare": downloads.TINY_SHAKESPEARE_INFO,
    "tinystories": downloads.TINY_STORIES_INFO,
}
"""What `load_corpus` can load, by name; those that need no network come first."""


def load_corpus(name: str, *, allow_download: bool = True, on_progress: Progress | None = None) -> Corpus:
    """Load a corpus by its name in CORPORA.

    `on_progress` is called with bytes here and bytes in all while something is downloaded.
    Raises ValueError on an unknown name, or when a text that is not here yet can't be downloaded.
    """
    match name:
        case "tales":
            return tales.load()
        case "pydoc":
            return pydoc.load()
        case "tinyshakespeare":
            return downloads.load_tiny_shakespeare(allow_download=allow_download, on_progress=on_progress)
        case "tinystories":
            return downloads.load_tiny_stories(allow_download=allow_download, on_progress=on_progress)
        case _ if name in texts.INFO:
            return texts.load(name)
    raise ValueError(f"There is no corpus {name!r}; choose {', '.join(CORPORA)}.")
