"""Compute and size: for a handful of budgets the size on which each is best spent, and the frontier through them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from llm.scaling.budgets import Budget, frontier, operations_each, spread_budgets, weigh
from llm.scaling.counting import COUNTS
from llm.ui import inputs
from llm.ui.panel import Answer, Request, View
from llm.ui.scaling.sweeps import Sweeps, Table, asked

COLUMNS = ("budget", "width", "parameters", "tokens", "loss", "best parameters", "best tokens", "best loss")


def build_compute_and_size(sweeps: Sweeps) -> View:
    """The view; its endpoint weighs the sizes of a sweep at each budget."""

    def read_budgets(request: Request) -> Answer:
        """The losses and the best size of each budget, the frontier, and that of the sweep's law; as CSV too."""
        session = sweeps.sessions.of(request)
        whose, table = asked(sweeps, session, request)
        count = inputs.choice(request, "count", COUNTS, "all")
        rows = sweeps.shipped_longer if whose == "shipped" else table.rows
        budgets = [weigh(rows, flops, count) for flops in spread_budgets(rows)]
        found = frontier(budgets)
        return {
            "whose": whose,
            "text": table.plan.corpus,
            "counts": list(COUNTS),
            "widths": sorted({row.width for row in rows}),
            "budgets": [_told(budget) for budget in budgets],
            "frontier": found
            and {"factor": found.factor, "exponent": found.exponent, "low": found.low, "high": found.high},
            "law": _implied(sweeps, table, count) if rows else None,
            "each": list(operations_each(rows, count)) if rows else [],
            "csv": _csv(budgets),
        }

    return View("Compute and size", [read_budgets])


def _told(budget: Budget) -> dict[str, Any]:
    lowest = budget.lowest
    return {
        "flops": budget.flops,
        "reached": [one._asdict() for one in budget.reached],
        "lowest": lowest
        and {
            "params": lowest.params,
            "tokens": lowest.tokens,
            "loss": lowest.loss,
            "bend": lowest.bend,
            "between": list(lowest.between),
        },
        "why_not": budget.why_not,
    }


def _implied(sweeps: Sweeps, table: Table, count: str) -> dict[str, float] | None:
    """The frontier of the law through the sweep, in closed form, and the most tokens that the law has seen a training
    read; None where there is no law."""
    try:
        law = sweeps.law(table, count, known=True).fit.law
        low, high = operations_each(table.rows, count)
        return {
            "exponent": law.b / (law.a + law.b),
            "factor": law.optimal(1.0, (low * high) ** 0.5)[0],
            "tokens": max(row.tokens for row in table.rows),
        }
    except (ValueError, ArithmeticError):  # too few sizes yet, or exponents of nothing; the budgets say more
        return None


def _csv(budgets: Sequence[Budget]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for budget in budgets:
        best = budget.lowest
        lowest = (best.params, best.tokens, best.loss) if best else ("", "", "")
        for one in budget.reached:
            writer.writerow([budget.flops, one.width, one.params, one.tokens, one.loss, *lowest])
    return out.getvalue()
