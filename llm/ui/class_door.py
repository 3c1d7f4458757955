"""The way into a class: who is the speaker, what phones may send, and the line on which all of them listen."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from http.cookies import CookieError, SimpleCookie
from secrets import compare_digest

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from llm.limits import Limits
from llm.ui.classroom import Classroom
from llm.ui.door import QUESTION
from llm.ui.door.visitors import NEW_VISITOR
from llm.ui.guests import ONLY_LOOKS, guest, only_looks

EVENTS = "/class/events"
SPEAKER = "/class/speaker/{secret}"
COOKIE = "glassbox_speaker"
ASKED = (QUESTION, NEW_VISITOR)
"""What phones that only look may send: questions, since each endpoint knows whether it changes anything, and that by
which they come to be known."""
BEAT = 15.0
"""Seconds after which a silent line is tried, so that a phone that went away is counted no longer."""


class ClassDoor:
    """Tells every question's endpoint who asks. Phones that only look can send nothing but questions."""

    def __init__(self, app: ASGIApp, classroom: Classroom) -> None:
        self.app = app
        self.classroom = classroom

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        phone = not _speaks(scope, self.classroom)
        looks = phone and not self.classroom.may_change
        if looks and scope["method"] not in ("GET", "HEAD", "OPTIONS") and scope["path"] not in ASKED:
            return await JSONResponse({"error": ONLY_LOOKS}, 403)(scope, receive, send)
        before = guest.set(phone), only_looks.set(looks)
        try:
            await self.app(scope, receive, send)
        finally:
            guest.reset(before[0])
            only_looks.reset(before[1])


def class_routes(classroom: Classroom, limits: Limits) -> list[Route]:
    """The line that pages listen on, and the link that makes a page the speaker's."""

    async def listen(request: Request) -> Response:
        speaker = _speaks(request.scope, classroom)
        if not speaker and classroom.phones >= limits.visitors:
            return JSONResponse({"error": "The room is full."}, 503)
        headers = {"Cache-Control": "no-store", "Content-Encoding": "identity", "X-Accel-Buffering": "no"}
        return StreamingResponse(_heard(classroom, speaker), media_type="text/event-stream", headers=headers)

    async def speak(request: Request) -> Response:
        if not compare_digest(request.path_params["secret"].encode(), classroom.secret.encode()):
            return JSONResponse({"error": "This link is not of this class; the terminal has the one that is."}, 404)
        answer = RedirectResponse("../../", 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
        answer.set_cookie(COOKIE, classroom.secret, httponly=True, samesite="strict")
        return answer

    return [Route(EVENTS, listen), Route(SPEAKER, speak)]


async def _heard(classroom: Classroom, speaker: bool) -> AsyncIterator[bytes]:
    """Server-sent events: what there is to know, whenever it changes."""
    seat = classroom.enter(speaker=speaker)
    try:
        while True:
            try:
                await asyncio.wait_for(seat.wait(), BEAT)
            except TimeoutError:
                yield b":\n\n"
                continue
            seat.clear()
            yield b"data: " + classroom.message(speaker=speaker) + b"\n\n"
    finally:
        classroom.leave(seat)


def _speaks(scope: Scope, classroom: Classroom) -> bool:
    """Whether a request carries the speaker's cookie. Where it comes from proves nothing: a tunnel is local too."""
    header = b"; ".join(value for name, value in scope["headers"] if name == b"cookie").decode("latin-1")
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return False
    return morsel is not None and compare_digest(morsel.value.encode(), classroom.secret.encode())


def room_host(host: str) -> str:
    """Where the room's network reaches a server that listens at `host`; nothing is sent to find out."""
    if host not in ("0.0.0.0", "::"):
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # reserved for documentation: only the way there is looked up
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
