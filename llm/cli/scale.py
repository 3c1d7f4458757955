"""`python -m llm scale`: train a family of sizes, and see what size and data buy."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.cli.options import add_device, add_settings, command, device_of, given
from llm.cli.output import say

if TYPE_CHECKING:
    from llm.scaling.sweep import Sweep


def add_scale(commands: Any) -> None:
    """The command and its options."""
    from llm.scaling.plan import Plan
    from llm.settings import settings_of

    parser = command(
        commands,
        scale,
        "train a family of sizes and fit a law through their losses",
        "scale sweep --widths 16 --widths 32 --widths 64 --steps 500",
    )
    parser.add_argument("folder", type=Path, help="where the sweep lies, or will; a sweep that is there goes on")
    parser.add_argument("--forecast", action="store_true", help="say how long each training will take, and end")
    parser.add_argument("--fit", action="store_true", help="fit what is there, without training")
    add_device(parser)
    add_settings(parser, "the plan", settings_of(Plan))


def scale(args: argparse.Namespace) -> None:
    """Forecast, train or fit a sweep."""
    from llm.files import write_text
    from llm.scaling.plan import Plan
    from llm.scaling.sweep import Sweep
    from llm.scaling.table import to_csv
    from llm.settings import settings_of

    chosen = given(args, settings_of(Plan))
    there = (args.folder / "plan.json").is_file()
    sweep = Sweep.open(args.folder) if there and not chosen else Sweep.create(args.folder, Plan(**chosen))
    if args.forecast:
        tell_forecast(sweep)
        return
    if not args.fit:
        train_all(sweep, device_of(args.device))
    rows = sweep.rows()
    write_text(args.folder / "table.csv", to_csv(rows))
    say(f"{len(rows)} losses are in {args.folder / 'table.csv'}")
    _fit(sweep)


def tell_forecast(sweep: Sweep) -> None:
    """Print how long each training will take."""
    seconds = sweep.forecast()
    for point, each in zip(sweep.points, seconds, strict=True):
        print(f"{point.id:28}{point.model.n_params:>12,} parameters{point.tokens:>14,} tokens{each:>9.0f} s")
    print(f"{sum(seconds) / 60:.0f} minutes in all")


def train_all(sweep: Sweep, device: Any) -> None:
    """Train what is not trained yet, with a bar."""
    from tqdm import tqdm

    from llm.training.events import DoneEvent, EvalEvent, StepEvent

    total = sum(point.flops for point in sweep.points)
    done = sum(point.flops for point in sweep.points if sweep.ended(point))
    with tqdm(total=total, initial=done, unit="FLOP", unit_scale=True, disable=None) as bar:
        for progress in sweep.train(device=device):
            bar.set_description(f"{progress.point.id}, {progress.number} of {progress.total}", refresh=False)
            if isinstance(progress.event, StepEvent):
                bar.update(progress.point.flops / progress.point.train.max_steps)
            elif isinstance(progress.event, EvalEvent):
                loss = progress.event.validation_loss
                bar.write(f"{progress.point.id}: step {progress.event.step:,}, validation {loss:.4f}")
            elif isinstance(progress.event, DoneEvent) and progress.event.reason == "diverged":
                bar.write(f"{progress.point.id} diverged and is left out: {progress.event.why}")


def _fit(sweep: Sweep) -> None:
    from llm.scaling.budgets import frontier, spread_budgets, weigh
    from llm.scaling.laws import fit_all, keep_laws
    from llm.scaling.rates import best_rates
    from llm.scaling.sizes_alone import foreseen

    rows, floor = sweep.rows(), sweep.floor
    if floor is not None:
        print(f"The floor of {sweep.plan.corpus} is {floor:.4f} nats a token.")
    laws = fit_all(rows, floor)
    keep_laws(sweep.path / "fits.json", rows, floor, laws)
    for told in laws:
        constants = ", ".join(
            f"{name} {one.value:.3f} ({one.low:.3f} to {one.high:.3f})"
            for name in "Eab"
            for one in [told.fit.interval(name)]
        )
        print(f"Counting {told.count}, E {'known' if told.floor_known else 'free'}: {constants}")
        if not told.predicted:
            print("  The largest size can't be predicted yet: it has to be trained, and three others.")
            continue
        (value, low, high), found = told.predicted.interval, told.predicted.measured
        print(
            f"  the largest size from the others: {value:.4f} ({low:.4f} to {high:.4f}), "
            f"measured {found:.4f}, {found - value:+.4f}"
        )
    for size in foreseen(rows):
        print(
            f"Width {size.width} from the final losses of those below it: {size.value:.3f}, measured "
            f"{size.measured:.3f}, {size.measured - size.value:+.3f}"
        )
    if best := frontier([weigh(rows, flops) for flops in spread_budgets(rows)]):
        print(f"The best size for a budget C grows as C^{best.exponent:.3f} ({best.low:.3f} to {best.high:.3f}).")
    else:
        print("Too few budgets show a best size: train the small sizes for longer.")
    if len(sweep.plan.rates) > 1:
        for one in best_rates(rows, sweep.plan):
            print(f"Width {one.width}: best learning rate {one.best:g}, by the rule {one.rule:g}.")
