"""`python app.py --class`: the playground on the room's network, and what the terminal says of it."""

from __future__ import annotations

import contextlib
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from llm.limits import Limits
from llm.ui import build_app, launch_options
from llm.ui.class_door import SPEAKER, room_host
from llm.ui.classroom import Classroom


def serve_class(
    limits: Limits,
    where: dict[str, Any],
    names: list[str],
    *,
    may_change: bool,
    folders: Sequence[Path],
    inbrowser: bool,
) -> gr.Blocks:
    """Begin to serve a class; `where` is what `Blocks.launch` is told of host, port and path.

    `names` are those that the server goes by, beside this computer's own; `folders` hold models that the speaker may
    look at.
    """
    classroom = Classroom(may_change=may_change)
    host = where["server_name"] or "0.0.0.0"
    app = build_app(limits, classroom, folders)
    options = {**where, "server_name": host, **launch_options(limits, names=names, classroom=classroom)}
    app.launch(**options | {"quiet": True, "prevent_thread_lock": True})
    path = (where["root_path"] or "").rstrip("/")
    classroom.address = f"http://{room_host(host)}:{app.server_port}{path}/"
    here = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    link = f"http://{here}:{app.server_port}{path}" + SPEAKER.format(secret=classroom.secret)
    print(f"For the room:      {classroom.address}")
    _print_code(classroom.address)
    print(f"For you, the speaker, alone:\n{link}")
    sys.stdout.flush()
    if inbrowser:
        webbrowser.open(link)
    return app


def _print_code(link: str) -> None:
    """The link as a QR code of half blocks, where somebody looks at the terminal and it has such signs."""
    import segno  # only here: a terminal that nobody sees needs none

    if sys.stdout.isatty():
        with contextlib.suppress(UnicodeEncodeError):  # the address above says the same
            segno.make_qr(link, error="l").terminal(compact=True)
