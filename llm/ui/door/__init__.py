"""The door: what every HTTP request passes before anything of the page or of Gradio sees it.

In this order: does it go by our name, is it for a route that the page uses, does it come from our own page, may its
sender ask so often, is it small enough, can it be read, and does the server know the visitor? What fails is refused
in one sentence. What leaves carries the headers that keep a browser from being more trusting than we are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from llm.limits import Limits
from llm.ui.door.names import Names, address_of
from llm.ui.door.question import body_of, checked
from llm.ui.door.rates import Rates
from llm.ui.door.receiving import FILES
from llm.ui.door.refusal import Refused
from llm.ui.door.visitors import NEW_VISITOR, VISITOR_HEADER, Visitors

QUESTION = "/gradio_api/component_server"
PLOTLY = "/plotly.min.js"
EXPORTS = "/exports/"
_READING = ("GET", "HEAD")
ROUTES: dict[str, tuple[str, ...]] = {
    "/": _READING,
    "/favicon.ico": _READING,
    "/robots.txt": _READING,
    "/theme.css": _READING,
    "/gradio_api/startup-events": ("GET",),  # which Gradio asks of itself, once, when it starts
    QUESTION: ("POST",),
}
"""Of Gradio's routes, those that the page uses; our own add themselves. Gradio has sixty more: its queue, its pages
about itself, its proxies and its way to serve and receive files. What isn't used can't be abused."""
FOLDERS = ("/assets/", "/static/")
"""Below these lie Gradio's own scripts and fonts."""
COSTS = {"/": 10, PLOTLY: 20}
"""Questions that an answer counts as, where it takes the server longer than most: 25 and 110 ms, against 1."""
BYTES_OF_ONE = 100_000
"""What is sent counts as one question more for each of these."""
LARGE_AT_ONCE = 32
"""Questions of more than that which may be on their way: they lie in memory, and a slow sender takes long."""
_PREFIX = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9._~-]{0,99}){1,8}")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Door:
    """The outermost of our middleware. `own` are the routes that are ours.

    `proxied` says that all requests come through a proxy of somebody else's.
    """

    def __init__(
        self, app: ASGIApp, limits: Limits, names: Names, visitors: Visitors, own: Sequence[Route], *, proxied: bool
    ) -> None:
        self.app, self.limits, self.names, self.visitors, self.proxied = app, limits, names, visitors, proxied
        self.own = own
        self.large = 0
        self.by_visitor = Rates(limits.requests_per_minute)
        self.by_address = Rates(limits.address_requests_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return await self.app(scope, receive, send) if scope["type"] == "lifespan" else None
        send = _with_headers(scope, send)
        try:
            receive = await self._admitted(scope, receive)
        except Refused as refusal:
            return await refusal.answer(scope, receive, send)
        except ClientDisconnect:
            return None
        return await self.app(scope, receive, send)

    async def _admitted(self, scope: Scope, receive: Receive) -> Receive:
        """What the app may receive of a request. Raises Refused."""
        headers = Headers(scope=scope)
        self.names.check_host(headers)
        path = _find_place(scope, headers)
        gradios = ROUTES.get(path) or (_READING if path.startswith(FOLDERS) else ())
        if scope["method"] not in gradios and all(route.matches(scope)[0] is not Match.FULL for route in self.own):
            raise Refused(404, "There is nothing here.")
        if scope["method"] == "POST" or path == "/":
            self.names.check_origin(headers, self.visitors.page_word)
        sent = headers.get("content-length", "0")
        cost = COSTS.get(path, 1) + (int(sent) // BYTES_OF_ONE if sent.isdecimal() and len(sent) < 16 else 0)
        address = address_of(scope, self.proxied)
        self.by_address.spend(address, cost, "Too many questions come from your network")
        if path == QUESTION:
            return await self._question(scope, receive, headers, cost)
        if path == FILES:
            visitor = headers.get(VISITOR_HEADER)
            self.visitors.check(visitor)
            self.by_visitor.spend(str(visitor), cost, "This page asks too fast")
        if path == NEW_VISITOR:
            scope["glassbox.address"] = address
        return receive

    async def _question(self, scope: Scope, receive: Receive, headers: Headers, cost: int) -> Receive:
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, "Questions are asked in JSON.")
        large = int(cost > 1 or "content-length" not in headers)
        if large and self.large == LARGE_AT_ONCE:
            raise Refused(429, "Too many long texts are on their way to this server; it goes on in 2 seconds.", 2)
        self.large += large
        try:
            body = await body_of(receive, round(self.limits.request_mb * 1e6))
        finally:
            self.large -= large
        question = await checked(body, scope["app"].get_blocks())
        visitor = question["data"].get("visitor")
        self.visitors.check(visitor)
        self.by_visitor.spend(visitor, cost, "This page asks too fast")
        told = False

        async def again() -> Message:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": body, "more_body": False}

        return again


def _find_place(scope: Scope, headers: Headers) -> str:
    """The path below the one at which a proxy shows the page, be it taken away by that proxy or not.

    `--root-path` says where that is, or the proxy itself in X-Forwarded-Prefix.
    """
    told = headers.get("x-forwarded-prefix", "").rstrip("/")
    if not scope.get("root_path") and _PREFIX.fullmatch(told):
        scope["root_path"] = told
    root: str = scope.get("root_path", "")
    path: str = scope["path"]
    if root.startswith("/") and (path + "/").startswith(root.rstrip("/") + "/"):
        path = path[len(root.rstrip("/")) :]
    scope["path"] = path = path or "/"
    return path


def _with_headers(scope: Scope, send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if scope["method"] == "POST" or scope["path"].startswith(EXPORTS) or scope["path"] == "/":
                headers["Cache-Control"] = "no-store"
        await send(message)

    return sent
