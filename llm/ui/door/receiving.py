"""Files that a page sends: one in a request, as it is, into a folder of its own under a name nobody can guess."""

from __future__ import annotations

import asyncio
import re
import secrets
from pathlib import Path
from urllib.parse import unquote

import gradio as gr
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from llm.files import remove_folder
from llm.limits import Limits
from llm.ui.door.refusal import Refused

FILES = "/files"
NAME_HEADER = "x-glassbox-file"
KIND = "application/octet-stream"
"""A type that no form of another website can send."""
SECONDS = 600.0
"""In which a file must have arrived."""


def receiving(limits: Limits) -> Route:
    """The route that takes a file in: {"path": where it lies below `upload_folder()`}."""
    most = round(limits.upload_mb * 1e6)

    async def answer(request: Request) -> Response:
        folder = upload_folder() / secrets.token_hex(16)
        try:
            path = await _received(request, folder, most)
        except BaseException as error:
            remove_folder(folder)
            if isinstance(error, Refused):
                return JSONResponse({"error": error.sentence}, error.status)
            if isinstance(error, ClientDisconnect):
                return Response(status_code=400)
            raise
        request.app.get_blocks().upload_file_set.add(str(path))  # Gradio deletes what nobody fetches within the hour
        return JSONResponse({"path": path.relative_to(upload_folder()).as_posix()})

    return Route(FILES, answer, methods=["POST"])


def upload_folder() -> Path:
    """Where files arrive."""
    return Path(gr.utils.get_upload_folder()).resolve()


def name_of(told: str) -> str:
    """A name for a file on our disk that looks like the one it had, whatever that was."""
    name = re.sub(r"[^\w .,()+-]", "_", unquote(told).replace("\\", "/").rpartition("/")[2]).lstrip(". ")
    return name.encode("utf-8", "replace")[-100:].decode("utf-8", "ignore").strip() or "file"


async def _received(request: Request, folder: Path, most: int) -> Path:
    """Raises Refused, or ClientDisconnect when its sender has left."""
    if request.headers.get("content-type") != KIND:
        raise Refused(415, "Files are sent as they are, one by one.")
    too_large = Refused(413, f"That file is larger than {most / 1e6:g} MB, the most that fits here.")
    told = request.headers.get("content-length", "0")
    if not told.isdecimal() or len(told) > 15 or int(told) > most:
        raise too_large
    folder.mkdir(parents=True)
    path, size = folder / name_of(request.headers.get(NAME_HEADER, "")), 0
    try:
        async with asyncio.timeout(SECONDS):
            with path.open("wb") as file:
                async for part in request.stream():
                    size += len(part)
                    if size > most:
                        raise too_large
                    file.write(part)
    except TimeoutError:
        raise Refused(408, "The file did not arrive in time; send it again.") from None
    except OSError:
        raise Refused(507, "The server has no room for that file now; try again later.") from None
    return path
