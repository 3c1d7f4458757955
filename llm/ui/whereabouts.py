"""Whether the server is there, and whether it is still the one that a page came from.

A page that had no answer asks here until there is one. Another process has forgotten what this one held in
memory; other code may number its parts otherwise, so that an old page must be reloaded.
"""

from __future__ import annotations

import hashlib
import secrets
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ROUTE = "/glassbox.json"
PROCESS = secrets.token_hex(8)
"""Names this process, and no other."""
_ROOT = Path(__file__).resolve().parents[2]


@cache
def code() -> str:
    """A hash of everything that a page and its server must agree on: the page's files and this folder's."""
    digest = hashlib.sha256()
    for folder, kinds in ((_ROOT / "assets", (".html", ".js", ".css")), (_ROOT / "llm" / "ui", (".py",))):
        for path in sorted(path for path in folder.rglob("*") if path.suffix in kinds):
            digest.update(path.relative_to(_ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


async def _answer(request: Request) -> Response:
    return JSONResponse({"process": PROCESS, "code": code()}, headers={"Cache-Control": "no-store"})


def whereabouts() -> Route:
    """The route that answers: a plain GET, in well under a millisecond."""
    code()  # of the files as they are now, not as somebody edits them while the server runs
    return Route(ROUTE, _answer)
