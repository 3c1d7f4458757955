"""The laws through one table: for each way to count parameters, with E known and with E free.

A fit with its bands takes seconds, so a sweep that is done keeps them beside its table:

    SWEEP/fits.json     {"table": hash of table.csv, "floor": nats a token or null, "laws": [...]}
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm.files import read_json, write_json
from llm.scaling.counting import COUNTS
from llm.scaling.fit import Fit, Interval, Law
from llm.scaling.sweep import Row
from llm.scaling.table import fitted, largest_predicted, to_csv

DIGITS = 6
"""Significant digits of what is kept: more than any fit means."""
CONSTANTS = ("E", "A", "a", "B", "b")


@dataclass(frozen=True)
class Predicted:
    """What all other sizes say of the largest, and what it reached."""

    width: int
    interval: Interval
    measured: float


@dataclass(frozen=True)
class Fitted:
    """One law of a table."""

    count: str
    """What counted as a parameter."""
    floor_known: bool
    fit: Fit
    predicted: Predicted | None
    """None while the largest size is not trained to its end, or the others are too few."""


def fit_table(rows: Sequence[Row], floor: float | None, count: str, *, bootstrap: int = 100) -> Fitted:
    """The law through the rows, with E fixed to `floor` where it is given. Raises ValueError as `fit` does."""
    found = fitted(rows, floor=floor, count=count, bootstrap=bootstrap)
    try:
        interval, measured = largest_predicted(rows, floor=floor, count=count, bootstrap=bootstrap)
        predicted = Predicted(max(row.width for row in rows), interval, measured)
    except ValueError:
        predicted = None
    return Fitted(count, floor is not None, found, predicted)


def fit_all(rows: Sequence[Row], floor: float | None, *, bootstrap: int = 100) -> list[Fitted]:
    """One for each of COUNTS, with E known, if it is, and free. Raises ValueError as `fit` does."""
    floors = [None] if floor is None else [floor, None]
    return [fit_table(rows, known, count, bootstrap=bootstrap) for known in floors for count in COUNTS]


def table_hash(rows: Sequence[Row]) -> str:
    """What a table is known by."""
    return hashlib.sha256(to_csv(rows).encode()).hexdigest()


def keep_laws(path: Path, rows: Sequence[Row], floor: float | None, laws: Sequence[Fitted]) -> None:
    """Write fits.json."""
    told = [law_to_dict(law) for law in laws]
    write_json(path, {"table": table_hash(rows), "floor": floor, "laws": told})


def kept_laws(path: Path, rows: Sequence[Row]) -> tuple[float | None, list[Fitted]]:
    """The floor and the laws of a fits.json. Raises ValueError when it is none, or of another table."""
    kept = read_json(path)
    if kept.get("table") != table_hash(rows):
        raise ValueError(f"{path.name} belongs to another table; let `python -m llm scale --fit` write it again.")
    return kept["floor"], [_from_dict(values) for values in kept["laws"]]


def law_to_dict(told: Fitted) -> dict[str, Any]:
    """As JSON holds it, and the page gets it."""
    predicted = told.predicted
    return {
        "count": told.count,
        "floor_known": told.floor_known,
        "points": told.fit.points,
        "law": _numbers(told.fit.law),
        "others": [_numbers(law) for law in told.fit.others],
        "intervals": {name: [_short(value) for value in told.fit.interval(name)] for name in CONSTANTS},
        "predicted": predicted
        and {
            "width": predicted.width,
            "interval": [_short(value) for value in predicted.interval],
            "measured": _short(predicted.measured),
        },
    }


def _from_dict(values: dict[str, Any]) -> Fitted:
    law, *others = (Law(*numbers) for numbers in (values["law"], *values["others"]))
    fit = Fit(law, tuple(others), values["floor_known"], values["points"])
    kept = values["predicted"]
    predicted = kept and Predicted(kept["width"], Interval(*kept["interval"]), kept["measured"])
    return Fitted(values["count"], values["floor_known"], fit, predicted)


def _numbers(law: Law) -> list[float]:
    return [_short(value) for value in dataclasses.astuple(law)]


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else value
