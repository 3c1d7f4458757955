"""The texts that a visitor can learn a vocabulary from, or look for its tokens in."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from llm.corpora import CORPORA, load_corpus
from llm.ui import inputs
from llm.ui.panel import Request
from llm.ui.sessions import Session

UPLOAD = "upload:"
PASTED = "pasted"
MAX_BYTES = 8_000_000
"""Of a text, about; what comes after is not read."""
MAX_PASTED = 1_000_000
"""Characters of a text that comes with the request."""


def list_texts(session: Session) -> list[dict[str, Any]]:
    """Every text that is here already, with its size; what has to be downloaded first is left out."""
    found = [
        {"ref": name, "title": info.title, "bytes": info.size_bytes}
        for name, info in CORPORA.items()
        if not info.needs_download or _is_here(name)
    ]
    found += [
        {"ref": UPLOAD + name, "title": name, "bytes": text.bytes} for name, text in session.uploads.all().items()
    ]
    return found


def text_of(session: Session, request: Request) -> tuple[str, str]:
    """Title and text of what a request names; one that is pasted comes with it.

    Raises ValueError when it isn't there.
    """
    ref = inputs.text(request, "corpus", 300)
    if ref == PASTED:
        return "Your text", inputs.text(request, "text", MAX_PASTED)
    if ref.startswith(UPLOAD):
        with suppress(KeyError):
            return (name := ref.removeprefix(UPLOAD)), session.uploads[name][:MAX_BYTES]
    if ref in CORPORA:
        corpus = load_corpus(ref, allow_download=False)
        return corpus.title, corpus.text[:MAX_BYTES]
    raise ValueError("There is no such text. Choose one from the list.")


def _is_here(name: str) -> bool:
    try:
        load_corpus(name, allow_download=False)
    except ValueError:
        return False
    return True
