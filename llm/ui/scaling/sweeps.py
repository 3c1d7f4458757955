"""The sweeps that the tab knows: the one that ships, and each visitor's own; and the laws through their tables."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from llm.runs.assembly import Prepared
from llm.scaling.laws import Fitted, fit_table, kept_laws, table_hash
from llm.scaling.plan import Plan
from llm.scaling.rates import BestRate, best_rates
from llm.scaling.sweep import Row, Sweep
from llm.scaling.table import continued, read_table
from llm.ui import inputs
from llm.ui.panel import Request
from llm.ui.sessions import Session, Sessions

SHIPPED = Path(__file__).resolve().parents[3] / "checkpoints" / "scaling"
WHOSE = ("shipped", "mine")
BOOTSTRAP = 40
"""Laws around one that is fitted while somebody waits; those that ship have more."""
MAX_KEPT_LAWS = 60


@dataclass(frozen=True)
class Table:
    """The losses of a sweep, and what is known of it."""

    plan: Plan
    rows: list[Row]
    floor: float | None


class Sweeps:
    """Finds sweeps and fits laws, each once."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self._laws: OrderedDict[tuple[str, str, bool], Fitted] = OrderedDict()
        self._fitting = threading.Lock()

    @cached_property
    def shipped(self) -> Table:
        """The sweep that ships."""
        rows = read_table(SHIPPED / "table.csv")
        floor, laws = kept_laws(SHIPPED / "fits.json", rows)
        name = table_hash(rows)
        self._laws |= {(name, law.count, law.floor_known): law for law in laws}
        return Table(Sweep.open(SHIPPED).plan, rows, floor)

    @cached_property
    def shipped_longer(self) -> list[Row]:
        """The rows of the sweep that ships, its small sizes trained on until they gain little: what budgets compare."""
        return continued(self.shipped.rows, read_table(SHIPPED / "longer.csv"))

    @cached_property
    def shipped_rates(self) -> list[BestRate]:
        """The learning rates that were tried for the sweep that ships."""
        return best_rates(read_table(SHIPPED / "rates.csv"), self.shipped.plan)

    def own(self, session: Session) -> Table:
        """The visitor's. Raises ValueError when there is none."""
        sweep = own_sweep(session)
        return Table(sweep.plan, sweep.rows(), sweep.floor)

    def law(self, table: Table, count: str, *, known: bool) -> Fitted:
        """The law through a table, with E fixed to the floor or free. Raises ValueError as `fit` does."""
        floor = table.floor if known else None
        key = (table_hash(table.rows), count, floor is not None)
        with self._fitting:  # two at a time would slow each other down
            if key not in self._laws:
                self._laws[key] = fit_table(table.rows, floor, count, bootstrap=BOOTSTRAP)
            while len(self._laws) > MAX_KEPT_LAWS:
                self._laws.popitem(last=False)
            return self._laws[key]


def asked(sweeps: Sweeps, session: Session, request: Request) -> tuple[str, Table]:
    """Whose sweep a question is about, and its table. Raises ValueError when the visitor has none."""
    whose = inputs.choice(request, "whose", WHOSE, "shipped")
    return whose, sweeps.shipped if whose == "shipped" else sweeps.own(session)


def folder_of(session: Session) -> Path:
    """Where a visitor's sweep lies: they have one at a time."""
    return session.sweep_runs.parent


def own_sweep(session: Session) -> Sweep:
    """The visitor's sweep, its text ready. Raises ValueError when there is none."""
    if session.sweep:
        return session.sweep.sweep
    if not (folder_of(session) / "plan.json").is_file():
        raise ValueError("You have no sweep yet; plan one.")
    return with_text(Sweep.open(folder_of(session)))


def with_text(sweep: Sweep) -> Sweep:
    """The same sweep, sharing the text with others that cut it alike."""
    sweep.prepared, sweep.floor = _text(sweep.plan.corpus, sweep.plan.vocab_size)
    return sweep


@lru_cache(maxsize=4)
def _text(corpus: str, vocab_size: int) -> tuple[Prepared, float | None]:
    """A text cut into tokens, and its floor. Raises ValueError when the text can't be had."""
    sweep = Sweep(Path(), Plan(corpus=corpus, vocab_size=vocab_size))
    return sweep.prepared, sweep.floor
