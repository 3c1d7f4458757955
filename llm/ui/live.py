"""Texts being written: kept between two calls of a page, whichever view writes them, and how tokens are named."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from llm.config import ModelConfig
from llm.tokenizers import Tokenizer
from llm.ui.panel import Answer
from llm.ui.subject import Subjects

MAX_LIVE = 50
MAX_CACHE_BYTES = 2_000_000_000
"""Keys and values of all live generations: GPT-2 small needs 75 MB for each."""
IDLE_SECONDS = 600
CALL_SECONDS = 0.25
"""How long one call may go on drawing: the page shows what came while the next call runs."""


class Live:
    """What is kept between two calls of the page: a text, or several, under way."""

    def __init__(self, cache_bytes: int) -> None:
        self.id = secrets.token_hex(8)
        self.cache_bytes = cache_bytes
        self.last_used = time.monotonic()
        self._lock = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Draw inside the block. Raises ValueError while another thread does: a generator can't be stepped by two."""
        if not self._lock.acquire(blocking=False):
            raise ValueError("The last tokens are still being drawn; try again in a moment.")
        try:
            yield
        finally:
            self.last_used = time.monotonic()
            self._lock.release()


class LiveGenerations:
    """At most one generation in each of a visitor's lanes.

    Idle ones go, and the longest unused when there are too many.
    """

    def __init__(self, subjects: Subjects) -> None:
        self.subjects = subjects
        self._generations: OrderedDict[tuple[str, str], Live] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, owner: tuple[str, str], generation: Live) -> None:
        """Keep it in place of the last one in that visitor's lane."""
        now = time.monotonic()
        with self._lock:
            self._generations[owner] = generation
            self._generations.move_to_end(owner)
            for other, old in list(self._generations.items())[:-1]:
                held = sum(kept.cache_bytes for kept in self._generations.values())
                full = len(self._generations) > MAX_LIVE or held > MAX_CACHE_BYTES
                if full or now - old.last_used > IDLE_SECONDS:
                    del self._generations[other]

    def get(self, owner: tuple[str, str], id: str) -> Live | None:
        """The generation of that id in the visitor's lane, or None when it has gone."""
        with self._lock:
            generation = self._generations.get(owner)
            if generation is None or generation.id != id:
                return None
            self._generations.move_to_end(owner)
            return generation


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
