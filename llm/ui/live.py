"""Texts being written: kept between two calls of a page, whichever view writes them, and how tokens are named."""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

import numpy as np

from llm.config import ModelConfig
from llm.tokenizers import Tokenizer
from llm.ui.fast_weights import FastCopies
from llm.ui.memory import Shelf
from llm.ui.panel import Answer, Request
from llm.ui.subject import Subjects

DEAR_SECONDS = 60.0
"""For so long after its last use nobody else can push a text away."""
OWN_BYTES = 100_000
"""What a text under way takes besides its keys and values."""
CALL_SECONDS = 0.25
"""How long one call may go on drawing: the page shows what came while the next call runs."""


class Live:
    """What is kept between two calls of the page: a text, or several, under way."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(8)
        self._lock = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Draw inside the block. Raises ValueError while another thread does: a generator can't be stepped by two."""
        if not self._lock.acquire(blocking=False):
            raise ValueError("The last tokens are still being drawn; try again in a moment.")
        try:
            yield
        finally:
            self._lock.release()


L = TypeVar("L", bound=Live)


class LiveGenerations:
    """At most one generation in each of a visitor's lanes. One goes when it is idle, or for another of its visitor."""

    def __init__(self, subjects: Subjects) -> None:
        self.subjects = subjects
        self.fast = FastCopies(subjects.sessions.memory)
        """The 8-bit copies of models: they write, and do nothing else."""
        memory = subjects.sessions.memory
        self._kept = Shelf[Live](memory, dear_seconds=DEAR_SECONDS, idle_seconds=memory.kept_seconds)

    def begin(self, request: Request, lane: str, cache_bytes: int, build: Callable[[], L]) -> L:
        """Make a generation in place of the last one in that lane of the visitor's, if there is room for its caches.

        Raises ValueError where there is none, and what `build` raises.
        """
        owner = request["visitor"]
        return cast(L, self._kept.make((owner, lane), cache_bytes + OWN_BYTES, build, owner=owner))

    def get(self, request: Request, lane: str, id: str) -> Live | None:
        """The generation of that id in the visitor's lane, or None when it has gone."""
        generation = self._kept.get((request["visitor"], lane))
        return generation if generation is not None and generation.id == id else None


def cache_bytes(config: ModelConfig) -> int:
    """What the keys and values of one text take."""
    return 2 * config.n_layer * config.n_ctx * config.n_embd * 4


def vocabulary(tokenizer: Tokenizer) -> Answer:
    """The bytes of every token, asked for once a tokenizer: the page names all tokens itself."""
    tokens = [tokenizer.token_bytes(id) for id in range(tokenizer.vocab_size)]
    lengths = np.array([len(token) for token in tokens], dtype="<u4")
    return {
        "tokenizer": tokenizer.hash,
        "eot_id": tokenizer.eot_id,
        "lengths": base64.b64encode(lengths.tobytes()).decode("ascii"),
        "bytes": base64.b64encode(b"".join(tokens)).decode("ascii"),
    }
