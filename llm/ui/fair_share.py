"""Who is answered when: of each visitor's questions only a few at a time, so that nobody can take all the threads.

What waits holds no thread, and what is answered to nobody any more is given up.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import anyio
import gradio as gr

from llm.deadline import deadline, until
from llm.limits import Limits

WATCHED_EVERY = 0.25
"""Seconds between two looks whether a page is still there."""


class _Share:
    """What one visitor has asked and not been answered yet."""

    def __init__(self, at_once: int) -> None:
        self.room = anyio.Semaphore(at_once)
        self.asked = 0


class FairShare:
    """The shares of all visitors."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._shares: dict[object, _Share] = {}

    @asynccontextmanager
    async def turn(self, visitor: object) -> AsyncIterator[None]:
        """Waits for the visitor's turn. Raises ValueError when too many of their questions wait already."""
        share = self._shares.setdefault(visitor, _Share(self.limits.at_once))
        if share.asked >= self.limits.at_once + self.limits.questions_waiting:
            raise ValueError("This page asks for more than it is answered. Wait a moment.")
        share.asked += 1
        try:
            async with share.room:
                yield
        finally:
            share.asked -= 1
            if not share.asked:
                del self._shares[visitor]

    def between(self, endpoint: Callable[[Any], Any]) -> Callable[[Any, gr.Request], Coroutine[Any, Any, Any]]:
        """The endpoint as Gradio calls it: in turn, on a thread, until it takes too long or its page is gone."""

        def answer(asked: Any, gone: threading.Event) -> Any:
            with deadline(self.limits.answer_seconds), until(gone):
                return endpoint(asked)

        async def by_turns(asked: Any, request: gr.Request) -> Any:
            visitor = asked.get("visitor") if isinstance(asked, dict) else None
            try:
                async with self.turn(visitor if isinstance(visitor, str) else None):
                    if await request.is_disconnected():
                        return None
                    gone = threading.Event()
                    async with anyio.create_task_group() as both:
                        both.start_soon(_watch, request, gone)
                        answered = await anyio.to_thread.run_sync(answer, asked, gone)
                        both.cancel_scope.cancel()
                    return answered
            except ValueError as refusal:
                return {"error": str(refusal)}

        by_turns.__name__ = endpoint.__name__
        return by_turns


async def _watch(request: Any, gone: threading.Event) -> None:
    while not await request.is_disconnected():
        await anyio.sleep(WATCHED_EVERY)
    gone.set()
