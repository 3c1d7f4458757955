"""Visitors' tokens: made here, handed to a page that has none, and known again without being remembered.

A token is a secret: who has it is that visitor. It is a random number and, behind it, what only this server's key
makes of that number. So nobody can choose or invent one, and a visitor is known again after a restart. It travels in
what a page sends, never in an address, and is kept by the browser alone.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from llm.limits import Limits
from llm.paths import home
from llm.ui.door.rates import Rates
from llm.ui.door.refusal import Refused

NEW_VISITOR = "/visitor"
VISITOR_HEADER = "x-glassbox-visitor"
_HALF = 16
"""Bytes of a token that are random, and of those that prove it."""


class Visitors:
    """Makes tokens and tells those it made."""

    def __init__(self, limits: Limits, key: bytes | None = None) -> None:
        self._key = key or kept_key()
        self._rates = Rates(limits.address_visitors_per_hour, 3600.0)
        self.page_word = self._sign(b"page").hex()
        """Stands in the page; see `Names.check_origin`."""

    def new(self) -> str:
        """A fresh token: 64 hexadecimal digits."""
        number = secrets.token_bytes(_HALF)
        return (number + self._sign(b"visitor" + number)).hex()

    def check(self, token: object) -> None:
        """Raises Refused for a token that was not made here."""
        with suppress(ValueError):
            if isinstance(token, str) and len(token) == 4 * _HALF and token == token.lower():
                raw = bytes.fromhex(token)
                if hmac.compare_digest(raw[_HALF:], self._sign(b"visitor" + raw[:_HALF])):
                    return
        raise Refused(401, "This server does not know you yet. Reload the page.")

    def route(self) -> Route:
        """The route that hands out a token; POST, so that no link and no prefetch asks for one."""

        async def answer(request: Request) -> Response:
            try:
                address = request.scope["glassbox.address"]
                self._rates.spend(address, 1, "Many new visitors come from your network")
            except Refused as refusal:
                return JSONResponse(
                    {"error": refusal.sentence}, refusal.status, headers={"Retry-After": str(refusal.after)}
                )
            return JSONResponse({"visitor": self.new()})

        return Route(NEW_VISITOR, answer, methods=["POST"])

    def _sign(self, what: bytes) -> bytes:
        return hmac.digest(self._key, what, hashlib.sha256)[:_HALF]


def kept_key() -> bytes:
    """The server's key, in a file that only its owner can read; another one each time where it can't be kept."""
    path = home() / "visitors.key"
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError), open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        key = path.read_bytes()
        if len(key) == 32:
            return key
    return secrets.token_bytes(32)
