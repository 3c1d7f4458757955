"""Answers that many ask for and one works out: a hundred phones that look at the same cost one forward pass.

Only for endpoints that look: the same model, moment and question have the same answer, whoever asks. An answer is
known by where its model lies on the disk, which moment it is and all else that was asked, so what only one visitor
may see is found by nobody else.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import suppress

from llm.ui.memory import Memory, Shelf
from llm.ui.panel import Answer, Request

IDLE_SECONDS = 30.0
"""For so long others may still ask the same."""
JSON_BYTES = 2
"""What an answer takes in memory for each character that it has as JSON, about."""
MAX_QUESTION = 200_000
"""Characters of a question that is worth keeping."""

Endpoint = Callable[[Request], Answer]


class SharedAnswers:
    """The latest answers of endpoints that look; nobody may change one.

    `place` tells of a request which moment of which model it means; it raises ValueError where there is none.
    """

    def __init__(self, place: Callable[[Request], Hashable], memory: Memory) -> None:
        self.place = place
        self._kept = Shelf[Answer](memory, idle_seconds=IDLE_SECONDS)
        self._coming: dict[Hashable, Future[Answer]] = {}
        self._lock = threading.Lock()

    def of(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, asked once for all who ask the same; whoever asks meanwhile waits for that answer."""

        @functools.wraps(endpoint)
        def shared(request: Request) -> Answer:
            place, question = self.place(request), _question(request)
            if question is None:
                return endpoint(request)
            key = endpoint.__module__, endpoint.__qualname__, place, question
            with self._lock:
                kept = self._kept.get(key)
                if kept is not None:
                    return kept
                coming = self._coming.get(key)
                mine = coming is None
                if coming is None:
                    coming = self._coming[key] = Future()
            if not mine:
                return coming.result()
            try:
                answer = endpoint(request)
            except BaseException as error:
                with self._lock:
                    self._coming.pop(key)
                coming.set_exception(error)
                raise
            size = JSON_BYTES * (len(question) + len(json.dumps(answer)))
            with suppress(ValueError):  # no room: the next one who asks waits as long
                self._kept.make(key, size, lambda: answer)
            with self._lock:
                self._coming.pop(key)
            coming.set_result(answer)
            return answer

        return shared


def _question(request: Request) -> str | None:
    """All that was asked but by whom, and of which model by what name; None where that is not worth keeping."""
    asked = {key: value for key, value in request.items() if key not in ("visitor", "model")}
    try:
        question = json.dumps(asked, sort_keys=True)
    except RecursionError:
        return None
    return question if len(question) <= MAX_QUESTION else None
