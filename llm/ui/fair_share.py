"""Who is answered when: of each visitor's questions only a few at a time, so that nobody can take all the threads.

Of all visitors' together only as many begin at a time as the processor bears. What waits holds no thread, and what
is answered to nobody any more is given up.
"""

from __future__ import annotations

import asyncio
import os
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

SHORT = 0.25
"""Seconds after which an answer that takes longer lets the next ones begin beside it."""


class Lane:
    """Where answers pass one after the other, `width` abreast: short ones side by side only take turns at the
    interpreter, whose handing over costs more than they do, and a training gets none of it."""

    def __init__(self, width: int) -> None:
        self._room = anyio.Semaphore(width)

    @asynccontextmanager
    async def passed(self) -> AsyncIterator[None]:
        """Work out an answer inside the block."""
        await self._room.acquire()
        beside = asyncio.get_running_loop().call_later(SHORT, self._room.release)
        try:
            yield
        finally:
            if beside.when() > asyncio.get_running_loop().time():
                beside.cancel()
                self._room.release()


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
        self._lane = Lane(max(1, (os.cpu_count() or 2) // 2))

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
                async with self.turn(visitor if isinstance(visitor, str) else None), self._lane.passed():
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
