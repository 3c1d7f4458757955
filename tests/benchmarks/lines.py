"""One kept connection that speaks just enough HTTP, for benchmarks with many pages on loopback."""

import asyncio
import json
import re

ENDPOINT = "/gradio_api/component_server"


class Line:
    """One connection that is kept, and speaks just enough HTTP."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def open(self) -> "Line":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**22)
        return self

    async def send(self, method: str, path: str, body: bytes = b"", cookie: str = "") -> int:
        """Ask; returns the length of the answer that follows, or -1 where it has no end."""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\nCookie: {cookie}\r\n\r\n"
        self.writer.write(head.encode() + body)
        said = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        assert " 200 " in said.split("\r\n")[0], said
        length = re.search(r"content-length: (\d+)", said, re.IGNORECASE)
        return int(length[1]) if length else -1

    async def ask(self, method: str, path: str, body: bytes = b"", cookie: str = "") -> bytes:
        """Ask, and read the whole answer."""
        return await self.reader.readexactly(await self.send(method, path, body, cookie))

    async def visitor(self) -> str:
        """A fresh token."""
        return json.loads(await self.ask("POST", "/visitor"))["visitor"]

    async def event(self) -> dict | None:
        """The next thing that is heard on a line without end; None for a sign of life."""
        while True:
            line = await self.reader.readline()
            assert line, "the line broke"
            if line.startswith(b"data: "):
                return json.loads(line[6:])


def question(components: dict[str, int], panel: str, fn: str, visitor: str, **data: object) -> bytes:
    """An endpoint's question as the page puts it."""
    body = {"data": {"visitor": visitor, **data}, "component_id": components[f"gb-{panel}"], "fn_name": fn}
    return json.dumps(body | {"session_hash": "glassbox"}).encode()


async def components_of(line: Line) -> dict[str, int]:
    """The numbers of the page's panels, by their names on it."""
    page = (await line.ask("GET", "/")).decode()
    config, _ = json.JSONDecoder().raw_decode(page.split("window.gradio_config = ")[1])
    return {one["props"].get("elem_id"): one["id"] for one in config["components"]}
