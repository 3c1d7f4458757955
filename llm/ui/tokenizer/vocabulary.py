"""The Vocabulary view: all tokens of a tokenizer, found by their text, length, first byte or use."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm.tokenizers import MergingTokenizer, Tokenizer
from llm.ui import inputs
from llm.ui.memory import CUTTING_BYTES, TOKEN_BYTES, Shelf
from llm.ui.panel import Answer, Request, View
from llm.ui.tokenizer.texts import list_texts, text_of
from llm.ui.tokenizer.token_facts import history, merge_rank
from llm.ui.tokenizer.token_shapes import readable
from llm.ui.tokenizer.tokenizer_menu import TokenizerMenu
from llm.ui.turns import Once

PAGE = 120
"""Tokens in one answer."""
LONGEST = 24
"""Bytes from which on lengths are put together."""
ORDERS = ("id", "length", "count")


def build_vocabulary(menu: TokenizerMenu) -> View:
    """The view; its endpoints search, count in a text and explain."""
    memory, once = menu.subjects.sessions.memory, Once()
    lexica, counted = Shelf[Lexicon](memory), Shelf[NDArray[np.int64]](memory)

    def list_corpora(request: Request) -> Answer:
        """The texts in which tokens can be counted."""
        return {"texts": list_texts(menu.subjects.sessions.of(request))}

    def search_vocabulary(request: Request) -> Answer:
        """A page of the tokens that a query finds, and how many have which length and first byte."""
        entry = menu.of(request)
        tokenizer = entry.tokenizer
        size, hash_ = tokenizer.vocab_size, tokenizer.hash
        with once.of(hash_):
            lexicon = lexica.get(hash_) or lexica.make(hash_, TOKEN_BYTES * size, lambda: Lexicon(tokenizer))
        counts, title = None, None
        if request.get("corpus") is not None:
            title, text = text_of(menu.subjects.sessions.of(request), request)
            key = (hash_, hash(text))
            with once.of(key):
                counts = counted.get(key)
                if counts is None:
                    needed = CUTTING_BYTES * len(text)
                    counts = counted.make(
                        key, needed, lambda: _counted(tokenizer, text), measure=lambda made: made.nbytes
                    )
        found = lexicon.search(
            inputs.text(request, "query", 200, ""),
            length=inputs.whole(request, "length", 0, LONGEST, 0) or None,
            first=inputs.whole(request, "byte", 0, 255) if request.get("byte") is not None else None,
            unused=counts if inputs.flag(request, "unused") else None,
        )
        order = inputs.choice(request, "order", ORDERS, "id")
        found = lexicon.ordered(found, order, counts)
        start = inputs.whole(request, "start", 0, 10**7, 0)
        special = set(tokenizer.special_tokens.values())
        return {
            **entry.introduction(),
            "total": len(found),
            "vocab_size": int(lexicon.used.sum()),
            "tokens": [_shown(tokenizer, int(id), special, counts) for id in found[start : start + PAGE]],
            "lengths": lexicon.lengths_found.tolist(),
            "bytes": lexicon.bytes_found.tolist(),
            "text": title,
            "never": None if counts is None else int((lexicon.used & (counts == 0)).sum()),
        }

    def explain_token(request: Request) -> Answer:
        """How a token came to be, from its bytes on."""
        tokenizer = menu.of(request).tokenizer
        return {"steps": history(tokenizer, inputs.whole(request, "id", 0, tokenizer.vocab_size - 1))}

    return View("Vocabulary", [list_corpora, search_vocabulary, explain_token, *menu.endpoints])


class Lexicon:
    """A vocabulary laid out for searching."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        bytes_of = tokenizer.bytes_or_nothing if isinstance(tokenizer, MergingTokenizer) else tokenizer.token_bytes
        self._tokens = [bytes_of(id) for id in range(tokenizer.vocab_size)]
        self._lengths = np.array([len(token) for token in self._tokens])
        self._first = np.array([token[0] if token else 0 for token in self._tokens])
        special = list(tokenizer.special_tokens.values())
        self.used = self._lengths > 0
        """Ids that stand for something."""
        plain = self.used.copy()
        plain[special] = False
        self.lengths_found = np.bincount(np.minimum(self._lengths[plain], LONGEST), minlength=LONGEST + 1)
        """How many tokens have 0, 1, 2 ... bytes, the last entry LONGEST or more; special tokens left out."""
        self.bytes_found = np.bincount(self._first[plain], minlength=256)
        """How many begin with each byte."""

    def search(
        self, query: str, length: int | None, first: int | None, unused: NDArray[np.int64] | None
    ) -> NDArray[np.int64]:
        """Ids whose token holds the query's text, has that length and first byte, and a count of 0 in `unused`.

        A query such as "#995" names an id, and "0x20 77" bytes. Raises ValueError for bytes that are none.
        """
        mask = self.used.copy()
        if length is not None:
            mask &= (self._lengths >= LONGEST) if length == LONGEST else (self._lengths == length)
        if first is not None:
            mask &= self._first == first
        if unused is not None:
            mask &= unused == 0
        ids = np.flatnonzero(mask)
        if query[:1] == "#" and query[1:].strip().isdecimal():
            named: NDArray[np.bool_] = ids == int(query[1:].strip()[:9])
            return ids[named]
        wanted = _bytes_of(query)
        return ids[[wanted in self._tokens[id] for id in ids]] if wanted and len(ids) else ids

    def ordered(self, ids: NDArray[np.int64], order: str, counts: NDArray[np.int64] | None) -> NDArray[np.int64]:
        """By id; or the longest, or the most frequent, first."""
        if order == "length":
            return ids[np.argsort(-self._lengths[ids], kind="stable")]
        if order == "count" and counts is not None:
            return ids[np.argsort(-counts[ids], kind="stable")]
        return ids


def _counted(tokenizer: Tokenizer, text: str) -> NDArray[np.int64]:
    """How often each token stands in a text. Raises ValueError where `encode` does."""
    return np.bincount(np.array(tokenizer.encode(text), dtype=np.int64), minlength=tokenizer.vocab_size)


def _bytes_of(query: str) -> bytes:
    if not query.startswith("0x"):
        return query.encode()
    try:
        return bytes.fromhex(query[2:])
    except ValueError as error:
        raise ValueError("After 0x write bytes of two hexadecimal digits each, such as 0x20 77.") from error


def _shown(tokenizer: Tokenizer, id: int, special: set[int], counts: NDArray[np.int64] | None) -> dict[str, Any]:
    data = tokenizer.token_bytes(id)
    return {
        "id": id,
        "parts": readable(data),
        "hex": data.hex(" "),
        "rank": merge_rank(tokenizer, id),
        "special": id in special,
        "count": None if counts is None else int(counts[id]),
    }
