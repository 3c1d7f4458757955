"""How well a model predicts a text at hand, a window a question: the page adds up, shows how far it is, and may stop.

The protocol is that of `python -m llm evaluate`: raw text, the model's whole context, no overlap, and of a corpus what
training leaves out.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from torch import Tensor

from llm.corpora import CORPORA, Corpus
from llm.data import encode_corpus, splits_of
from llm.evaluate import evaluate
from llm.limits import Limits
from llm.tokenizers import Tokenizer
from llm.ui import inputs
from llm.ui.panel import Answer, Request
from llm.ui.sessions import Session
from llm.ui.subject import Loaded, Subjects
from llm.ui.texts_at_hand import UPLOAD, corpus_called

MAX_WINDOWS = 128
"""Read of one text: 131,072 tokens with GPT-2's context, about five minutes for the smallest on two cores."""
MAX_KEPT = 4
"""Texts that are kept as tokens; each takes half a megabyte at most."""


class Cut(NamedTuple):
    """A text as a model reads it."""

    title: str
    ids: Tensor
    whole: bool
    """Whether that is all of it, or its first MAX_WINDOWS."""


class Texts:
    """Cuts the texts that a visitor can measure on, each once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, int], Cut] = OrderedDict()

    def of(self, session: Session, ref: str, loaded: Loaded) -> Cut:
        """A text in the tokens of a model. Raises ValueError when it isn't at hand, or too short."""
        corpus = corpus_called(ref, session)
        if corpus is None:
            raise ValueError("That text is gone. Choose another from the list.")
        key = (corpus.hash, loaded.tokenizer.hash, loaded.config.n_ctx)
        cut = self._kept.get(key)
        if cut is None:
            most = MAX_WINDOWS * loaded.config.n_ctx
            cut = self._kept[key] = _cut(corpus, loaded.tokenizer, most, own=ref.startswith(UPLOAD))
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return cut


def texts_at_hand(session: Session) -> list[Answer]:
    """What a visitor can measure on: texts that are made here, and their own."""
    made = [{"ref": name, "title": info.title} for name, info in CORPORA.items() if not info.needs_download]
    return [*({"ref": UPLOAD + name, "title": name} for name in session.uploads), *made]


def score_window(subjects: Subjects, texts: Texts, request: Request) -> Answer:
    """Window number `window` of a text, scored. Raises ValueError for what can't be, or may not be here."""
    session, loaded = subjects.sessions.of(request), subjects.of(request)
    check_small(session.limits, loaded)
    cut = texts.of(session, inputs.text(request, "text", limit=300), loaded)
    n_ctx, total = loaded.config.n_ctx, -(-(len(cut.ids) - 1) // loaded.config.n_ctx)
    window = inputs.whole(request, "window", 0, total - 1, 0)
    ids = cut.ids[window * n_ctx : (window + 1) * n_ctx]
    said = loaded.tokenizer.decode(ids[1:].tolist())
    lengths = [len(loaded.tokenizer.token_bytes(id)) for id in ids.tolist()]
    result = evaluate(loaded.model, ids, n_ctx=n_ctx)
    return {
        "model": loaded.title,
        "title": cut.title,
        "whole": cut.whole,
        "windows": total,
        "nats": result.loss * result.tokens,
        "tokens": result.tokens,
        "bytes": sum(lengths[1:]),
        "words": len(said.split()),
    }


def check_small(limits: Limits, loaded: Loaded) -> None:
    """Raises ValueError when a model is larger than one may be that works for a visitor for minutes."""
    if loaded.config.n_params > limits.run_parameters:
        raise ValueError(
            f"{loaded.title} has {loaded.config.n_params:,} parameters, and one that is measured here may have "
            f"{limits.run_parameters:,}; the command below does it on a computer of your own."
        )


def _cut(corpus: Corpus, tokenizer: Tokenizer, most: int, *, own: bool) -> Cut:
    tokens = encode_corpus(tokenizer, corpus.text)
    ids = tokens if own else splits_of(tokenizer, corpus, tokens).validation
    if len(ids) < 2:
        raise ValueError(f"{corpus.title} has nothing to score: it needs at least two tokens.")
    title = corpus.title if own else f"{corpus.title}, what training leaves out"
    return Cut(title, ids[:most].clone(), len(ids) <= most)
