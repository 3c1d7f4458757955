"""`python -m llm serve`: the playground. `app.py` takes the same flags."""

from __future__ import annotations

import argparse
import errno
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llm.cli.options import add_settings, command
from llm.cli.output import say
from llm.files import folder_trouble
from llm.limits import LIMITS, limits_of
from llm.paths import home

SWITCH_SECONDS = 1e-4
"""For how long a thread may keep the interpreter that others wait for. Between two operations of torch it is given away
and has to be taken back: with Python's 5 ms a training is slowed down by every answer that is put into words."""
SUMMARY = "build, train and look inside a GPT-2 in the browser"


def add_serve(commands: Any) -> None:
    """The command and its options."""
    add_flags(command(commands, serve, SUMMARY, "serve --open"))


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Where the playground listens, and what its visitors may use."""
    parser.add_argument("--host", help="address to listen on; 0.0.0.0 lets other machines in (default: this machine)")
    parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 7860)")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another name that the server goes by, as behind a proxy; may be given several times",
    )
    parser.add_argument(
        "--allow-folder",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="let visitors look at the models in this folder, whatever `convert` reads, and train on its texts; "
        "may be given several times",
    )
    parser.add_argument("--root-path", metavar="PATH", help="where a proxy in front shows the page, such as /glassbox")
    parser.add_argument("--public", action="store_true", help="smaller limits, for strangers; a Space has them anyway")
    parser.add_argument("--class", dest="classroom", action="store_true", help="phones in the room follow your page")
    parser.add_argument("--class-may", choices=["train"], help="what phones of a class may do besides looking")
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    add_settings(parser, "limits", LIMITS)


def serve(args: argparse.Namespace) -> None:
    """Build the playground and serve it until Ctrl+C. The one door from here to the page, opened only now."""
    # One core stays free for the page: on two cores, a picture drawn while a model trains takes 11 ms
    # instead of 20. It has to be set before torch is imported, which llm.ui does.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))
    sys.setswitchinterval(SWITCH_SECONDS)
    if trouble := folder_trouble(home()):
        say(trouble)
    _check_address(args.host, args.port)
    limits = limits_of(args, os.environ)
    for folder in args.allow_folder:
        if not folder.is_dir():
            raise ValueError(f"--allow-folder {folder} is no folder here; check its name.")
    host: str | None = args.host
    if host and ":" in host and not host.startswith("["):
        host = f"[{host}]"  # IPv6, as in an address
    with _asking_itself():
        from llm.ui import build_app, launch_options
        from llm.ui.door.names import given_names

        names = given_names(args.allow_host + ([host] if host else []), os.environ)
        where = {"server_name": host, "server_port": args.port, "root_path": args.root_path}
        if args.classroom:
            from llm.ui.class_server import serve_class

            may_change = args.class_may == "train"
            app = serve_class(
                limits, where, names, may_change=may_change, folders=args.allow_folder, inbrowser=args.open
            )
        else:
            app = build_app(limits, folders=args.allow_folder)
            options = launch_options(limits, names=names)
            app.launch(**where, inbrowser=args.open, prevent_thread_lock=True, **options)
    app.block_thread()


def _check_address(host: str | None, port: int | None) -> None:
    """Raises ConnectionError when this machine can't listen there; Gradio blames the port for all of it."""
    if port is not None and not 0 < port < 65_536:
        raise ValueError(f"--port is {port}; use 1 to 65535.")
    try:
        name = (host or "127.0.0.1").strip("[]")
        family, kind, _, _, place = socket.getaddrinfo(name, port or 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConnectionError(f"Port {port} is in use; choose another with --port, or leave it out.") from error
        if error.errno == errno.EACCES:
            raise ConnectionError(f"Port {port} is not for this user; choose one from 1024 up with --port.") from error
        raise ConnectionError(
            f"{host!r} is no address of this machine; use --host 0.0.0.0 to let other machines in, or leave it out."
        ) from error


@contextmanager
def _asking_itself() -> Iterator[None]:
    """Without proxies: Gradio asks its own page whether it is up, which no proxy can tell. They hold again after."""
    names = [name for name in os.environ if name.lower() == "no_proxy"]
    before = {name: os.environ.pop(name) for name in names}
    os.environ["NO_PROXY"] = "*"
    try:
        yield
    finally:
        del os.environ["NO_PROXY"]
        os.environ.update(before)
