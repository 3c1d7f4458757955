"""The page below the root of its host, as /glassbox/ behind a proxy."""

from __future__ import annotations

import html
import json
import re
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ROOT = re.compile(rb'window\.gradio_config = \{.*"root": ?("[^"]*")')
_HEAD = b"<head>"


class Subpath:
    """Tells the page where it lies, with a <base>, when somebody left out the slash at the end of its address.

    Gradio's page names its files relatively, and from /glassbox they would be looked for beside it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun: Message | None = None

        async def pass_on(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = message
                return
            if begun:
                if message["type"] == "http.response.body" and not message.get("more_body"):
                    message["body"] = _based(message.get("body", b""))
                    length = str(len(message["body"])).encode()
                    begun["headers"] = [
                        (name, length if name.lower() == b"content-length" else value)
                        for name, value in begun["headers"]
                    ]
                await send(begun)
                begun = None
            await send(message)

        page = scope["type"] == "http" and scope["method"] == "GET" and scope["path"] in ("", "/")
        await self.app(scope, receive, pass_on if page else send)


def _based(page: bytes) -> bytes:
    """The page with a base, which is the root that Gradio has worked out for this request."""
    found = _ROOT.search(page)
    root = json.loads(found[1]) if found else ""
    if not urlsplit(root).path:
        return page
    base = f'<base href="{html.escape(root)}/">'
    return page.replace(_HEAD, _HEAD + base.encode(), 1)
