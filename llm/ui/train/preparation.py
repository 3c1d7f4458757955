"""A text made ready to train on: its tokenizer, its tokens, split in two. Kept, so that Start is quick."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

from llm.corpora import CORPORA, load_corpus, tales
from llm.data import Splits, encode_corpus, split
from llm.tokenizers import Tokenizer, train_tokenizer
from llm.ui.sessions import Session

MAX_KEPT = 6
FLOOR_STORIES = 1_000
"""Stories that the floor of the tales is estimated from; its standard error is then about half a percent."""


@dataclass(frozen=True)
class Prepared:
    """A corpus as token ids."""

    title: str
    tokenizer: Tokenizer
    splits: Splits
    n_bytes: int
    """Bytes of the text in UTF-8."""
    floor: float | None
    """Nats a token below which no model can get, where that is known."""


class Preparations:
    """Prepares each (text, tokenizer) once and keeps the last few."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, int | None], Prepared] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, session: Session, corpus: str, kind: str, vocab_size: int) -> Prepared:
        """The corpus of that name, tokenized. Raises ValueError when it isn't here or can't be tokenized so."""
        if corpus.startswith("upload:"):
            title = corpus.removeprefix("upload:")
            if title not in session.uploads:
                raise ValueError("That upload is gone. Choose the file again.")
            text = session.uploads[title]
        elif corpus in CORPORA:
            loaded = load_corpus(corpus, allow_download=False)
            title, text = loaded.title, loaded.text
        else:
            raise ValueError("There is no such text. Choose one from the list.")
        size = vocab_size if kind in ("bpe", "whitespace") else None
        key = (hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(), kind, size)
        with self._lock:
            if key not in self._kept:
                tokenizer = train_tokenizer(kind, text, size)
                n_bytes = len(text.encode("utf-8", "replace"))
                floor = tales.floor(tokenizer, FLOOR_STORIES).per_token.value if corpus == "tales" else None
                self._kept[key] = Prepared(title, tokenizer, split(encode_corpus(tokenizer, text)), n_bytes, floor)
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
