"""The vocabularies that a visitor trained or brought: the Tokenizer tab keeps them, the Train tab takes them up."""

from __future__ import annotations

import time
from typing import Any

from llm.tokenizers import Tokenizer
from llm.ui.memory import TOKEN_BYTES
from llm.ui.sessions import Session, Sessions

MINE = "mine:"
"""What comes before the name of such a vocabulary, where a menu also offers others."""
MAX_NAME = 60
SHARE = 4
"""The vocabularies of all visitors together may take a SHARE-th of the memory."""
AWAY_SECONDS = 900.0
"""Whoever was away for so long may lose theirs to others."""


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
    most = sessions.memory.budget // SHARE // TOKEN_BYTES
    others = [other for other in sessions.all() if other is not session]
    held = sum(map(_tokens, others)) + tokenizer.vocab_size
    for other in sorted(others, key=lambda other: other.seen):
        if held > most and time.time() - other.seen > AWAY_SECONDS:
            held -= _tokens(other)
            other.tokenizers.clear()
    name = " ".join(name.split())[:MAX_NAME] or "My vocabulary"
    own = {kept: one.vocab_size for kept, one in session.tokenizers.items() if kept != name}
    room = sessions.limits.vocabulary_tokens - tokenizer.vocab_size
    while own and (len(own) >= sessions.limits.vocabularies or sum(own.values()) > room):
        own.pop(next(iter(own)))
    if held + sum(own.values()) > most or room < 0:
        raise ValueError("The visitors of this page keep too many vocabularies just now. Try again later.")
    for gone in session.tokenizers.keys() - own.keys():
        del session.tokenizers[gone]
    session.tokenizers[name] = tokenizer
    return MINE + name


def _tokens(session: Session) -> int:
    return sum(kept.vocab_size for kept in list(session.tokenizers.values()))
