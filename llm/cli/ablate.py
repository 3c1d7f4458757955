"""`python -m llm ablate`: train a GPT-2 whole and without each of its parts, and see what they were for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.cli.options import add_device, add_settings, command, given
from llm.cli.scale import SHARED, forecast_or_train, write_table

if TYPE_CHECKING:
    from llm.scaling.sweep import Sweep


def add_ablate(commands: Any) -> None:
    """The command and its options."""
    from llm.scaling.ablations import ABLATIONS, AblationPlan
    from llm.settings import settings_of

    parser = command(
        commands,
        ablate,
        "train a model whole and without each of its parts",
        "ablate study --ablations no-mlp --ablations one-head --steps 300",
        guide="ablations:\n"
        + "".join(f"  {name:15}{one.does}\n" for name, one in ABLATIONS.items())
        + "\n"
        + SHARED.format("ablate"),
    )
    parser.add_argument("folder", type=Path, help="where the study lies, or will; a study that is there goes on")
    parser.add_argument("--forecast", action="store_true", help="say how long each training will take, and end")
    add_device(parser)
    add_settings(parser, "the plan", settings_of(AblationPlan))


def ablate(args: argparse.Namespace) -> None:
    """Forecast or train a study, and write its table."""
    from llm.scaling.ablations import AblationPlan
    from llm.scaling.sweep import Sweep
    from llm.settings import settings_of

    chosen = given(args, settings_of(AblationPlan))
    there = (args.folder / "plan.json").is_file() and not chosen
    study = Sweep.open(args.folder, AblationPlan) if there else Sweep.create(args.folder, AblationPlan(**chosen))
    forecast_or_train(study, args, _tell)


def _tell(study: Sweep) -> None:
    from llm.scaling.ablations import FULL, outcomes

    found = outcomes(write_table(study))
    for name, one in sorted(found.items(), key=lambda pair: pair[1].loss):
        apart = "" if name == FULL or one.apart is None else f"{one.apart:+.4f} ({one.least:+.4f} to {one.most:+.4f})"
        print(f"{name:16}{one.loss:.4f} nats a token  {apart}".rstrip())
