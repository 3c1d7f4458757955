"""Answers that many ask for and one works out: a hundred phones that look at the same cost one forward pass.

Only for endpoints that look: the same model, moment and question have the same answer, whoever asks. An answer is
known by where its model lies on the disk, which moment it is and all else that was asked, so what only one visitor
may see is found by nobody else.
"""

from __future__ import annotations

import functools
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future

from llm.ui.panel import Answer, Request

MAX_BYTES = 64_000_000
"""Of all answers kept, with what was asked, as JSON."""
MAX_QUESTION = 200_000
"""Characters of a question that is worth keeping."""

Endpoint = Callable[[Request], Answer]


class SharedAnswers:
    """The latest answers of endpoints that look; nobody may change one.

    `place` tells of a request which moment of which model it means; it raises ValueError where there is none.
    """

    def __init__(self, place: Callable[[Request], Hashable], max_bytes: int = MAX_BYTES) -> None:
        self.place = place
        self.max_bytes = max_bytes
        self._kept: OrderedDict[Hashable, tuple[Answer, int]] = OrderedDict()
        self._bytes = 0
        self._coming: dict[Hashable, Future[Answer]] = {}
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """What is kept takes about so much."""
        return self._bytes

    def of(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, asked once for all who ask the same; whoever asks meanwhile waits for that answer."""

        @functools.wraps(endpoint)
        def shared(request: Request) -> Answer:
            place, question = self.place(request), _question(request)
            if question is None:
                return endpoint(request)
            key = endpoint.__module__, endpoint.__qualname__, place, question
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return self._kept[key][0]
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
            self._keep(key, answer, len(question) + len(json.dumps(answer)))
            coming.set_result(answer)
            return answer

        return shared

    def _keep(self, key: Hashable, answer: Answer, size: int) -> None:
        with self._lock:
            self._coming.pop(key)
            if size > self.max_bytes // 4:
                return
            self._kept[key] = answer, size
            self._bytes += size
            while self._bytes > self.max_bytes:
                self._bytes -= self._kept.popitem(last=False)[1][1]


def _question(request: Request) -> str | None:
    """All that was asked but by whom, and of which model by what name; None where that is not worth keeping."""
    asked = {key: value for key, value in request.items() if key not in ("visitor", "model")}
    try:
        question = json.dumps(asked, sort_keys=True)
    except RecursionError:
        return None
    return question if len(question) <= MAX_QUESTION else None
