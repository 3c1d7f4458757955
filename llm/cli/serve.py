"""`python -m llm serve`: the playground. `app.py` takes the same flags."""

from __future__ import annotations

import argparse
import os
from typing import Any

from llm.cli.options import add_settings, command
from llm.limits import LIMITS, limits_of

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
    from llm.ui import build_app, launch_options
    from llm.ui.door.names import given_names

    where = {"server_name": args.host, "server_port": args.port, "root_path": args.root_path}
    limits = limits_of(args, os.environ)
    names = given_names(args.allow_host + ([args.host] if args.host else []), os.environ)
    if args.classroom:
        from llm.ui.class_server import serve_class

        serve_class(limits, where, names, may_change=args.class_may == "train", inbrowser=args.open)
        return
    build_app(limits).launch(**where, inbrowser=args.open, **launch_options(limits, names=names))
