"""The strongest contexts of a model's neurons in a text, read a little at each call and kept.

A layer's neurons are all measured in one pass, which the page moves on by asking again: it shows
how far it is, and rests when nobody asks.
"""

from __future__ import annotations

import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

import torch
from torch import Tensor

from llm.inside.neurons import Strongest, strongest_contexts
from llm.model import GPT
from llm.ui.model.texts import UPLOAD, text_called
from llm.ui.panel import Answer, Request
from llm.ui.sessions import Session
from llm.ui.subject import Loaded, Subjects

CALL_SECONDS = 0.4
"""How long one call reads."""
MAX_TOKENS = 100_000
MAX_CHARACTERS = 1_000_000
"""Of a text that is cut into tokens for this."""
MAX_KEPT = 8
SHARE = 10
"""A model's validation text is the last tenth of what it learnt from."""
BEFORE, AFTER = 14, 5
"""Tokens shown around the one that a neuron was strongest at."""
OTHERS = ("tales", "pydoc")
"""What is read instead of a text that isn't here, the first that the tokenizer can spell."""


@dataclass
class _Text:
    """What a model's neurons are looked for in."""

    title: str
    own: bool
    """Whether it is the end of what the model learnt from."""
    ids: Tensor


@dataclass
class _Pass:
    """A layer of a model over a text, as far as it was read."""

    model: weakref.ref[GPT]
    layer: int
    text: _Text
    found: Strongest | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Contexts:
    """The latest passes, by model and layer."""

    def __init__(self, subjects: Subjects) -> None:
        self.subjects = subjects
        self._kept: list[_Pass] = []
        self._texts: dict[tuple[str, str], _Text] = {}
        self._lock = threading.Lock()

    def read(self, request: Request, loaded: Loaded, layer: int, neuron: int) -> Answer:
        """Read on for a moment; where the neuron was strongest so far, and how far the pass is.

        Raises ValueError when no text is here that the model could read.
        """
        here = self._pass(request, loaded, layer)
        with here.lock:
            deadline = time.monotonic() + CALL_SECONDS
            for found in strongest_contexts(loaded.model, here.text.ids, layer, after=here.found):
                here.found = found
                if time.monotonic() > deadline:
                    break
            seen = here.found
        assert seen is not None  # no text is empty
        places = zip(seen.values_NK[neuron].tolist(), seen.places_NK[neuron].tolist(), strict=True)
        return {
            "title": here.text.title,
            "own": here.text.own,
            "read": seen.read,
            "total": seen.total,
            "contexts": [
                {"value": value, **_around(loaded, here.text.ids, place)}
                for value, place in places
                if value > -torch.inf
            ],
        }

    def _pass(self, request: Request, loaded: Loaded, layer: int) -> _Pass:
        with self._lock:
            self._kept = [one for one in self._kept if one.model() is not None]
            for one in self._kept:
                if one.model() is loaded.model and one.layer == layer:
                    self._kept = [*(other for other in self._kept if other is not one), one]
                    return one
        fresh = _Pass(weakref.ref(loaded.model), layer, self._text(request, loaded))
        with self._lock:
            self._kept = [*self._kept[1 - MAX_KEPT :], fresh]
        return fresh

    def _text(self, request: Request, loaded: Loaded) -> _Text:
        """The end of the model's own text if it is here, of another one otherwise."""
        ref, session = self.subjects.text_of(request), self.subjects.sessions.of(request)
        if ref.startswith(UPLOAD) and (upload := text_called(ref, session)):
            return _cut(loaded, *upload, own=True)
        key = (ref, loaded.tokenizer.hash)  # the same for all moments of a training
        with self._lock:
            known = self._texts.get(key)
        if known is None:
            known = _found(ref, loaded, session)
            with self._lock:
                self._texts[key] = known
                while len(self._texts) > MAX_KEPT:
                    self._texts.pop(next(iter(self._texts)))
        return known


def _found(ref: str, loaded: Loaded, session: Session) -> _Text:
    """The end of that text or, if it isn't here or can't be spelt, of another. Raises ValueError if none can."""
    for other in (ref, *OTHERS):
        if found := text_called(other, session):
            with suppress(ValueError):  # not to be spelt
                return _cut(loaded, *found, own=other == ref)
    raise ValueError("The text that this model learnt from isn't here, and its tokenizer can't spell another one.")


def _cut(loaded: Loaded, title: str, text: str, own: bool) -> _Text:
    """The first tokens of the last tenth of a text. Raises ValueError when the tokenizer can't spell it."""
    end = text[len(text) - len(text) // SHARE :] or text
    ids = list(islice(loaded.tokenizer.encode(end[:MAX_CHARACTERS]), MAX_TOKENS))
    if not ids:
        raise ValueError("That text is empty.")
    return _Text(title, own, torch.tensor(ids))


def _around(loaded: Loaded, ids: Tensor, place: int) -> Answer:
    """A token and what stands beside it. The model saw nothing from before the window that it is in."""
    start = max(place - BEFORE, place // loaded.config.n_ctx * loaded.config.n_ctx)
    decode = loaded.tokenizer.decode
    return {
        "before": decode(ids[start:place].tolist()),
        "token": decode([int(ids[place])]),
        "after": decode(ids[place + 1 : place + 1 + AFTER].tolist()),
    }
