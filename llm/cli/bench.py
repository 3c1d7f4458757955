"""`python -m llm bench`: how fast this machine is, beside others' software."""

from __future__ import annotations

import argparse
from typing import Any

from llm.cli.options import command, device_of

BENCHES = ("quality", "throughput", "decoding", "tracing", "start")


def add_bench(commands: Any) -> None:
    """The command and its options."""
    parser = command(
        commands,
        bench,
        "measure speed on this machine, against transformers in the same run",
        "bench quality throughput",
    )  # fmt: skip
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(BENCHES)} (default: all)")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="turns of each side (default 7)")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="trainings of a side in quality (default 1)")
    parser.add_argument(
        "--device", metavar="CARD", help="one table of what a card does instead: cuda, or cpu as a trial"
    )


def bench(args: argparse.Namespace) -> None:
    """Print how fast this machine trains, writes and looks inside, and how fast others do."""
    unknown = [part for part in args.parts if part not in BENCHES]
    if unknown:
        raise ValueError(f"There is no part {unknown[0]!r}; choose {', '.join(BENCHES)}.")
    if not 1 <= args.rounds <= 1_000:
        raise ValueError(f"--rounds is {args.rounds}; use 1 to 1000.")

    if not 1 <= args.seeds <= 100:
        raise ValueError(f"--seeds is {args.seeds}; use 1 to 100.")

    from llm.bench import measure, measure_device

    if args.device is None:
        measure(args.parts or BENCHES, args.rounds, args.seeds)
    elif args.parts:
        raise ValueError("--device measures a table of its own; leave out the parts.")
    else:
        measure_device(device_of(args.device), args.rounds)
