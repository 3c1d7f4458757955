"""The raw table of a sweep as CSV, and what a fit makes of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from llm.scaling.counting import COUNTS
from llm.scaling.fit import Fit, Interval, fit
from llm.scaling.sweep import Row

COLUMNS = ("point", "width", "seed", "learning_rate", "tokens", "flops", "loss", "seconds", "last")
"""Beside one column for each way to count parameters."""
MAX_BYTES = 2_000_000
EARLY = 0.5
"""The share of each training whose losses are in the table but not in a fit: in them a model is still finding what
any text has, and far from the law (Choshen et al., 2024, leave the first third out)."""


def to_csv(rows: Sequence[Row]) -> str:
    """The rows with a line of names on top."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *COUNTS])
    for row in rows:
        writer.writerow([*(getattr(row, name) for name in COLUMNS), *(row.params[what] for what in COUNTS)])
    return out.getvalue()


def read_table(path: Path) -> list[Row]:
    """The rows of a file that `to_csv` wrote. Raises ValueError when it is something else."""
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path.name} is larger than a table of a sweep; choose another file.")
    try:
        return [
            Row(
                point=line["point"],
                width=int(line["width"]),
                seed=int(line["seed"]),
                learning_rate=float(line["learning_rate"]),
                params={what: int(line[what]) for what in COUNTS},
                tokens=int(line["tokens"]),
                flops=int(line["flops"]),
                loss=float(line["loss"]),
                seconds=float(line["seconds"]),
                last=line["last"] == "True",
            )
            for line in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path.name} is no table of a sweep; let `python -m llm scale` write it.") from error


def continued(rows: Sequence[Row], longer: Sequence[Row]) -> list[Row]:
    """The rows, with those of `longer` in the place of each training that it has, too."""
    replaced = {row.point for row in longer}
    return [*(row for row in rows if row.point not in replaced), *longer]


def fitted(rows: Sequence[Row], *, floor: float | None = None, count: str = "all", bootstrap: int = 100) -> Fit:
    """The law through these rows but the EARLY ones. Raises ValueError as `fit` does."""
    settled = EARLY * max((row.tokens for row in rows), default=0)
    late = [row.measured(count) for row in rows if row.tokens >= settled]
    return fit(late, floor=floor, bootstrap=bootstrap)


def largest_predicted(
    rows: Sequence[Row], *, floor: float | None = None, count: str = "all", bootstrap: int = 100
) -> tuple[Interval, float]:
    """The final loss of the largest size as all the others predict it, and as it was, the mean over its seeds."""
    width = max(row.width for row in rows)
    ends = [row for row in rows if row.width == width and row.last]
    if not ends:
        raise ValueError("The largest size has not been trained to its end yet.")
    law = fitted([row for row in rows if row.width < width], floor=floor, count=count, bootstrap=bootstrap)
    return law.predict(ends[0].params[count], ends[0].tokens), sum(row.loss for row in ends) / len(ends)
