"""The learning rate's rule, held against the sweep that ships for it."""

from pathlib import Path

import pytest

from llm.scaling.plan import Plan
from llm.scaling.rates import best_rates
from llm.scaling.sweep import Row, Sweep
from llm.scaling.table import read_table

SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints" / "scaling"


def end(width, rate, loss, seed=1, last=True):
    return Row("a", width, seed, rate, {"all": 1}, 1, 1, loss, 1.0, last)


def test_the_best_is_that_of_the_least_mean_loss():
    """Over seeds, at the end of the trainings, for each width; the rule falls with the square root of the width."""
    rows = [end(16, 0.006, 2.0), end(16, 0.006, 2.4, seed=2), end(16, 0.012, 2.1), end(16, 0.012, 2.1, seed=2),
            end(16, 0.003, 1.0, last=False), end(64, 0.003, 1.5)]  # fmt: skip
    narrow, wide = best_rates(rows, Plan(learning_rate=3e-3))
    assert (narrow.width, narrow.best, narrow.rule) == (16, 0.012, pytest.approx(0.006))
    assert narrow.tried == ((0.006, pytest.approx(2.2)), (0.012, 2.1)) and narrow.off == pytest.approx(2)
    assert (wide.best, wide.off) == (0.003, 1)


def test_the_rule_is_within_a_factor_of_two_of_the_best_that_was_tried():
    """At each width of the shipped sweep of rates, whose widths reach over most of the shipped sizes."""
    plan, found = Sweep.open(SHIPPED).plan, best_rates(read_table(SHIPPED / "rates.csv"), Sweep.open(SHIPPED).plan)
    assert len(found) >= 3 and found[-1].width >= 8 * found[0].width
    for one in found:
        assert len(one.tried) >= 3 and one.off <= 2.001, one
        assert one.tried[0].rate < plan.rate_of(one.width) < one.tried[-1].rate
