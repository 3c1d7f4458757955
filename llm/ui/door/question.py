"""A question as it arrives: received within a size and a time, parsed within bounds, addressed to an endpoint."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any, NoReturn

import anyio
from gradio import Blocks
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from llm.ui.door.refusal import Refused
from llm.ui.panel import Panel

SESSION = "glassbox"
"""The one name that all pages give Gradio for their session: it keeps nothing for us, and so can't be filled up."""
SECONDS = 30.0
"""In which a question must have arrived."""
DEPTH = 16
"""Lists and objects within one another."""
VALUES = 200_000
"""Numbers, texts, lists and objects altogether."""
DIGITS = 20
"""Of a whole number; a seed has 19."""
SMALL = 100_000
"""Bytes that are parsed at once; more goes to a thread, so that nobody else waits."""
_PARSERS = anyio.CapacityLimiter(2)
_UNREADABLE = "The page sent something this server doesn't understand. Reload the page."


async def body_of(receive: Receive, most: int, seconds: float = SECONDS) -> bytes:
    """What is sent, at most `most` bytes of it. Raises Refused, or ClientDisconnect when its sender has left."""
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                body += message.get("body", b"")
                if len(body) > most:
                    raise Refused(413, f"That is more than {most / 1e6:g} MB, the most that one question may hold.")
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise Refused(408, f"The question did not arrive within {seconds:g} seconds; ask again.") from None


async def checked(body: bytes, blocks: Blocks) -> dict[str, Any]:
    """The question that a body spells, for an endpoint that there is. Raises Refused."""
    parse = read_question
    question = await anyio.to_thread.run_sync(parse, body, limiter=_PARSERS) if len(body) > SMALL else parse(body)
    panel = blocks.blocks.get(question["component_id"])
    if not isinstance(panel, Panel) or question["fn_name"] not in panel.may_call():
        raise Refused(404, "This page is older than its server, or younger. Reload it.")
    return question


def read_question(body: bytes) -> dict[str, Any]:
    """{"data": {...}, "component_id": 1, "fn_name": "...", "session_hash": SESSION}. Raises Refused."""
    try:
        question: dict[str, Any] = json.loads(body, parse_int=_whole, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Refused(400, _UNREADABLE) from None
    match question:
        case {"data": dict(), "component_id": int(), "fn_name": str(), "session_hash": str(session)}:
            if session == SESSION and len(question) == 4 and _bounded(question["data"]):
                return question
    raise Refused(400, _UNREADABLE)


def _whole(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError
    return int(digits)


def _refuse(_: str) -> NoReturn:
    raise ValueError  # NaN and Infinity, which JSON hasn't


def _bounded(data: Any) -> bool:
    """Whether it is no deeper and holds no more than a page sends, and all its numbers are finite."""
    level, seen = [data], 0
    for _ in range(DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, float) and not math.isfinite(value):
                return False
        seen += len(below)
        if not below or seen > VALUES:
            return not below
        level = below
    return False
