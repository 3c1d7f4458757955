"""Texts made ready to train on, the visitors' own among them. Kept, so that Start is quick."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable

from llm.corpora import CORPORA, Corpus, load_corpus
from llm.corpora.files import YOUR_OWN
from llm.runs.assembly import Prepared, prepare
from llm.tokenizers import KINDS, Tokenizer, train_tokenizer
from llm.ui.sessions import Session
from llm.ui.vocabularies import MINE

MAX_KEPT = 6
UPLOAD = "upload:"
"""A visitor's own text is named by this and the name it was kept under."""


class Preparations:
    """Prepares each (text, tokenizer) once and keeps the last few."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Prepared] = OrderedDict()
        self._lock = threading.Lock()

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

    def again(self, session: Session, corpus: str, tokenizer: Tokenizer) -> Prepared:
        """The same with a tokenizer that is there already, to go on with a run. Raises ValueError likewise."""
        own = _own_text(session, corpus)
        with self._lock:
            for kept in self._kept.values():
                alike = kept.ref == corpus and kept.tokenizer.hash == tokenizer.hash
                if alike and (own is None or kept.corpus.text == own.text):
                    return kept
        return self._prepared(session, corpus, tokenizer.hash, lambda text: tokenizer)

    def _prepared(self, session: Session, ref: str, how: str, tokenizer_for: Callable[[str], Tokenizer]) -> Prepared:
        own = _own_text(session, ref)
        # Another text may be kept under the same name later.
        key = (ref if own is None else hashlib.sha256(own.text.encode("utf-8", "replace")).hexdigest(), how)
        with self._lock:
            if key not in self._kept:
                corpus = own or load_corpus(ref, allow_download=False)
                tokenizer = tokenizer_for(corpus.text)
                self._kept[key] = prepare(ref, corpus, tokenizer)
            self._kept.move_to_end(key)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]

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


def _own_text(session: Session, ref: str) -> Corpus | None:
    """The visitor's own text; None if `ref` names a built-in one. Raises ValueError if there is no such text."""
    if ref in CORPORA:
        return None
    if not ref.startswith(UPLOAD):
        raise ValueError("There is no such text. Choose one from the list.")
    name = ref.removeprefix(UPLOAD)
    if name not in session.uploads:
        raise ValueError("That upload is gone. Choose the file again.")
    return Corpus(name, name, session.uploads[name], name, YOUR_OWN)
