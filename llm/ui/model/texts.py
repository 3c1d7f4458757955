"""The text that a model learnt from, where it is at hand."""

from __future__ import annotations

from llm.corpora import CORPORA, load_corpus
from llm.ui.sessions import Session

UPLOAD = "upload:"


def text_called(ref: str, session: Session) -> tuple[str, str] | None:
    """The title and the text that a reference means: a visitor's upload, or a corpus that is here already."""
    name = ref.removeprefix(UPLOAD)
    if ref.startswith(UPLOAD) and name in session.uploads:
        return name, session.uploads[name]
    if ref not in CORPORA:
        return None
    try:
        corpus = load_corpus(ref, allow_download=False)
    except ValueError:  # not here
        return None
    return corpus.title, corpus.text
