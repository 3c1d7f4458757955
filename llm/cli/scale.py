"""`python -m llm scale`: train a family of sizes, and see what size and data buy.

Started by torchrun, or several times on one folder, the processes share the trainings among them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.cli.options import add_device, add_settings, command, device_of, given
from llm.cli.output import say

if TYPE_CHECKING:
    from llm.scaling.sweep import Row, Sweep
    from llm.training.distributed import Worker


SHARED = """several processes, on a GPU each or on CPUs, take a training at a time:
  torchrun --nproc-per-node 2 -m llm {} FOLDER ...

"""
"""What the help of a command says that trains a sweep."""


def add_scale(commands: Any) -> None:
    """The command and its options."""
    from llm.scaling.plan import Plan
    from llm.settings import settings_of

    parser = command(
        commands,
        scale,
        "train a family of sizes and fit a law through their losses",
        "scale sweep --widths 16 --widths 32 --widths 64 --steps 500",
        guide=SHARED.format("scale"),
    )
    parser.add_argument("folder", type=Path, help="where the sweep lies, or will; a sweep that is there goes on")
    parser.add_argument("--forecast", action="store_true", help="say how long each training will take, and end")
    parser.add_argument("--fit", action="store_true", help="fit what is there, without training")
    add_device(parser)
    add_settings(parser, "the plan", settings_of(Plan))


def scale(args: argparse.Namespace) -> None:
    """Forecast, train or fit a sweep."""
    from llm.scaling.plan import Plan
    from llm.scaling.sweep import Sweep
    from llm.settings import settings_of

    chosen = given(args, settings_of(Plan))
    there = (args.folder / "plan.json").is_file()
    sweep = Sweep.open(args.folder) if there and not chosen else Sweep.create(args.folder, Plan(**chosen))
    if args.fit and not args.forecast:
        _tell(sweep)
    else:
        forecast_or_train(sweep, args, _tell)


def forecast_or_train(sweep: Sweep, args: argparse.Namespace, tell: Callable[[Sweep], None]) -> None:
    """What `--forecast` asks for; else train all that is left, and let one process `tell` how it went."""
    from llm.training.distributed import joined

    if args.forecast:
        _tell_forecast(sweep)
        return
    with joined(device_of(args.device)) as (worker, device):
        _train_all(sweep, worker, device)
        if worker.is_first:
            tell(sweep)


def _tell_forecast(sweep: Sweep) -> None:
    """Print how long each training will take."""
    seconds = sweep.forecast()
    for point, each in zip(sweep.points, seconds, strict=True):
        print(f"{point.id:28}{point.model.n_params:>12,} parameters{point.tokens:>14,} tokens{each:>9.0f} s")
    print(f"{sum(seconds) / 60:.0f} minutes in all")


def _train_all(sweep: Sweep, worker: Worker, device: Any) -> None:
    """Train what is not trained yet, with a bar; of several processes each its share. It ends when all is trained."""
    from tqdm import tqdm

    from llm.training.events import DoneEvent, EvalEvent, StepEvent

    with worker.first_here_goes_first():  # the text that the points are made for may have to be downloaded
        total = sum(point.flops for point in sweep.points)

    def done() -> int:
        return sum(point.flops for point in sweep.points if sweep.ended(point))

    hidden = None if worker.is_first else True  # None: unless somebody looks
    with tqdm(total=total, initial=done(), unit="FLOP", unit_scale=True, disable=hidden) as bar:
        for progress in sweep.train(device=device, largest_first=worker.world_size > 1):
            bar.set_description(f"{progress.point.id}, {progress.number} of {progress.total}", refresh=False)
            if isinstance(progress.event, StepEvent):
                bar.update(progress.point.flops / progress.point.train.max_steps)
            elif isinstance(progress.event, EvalEvent):
                loss = progress.event.validation_loss
                bar.write(f"{progress.point.id}: step {progress.event.step:,}, validation {loss:.4f}")
            elif isinstance(progress.event, DoneEvent):
                bar.n = done()  # with what others have trained meanwhile
                if progress.event.reason == "diverged":
                    bar.write(f"{progress.point.id} diverged and is left out: {progress.event.why}")


def write_table(sweep: Sweep) -> list[Row]:
    """Put every loss so far into the folder's table.csv."""
    from llm.files import write_text
    from llm.scaling.table import to_csv

    rows = sweep.rows()
    write_text(sweep.path / "table.csv", to_csv(rows))
    say(f"{len(rows)} losses are in {sweep.path / 'table.csv'}")
    return rows


def _tell(sweep: Sweep) -> None:
    from llm.scaling.budgets import frontier, spread_budgets, weigh
    from llm.scaling.laws import fit_all, keep_laws
    from llm.scaling.rates import best_rates
    from llm.scaling.sizes_alone import foreseen

    rows, floor = write_table(sweep), sweep.floor
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
