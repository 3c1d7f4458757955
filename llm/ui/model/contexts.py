"""The strongest contexts of a model's neurons in a text, read a little at each call and kept.

A layer's neurons are all measured in one pass, which the page moves on by asking again: it shows
how far it is, and rests when nobody asks.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from itertools import islice

import torch
from torch import Tensor

from llm.inside.neurons import Strongest, strongest_contexts
from llm.ui.findings import Findings
from llm.ui.memory import CUTTING_BYTES, Shelf
from llm.ui.panel import Answer, Request
from llm.ui.subject import Loaded, Subjects
from llm.ui.texts_at_hand import corpus_called

CALL_SECONDS = 0.4
"""How long one call reads."""
MAX_TOKENS = 100_000
MAX_CHARACTERS = 1_000_000
"""Of a text that is cut into tokens for this."""
SHARE = 10
"""A model's validation text is the last tenth of what it learnt from."""
SHOWN = 8
"""Contexts of a neuron."""
NUMBERS = 12
"""Bytes of a context: how strong it was, and where."""
BEFORE, AFTER = 14, 5
"""Tokens shown around the one that a neuron was strongest at."""
OTHERS = ("tales", "pydoc")
"""What is read instead of a text that isn't here, the first that the tokenizer can spell."""


@dataclass
class _Pass:
    """A layer of a model over a text, as far as it was read."""

    title: str
    """Of the text."""
    own: bool
    """Whether it is the end of what the model learnt from."""
    ids: Tensor
    found: Strongest | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Contexts:
    """The latest passes, by model and layer."""

    def __init__(self, subjects: Subjects) -> None:
        self.subjects = subjects
        memory = subjects.sessions.memory
        self._passes = Findings[_Pass](memory)
        self._ids = Shelf[Tensor](memory, idle_seconds=memory.kept_seconds)

    def read(self, request: Request, loaded: Loaded, layer: int, neuron: int) -> Answer:
        """Read on for a moment; where the neuron was strongest so far, and how far the pass is.

        Raises ValueError when no text is here that the model could read, or there is no room for it.
        """
        size = SHOWN * NUMBERS * loaded.config.mlp_size + 8 * MAX_TOKENS
        here = self._passes.of(loaded.model, layer, size, lambda: self._begun(request, loaded))
        with here.lock:
            deadline = time.monotonic() + CALL_SECONDS
            for found in strongest_contexts(loaded.model, here.ids, layer, SHOWN, after=here.found):
                here.found = found
                if time.monotonic() > deadline:
                    break
            seen = here.found
        assert seen is not None  # no text is empty
        places = zip(seen.values_NK[neuron].tolist(), seen.places_NK[neuron].tolist(), strict=True)
        return {
            "title": here.title,
            "own": here.own,
            "read": seen.read,
            "total": seen.total,
            "contexts": [
                {"value": value, **_around(loaded, here.ids, place)} for value, place in places if value > -torch.inf
            ],
        }

    def _begun(self, request: Request, loaded: Loaded) -> _Pass:
        """Over the end of the model's own text if it is here and can be spelt, of another one otherwise."""
        ref, session = self.subjects.text_of(request), self.subjects.sessions.of(request)
        for other in (ref, *OTHERS):
            if corpus := corpus_called(other, session):
                text = corpus.text
                end = (text[len(text) - len(text) // SHARE :] or text)[:MAX_CHARACTERS]
                if end and not loaded.tokenizer.misfit(end):
                    return _Pass(corpus.title, other == ref, self._cut(loaded, end))
        raise ValueError("The text that this model learnt from isn't here, and its tokenizer can't spell another one.")

    def _cut(self, loaded: Loaded, end: str) -> Tensor:
        """The first tokens, the same for all layers and all moments of a training."""
        key = loaded.tokenizer.hash, hash(end)
        ids = self._ids.get(key)
        if ids is None:

            def cut() -> Tensor:
                return torch.tensor(list(islice(loaded.tokenizer.encode(end), MAX_TOKENS)))

            ids = self._ids.make(key, CUTTING_BYTES * len(end), cut, measure=lambda made: made.nbytes)
        return ids


def _around(loaded: Loaded, ids: Tensor, place: int) -> Answer:
    """A token and what stands beside it. The model saw nothing from before the window that it is in."""
    start = max(place - BEFORE, place // loaded.config.n_ctx * loaded.config.n_ctx)
    decode = loaded.tokenizer.decode
    return {
        "before": decode(ids[start:place].tolist()),
        "token": decode([int(ids[place])]),
        "after": decode(ids[place + 1 : place + 1 + AFTER].tolist()),
    }
