"""Texts that are here already, by the reference that a run or a form has for them."""

from __future__ import annotations

from llm.corpora import CORPORA, Corpus, load_corpus
from llm.ui.sessions import Session

UPLOAD = "upload:"


def corpus_called(ref: str, session: Session) -> Corpus | None:
    """The text that a reference means: a visitor's upload, or a corpus that is here already."""
    name = ref.removeprefix(UPLOAD)
    if ref.startswith(UPLOAD) and name in session.uploads:
        return Corpus(name, name, session.uploads[name], "", "")
    if ref not in CORPORA:
        return None
    try:
        return load_corpus(ref, allow_download=False).whole()
    except ValueError:  # not here
        return None
