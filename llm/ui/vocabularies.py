"""The vocabularies that a visitor trained or brought: the Tokenizer tab keeps them, the Train tab takes them up."""

from __future__ import annotations

from typing import Any

from llm.tokenizers import Tokenizer
from llm.ui.sessions import Session, Sessions

MINE = "mine:"
"""What comes before the name of such a vocabulary, where a menu also offers others."""
MAX_NAME = 60
MAX_KEPT = 8
"""Vocabularies of one visitor; the oldest goes first."""
MAX_TOKENS = 4_000_000
"""Of the vocabularies of all visitors together: about 1.5 GB."""


def about_kind(kind: type[Tokenizer]) -> dict[str, Any]:
    """What the page says of a kind of tokenizer."""
    return {
        "title": kind.title,
        "short": kind.short or kind.title,
        "sized": kind.sized,
        "origin": kind.origin,
        "unit": kind.unit,
        "loses": kind.loses,
    }


def keep_vocabulary(sessions: Sessions, session: Session, name: str, tokenizer: Tokenizer) -> str:
    """Keep a tokenizer for the visitor, in place of one of the same name; returns its reference.

    Raises ValueError when all visitors together hold too many.
    """
    held = sum(kept.vocab_size for other in sessions.all() for kept in other.tokenizers.values())
    if held + tokenizer.vocab_size > MAX_TOKENS:
        raise ValueError("The visitors of this page keep too many vocabularies just now. Try again later.")
    name = " ".join(name.split())[:MAX_NAME] or "My vocabulary"
    session.tokenizers.pop(name, None)
    session.tokenizers[name] = tokenizer
    while len(session.tokenizers) > MAX_KEPT:
        session.tokenizers.popitem(last=False)
    return MINE + name
