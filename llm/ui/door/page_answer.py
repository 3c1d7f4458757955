"""The page as it goes out: told where it lies, and with a policy that lets only its own scripts run."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import secrets
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ROOT = re.compile(rb'window\.gradio_config = \{.*"root": ?("[^"]*")')
_HEAD = b"<head>"
_BEGIN, _END = b"<script", b"</script"


class PageAnswer:
    """Marks the scripts that stand in the page with a number used once, and says that no others may run.

    Those of `head` Gradio puts in later, in the browser, and there a script is known by its hash.

    Where somebody left out the slash at the end of a path below the root of its host, as /glassbox behind a proxy, a
    <base> says where the page lies: Gradio names its files relatively, and they would be looked for beside it.
    """

    def __init__(self, app: ASGIApp, head: str) -> None:
        self.app = app
        self.hashes = hashes_of(head)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun: Message | None = None
        whole = bytearray()

        async def pass_on(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = message
                return
            whole.extend(message.get("body", b""))
            if message.get("more_body") or begun is None:
                return
            nonce = secrets.token_urlsafe(16)
            body = marked(based(bytes(whole)), nonce)
            headers = MutableHeaders(scope=begun)
            headers["Content-Length"] = str(len(body))
            headers["Content-Security-Policy"] = policy([f"nonce-{nonce}", *self.hashes])
            await send(begun)
            await send({"type": "http.response.body", "body": body})

        page = scope["type"] == "http" and scope["path"] == "/"
        await self.app(scope, receive, pass_on if page else send)


def policy(scripts: Iterable[str]) -> str:
    """What the page may load and run: its own, from its own server, and nothing of anybody else.

    Text that became markup by mistake can't run: neither scripts in it, which are not known, nor handlers. 'eval'
    stays, since Gradio makes functions of the text that brings a panel to life; styles may stand in the page, as
    Gradio writes them. Any page may frame ours, as huggingface.co does: that is why frame-ancestors isn't set.
    """
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-eval' " + " ".join(f"'{one}'" for one in scripts),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self' data: blob:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "frame-src 'none'",
            "form-action 'none'",
            "base-uri 'self'",
        )
    )


def hashes_of(head: str) -> list[str]:
    """Of every script that is written out in it."""
    scripts = re.findall("<script>(.*?)</script>", head, re.DOTALL)
    return ["sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]


def marked(page: bytes, nonce: str) -> bytes:
    """The page with the nonce on each of its scripts. What is written inside a script is none of its own."""
    parts, at = [], 0
    while (found := page.find(_BEGIN, at)) >= 0:
        found += len(_BEGIN)
        parts += [page[at:found], f' nonce="{nonce}"'.encode()]
        end = page.find(_END, found)
        at = end if end >= 0 else len(page)
        parts.append(page[found:at])
    return b"".join([*parts, page[at:]])


def based(page: bytes) -> bytes:
    """The page with a base, if it isn't at the root of its host: the place that Gradio worked out for this request."""
    found = _ROOT.search(page)
    root = json.loads(found[1]) if found else ""
    if not urlsplit(root).path:
        return page
    return page.replace(_HEAD, _HEAD + f'<base href="{html.escape(root)}/">'.encode(), 1)
