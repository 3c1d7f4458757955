"""Texts made ready to train on, the visitors' own among them. Kept, so that Start is quick."""

from __future__ import annotations

import sys
from collections.abc import Callable

from llm.corpora import CORPORA, Corpus, load_corpus
from llm.corpora.files import YOUR_OWN
from llm.runs.assembly import Prepared, check_text, prepare
from llm.runs.run import Run
from llm.tokenizers import KINDS, Tokenizer, train_tokenizer
from llm.ui.memory import CUTTING_BYTES, Shelf
from llm.ui.sessions import Session, Sessions
from llm.ui.turns import Once, Turns
from llm.ui.vocabularies import MINE

GONE = "That upload is gone. Choose the file again."
UPLOAD = "upload:"
"""A visitor's own text is named by this and the name it was kept under."""


class Preparations:
    """Prepares each (text, tokenizer) once and keeps it while there is room.

    A visitor's work waits for no other's, as long as not too many prepare at once.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._kept = Shelf[Prepared](sessions.memory)
        self._once = Once()
        self._turns = Turns(sessions.limits.preparations)

    def of(self, session: Session, corpus: str, tokenizer: str, vocab_size: int) -> Prepared:
        """The corpus of that name, cut by a tokenizer that learns from it, or by one of the visitor's own vocabularies.

        `tokenizer` is a kind, or MINE and a name. Raises ValueError when something isn't here or they don't fit.
        """
        if tokenizer.startswith(MINE):
            name = tokenizer.removeprefix(MINE)
            own = session.tokenizers.get(name)
            if own is None:
                raise ValueError("That vocabulary of yours is gone. Choose another tokenizer.")
            return self._prepared(session, corpus, own.hash, lambda text: _fitting(name, own, text))
        size = vocab_size if is_sized(tokenizer) else None
        how = f"{tokenizer} {size}"
        return self._prepared(session, corpus, how, lambda text: train_tokenizer(tokenizer, text, size))

    def in_tokens_of(self, session: Session, corpus: str, title: str, tokenizer: Tokenizer) -> Prepared:
        """The corpus cut by the tokenizer of the model of that title. Raises ValueError likewise."""
        return self._prepared(session, corpus, tokenizer.hash, lambda text: _fitting(title, tokenizer, text))

    def again(self, session: Session, corpus: str, run: Run) -> Prepared:
        """The same with a run's tokenizer, to go on with it. Raises ValueError likewise, and if the text is another."""
        tokenizer = run.tokenizer
        same = (kept for kept in self._kept.values() if kept.ref == corpus and kept.tokenizer.hash == tokenizer.hash)
        known = next(same, None)
        if known and not corpus.startswith(UPLOAD):
            check_text(run, known.corpus)
            return known
        check_text(run, _corpus(session, corpus))
        return self._prepared(session, corpus, tokenizer.hash, lambda text: tokenizer)

    def _prepared(self, session: Session, ref: str, how: str, tokenizer_for: Callable[[str], Tokenizer]) -> Prepared:
        # Another text may be kept under the same name later, and the same one under another visitor's name.
        key = (ref, _own_hash(session, ref), how)
        if kept := self._kept.get(key):
            return kept
        with self._once.of(key):
            if kept := self._kept.get(key):
                return kept
            with self._turns.of(session.folder):
                corpus = _corpus(session, ref)
                size = sys.getsizeof(corpus.text)
                return self._kept.make(
                    key,
                    CUTTING_BYTES * len(corpus.text) + size,
                    lambda: prepare(ref, corpus, tokenizer_for(corpus.text)),
                    measure=lambda made: made.tokens.nbytes + size,
                )

    @staticmethod
    def is_here(corpus: str) -> bool:
        """Whether a built-in corpus can be read without the network."""
        try:
            load_corpus(corpus, allow_download=False)
        except ValueError:
            return False
        return True


def is_sized(tokenizer: str) -> bool:
    """Whether the form chooses how large the vocabulary gets; `tokenizer` as `Preparations.of` takes it."""
    return tokenizer in KINDS and KINDS[tokenizer].sized


def _fitting(name: str, tokenizer: Tokenizer, text: str) -> Tokenizer:
    """A vocabulary that was made for another text. Raises ValueError when it can't spell this one."""
    if misfit := tokenizer.misfit(text):
        raise ValueError(f"“{name}” {misfit}. Choose another tokenizer or another text.")
    return tokenizer


def _own_hash(session: Session, ref: str) -> str:
    """Of the visitor's own text; "" if `ref` names a built-in one. Raises ValueError if there is no such text."""
    if ref in CORPORA:
        return ""
    if not ref.startswith(UPLOAD):
        raise ValueError("There is no such text. Choose one from the list.")
    kept = session.uploads.all().get(ref.removeprefix(UPLOAD))
    if kept is None:
        raise ValueError(GONE)
    return kept.hash


def _corpus(session: Session, ref: str) -> Corpus:
    if ref in CORPORA:
        return load_corpus(ref, allow_download=False)
    name = ref.removeprefix(UPLOAD)
    _own_hash(session, ref)  # refuses what is none
    try:
        return Corpus(name, name, session.uploads[name], name, YOUR_OWN)
    except KeyError:
        raise ValueError(GONE) from None
