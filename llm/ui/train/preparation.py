"""A text made ready to train on: its tokenizer, its tokens, split in two. Kept, so that Start is quick."""

from __future__ import annotations

import hashlib
import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from torch import Tensor

from llm.corpora import CORPORA, Corpus, load_corpus, task_of
from llm.corpora.card import Card, describe
from llm.corpora.files import YOUR_OWN
from llm.corpora.tasks import Task
from llm.data import Splits, encode_corpus, split
from llm.tokenizers import KINDS, Tokenizer, train_tokenizer
from llm.training.events import Question
from llm.ui.sessions import Session
from llm.ui.vocabularies import MINE

MAX_KEPT = 6
N_QUESTIONS = 64
"""Of a task, at every evaluation; as many again that training shows, where a task keeps some from it."""
PASSAGE_TOKENS = 97
PROMPT_TOKENS = 8
UPLOAD = "upload:"
"""A visitor's own text is named by this and the name it was kept under."""


class Asked(NamedTuple):
    """A question of an exam, as text."""

    prompt: str
    answer: str
    seen: bool
    """Whether training shows this very question."""


@dataclass(frozen=True)
class Prepared:
    """A corpus as token ids."""

    ref: str
    corpus: Corpus
    tokenizer: Tokenizer
    tokens: Tensor

    @cached_property
    def splits(self) -> Splits:
        """What the model learns from, and what it is tested on."""
        return split(self.tokens)

    @cached_property
    def card(self) -> Card:
        """What can be said of the text and of how it is cut."""
        return describe(self.corpus, self.tokenizer, ids=self.tokens.numpy())

    @cached_property
    def baselines(self) -> list[dict[str, Any]]:
        """Losses to compare with, in nats a token: what little or no knowledge reaches, and the least there can be."""
        size, card = self.tokenizer.vocab_size, self.card
        known = (
            (f"ln {size:,}: all tokens alike", math.log(size)),
            ("single tokens counted", card.unigram_loss),
            ("pairs of tokens counted", card.bigram_loss),
            ("floor: what this text itself leaves open", card.floor and card.floor.value),
        )
        floor = known[-1]
        return [{"name": line[0], "loss": line[1], "floor": line is floor} for line in known if line[1] is not None]

    @cached_property
    def passage(self) -> tuple[int, ...]:
        """Validation text from the start of a line: the first of its tokens also open every sample."""
        tokens = self.splits.validation[: 4 * PASSAGE_TOKENS].tolist()
        data = [self.tokenizer.token_bytes(token) for token in tokens]
        begins = (
            i for i in range(1, len(data) - PROMPT_TOKENS) if data[i - 1].endswith(b"\n") and not data[i][:1].isspace()
        )
        start = next(begins, 0)
        return tuple(self.splits.validation[start : start + PASSAGE_TOKENS].tolist())

    @cached_property
    def exam(self) -> tuple[Asked, ...]:
        """The questions asked at evaluations, where the text is a task's; none elsewhere."""
        task = task_of(self.ref)
        if task is None:
            return ()
        shown = _asked(task, held_out=False) if task.holds_out else ()
        return (*_asked(task, held_out=task.holds_out), *shown)

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """The exam as ids: each prompt after a line end, as in the text, and each answer up to its own."""
        encode = self.tokenizer.encode
        return tuple(Question(tuple(encode(f"\n{q.prompt}")), tuple(encode(f"{q.answer}\n"))) for q in self.exam)


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
        with self._lock:
            same = (
                kept for kept in self._kept.values() if kept.ref == corpus and kept.tokenizer.hash == tokenizer.hash
            )
            known = next(same, None)
        if known and not corpus.startswith(UPLOAD):
            return known
        return self._prepared(session, corpus, tokenizer.hash, lambda text: tokenizer)

    def _prepared(self, session: Session, ref: str, how: str, tokenizer_for: Callable[[str], Tokenizer]) -> Prepared:
        own = _own_text(session, ref)
        # Another text may be kept under the same name later.
        key = (ref if own is None else hashlib.sha256(own.text.encode("utf-8", "replace")).hexdigest(), how)
        with self._lock:
            if key not in self._kept:
                corpus = own or load_corpus(ref, allow_download=False)
                tokenizer = tokenizer_for(corpus.text)
                self._kept[key] = Prepared(ref, corpus, tokenizer, encode_corpus(tokenizer, corpus.text))
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


def _asked(task: Task, *, held_out: bool) -> list[Asked]:
    """The same questions every time; those that are not held out come from the pool that training draws from."""
    seen = task.holds_out and not held_out
    return [Asked(e.prompt, e.answer, seen) for e in task.questions(N_QUESTIONS, held_out=held_out)]
