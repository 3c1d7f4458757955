"""The best size for a budget of compute, on made-up losses whose answer is known."""

import math
from pathlib import Path

import pytest

from llm.scaling.budgets import frontier, operations_each, spread_budgets, weigh
from llm.scaling.fit import Law
from llm.scaling.sweep import Row
from llm.scaling.table import continued, read_table

SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints" / "scaling"
LAW = Law(E=1.2, A=40.0, a=0.45, B=300.0, b=0.5)
WIDTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256)


def sweep(loss_of, widths=WIDTHS, seeds=1, first=1e3, times=1.2, evaluations=60):
    """Trainings with a loss of `loss_of(params, tokens, flops)`; 100 C^2 parameters, half of them in blocks."""
    rows = []
    for width in widths:
        n = 100 * width**2
        for seed in range(seeds):
            for i in range(evaluations):
                tokens = int(first * times**i)
                flops = 6 * n * tokens
                rows.append(Row(f"width-{width}-seed-{seed}", width, seed, 1e-3, {"all": n, "blocks": n // 2}, tokens,
                                flops, loss_of(n, tokens, flops), 1.0, i == evaluations - 1))  # fmt: skip
    return rows


def bowl(exponent, log_factor=0.0):
    """A loss that is a parabola over ln N at every budget, lowest at factor * C^exponent."""
    return lambda n, _, flops: 2.0 + 0.1 * (math.log(n) - log_factor - exponent * math.log(flops)) ** 2


def test_parabolas_find_the_lowest_points_and_their_power_law():
    """Losses that are exact parabolas: sizes, losses, tokens and the exponent come out."""
    rows = sweep(bowl(0.6, -4.5), times=1.05, evaluations=230)
    budgets = [weigh(rows, flops) for flops in (1e12, 3e12, 1e13, 3e13)]
    for budget in budgets:
        best = math.exp(-4.5) * budget.flops**0.6
        assert budget.lowest.params == pytest.approx(best, rel=2e-3)
        assert budget.lowest.loss == pytest.approx(2.0, abs=1e-4)
        assert budget.lowest.tokens == pytest.approx(budget.flops / 6 / best, rel=2e-3)
        assert budget.lowest.loss_of(2 * best) == pytest.approx(2.0 + 0.1 * math.log(2) ** 2, abs=1e-3)
    found = frontier(budgets)
    assert found.exponent == pytest.approx(0.6, abs=2e-3) and found.low <= found.exponent <= found.high
    assert found.params(1e13) == pytest.approx(math.exp(-4.5) * 1e13**0.6, rel=5e-3)


def test_the_frontier_is_near_the_one_that_the_law_implies():
    """Losses of a law, which are parabolas only near the lowest: exponent and sizes come out as its closed form has."""
    rows = sweep(lambda n, d, _: LAW.loss(n, d))
    budgets = [weigh(rows, flops) for flops in (1e12, 3e12, 1e13)]
    assert frontier(budgets).exponent == pytest.approx(LAW.b / (LAW.a + LAW.b), abs=0.02)
    for budget in budgets:
        assert budget.lowest.params == pytest.approx(LAW.optimal(budget.flops)[0], rel=0.05)


def test_counting_otherwise_moves_the_sizes_and_not_the_losses():
    """Half of the parameters counted: the lowest points lie at half the size, as low as before."""
    rows = sweep(bowl(0.6, -4.5))
    whole, half = weigh(rows, 1e13, "all").lowest, weigh(rows, 1e13, "blocks").lowest
    assert half.params == pytest.approx(whole.params / 2, rel=1e-6) and half.loss == pytest.approx(whole.loss)
    assert operations_each(rows, "blocks") == (12, 12)


@pytest.mark.parametrize(
    ("widths", "says"),
    [((), "No size has"), ((16,), "One size alone"), ((16, 32), "Only 2 sizes have")],
)  # fmt: skip
def test_a_budget_of_too_few_sizes_says_so(widths, says):
    """And has no lowest point."""
    budget = weigh(sweep(bowl(0.5), widths), 1e12)
    assert budget.lowest is None and says in budget.why_not and len(budget.reached) == len(widths)


@pytest.mark.parametrize(
    ("loss_of", "says"),
    [(lambda n, d, _: 10 / n**0.1, "largest"), (lambda n, d, _: n**0.1, "smallest"),
     (lambda n, d, _: 9 - 0.1 * (math.log(n) - 13) ** 2, "best is the")],
)  # fmt: skip
def test_a_lowest_point_beyond_the_sizes_is_not_guessed(loss_of, says):
    """Losses that only fall, only rise, or bend the wrong way: the budget says at which end the best lies."""
    budget = weigh(sweep(loss_of), 1e12)
    assert budget.lowest is None and says in budget.why_not


def test_seeds_count_together_and_what_went_wrong_does_not():
    """The mean over seeds; a diverged training is left out, and so is one that didn't get so far."""
    rows = sweep(bowl(0.6, -4.5), seeds=2)
    one = weigh(rows, 1e12)
    worse = [row if row.seed == 0 else Row(**{**vars(row), "loss": row.loss + 0.2}) for row in rows]
    for a, b in zip(one.reached, weigh(worse, 1e12).reached, strict=True):
        assert b.loss == pytest.approx(a.loss + 0.1, abs=1e-3)
    broken = [row if row.seed == 0 else Row(**{**vars(row), "loss": math.nan}) for row in rows]
    assert weigh(broken, 1e12).reached == one.reached
    short = [row for row in rows if row.seed == 0 or row.flops < 1e11]
    assert [r.loss for r in weigh(short, 1e12).reached] == [r.loss for r in one.reached]


def test_of_several_learning_rates_the_best_counts():
    """Not their mean."""
    rows = sweep(bowl(0.6, -4.5))
    bad = [Row(**{**vars(row), "learning_rate": 1.0, "loss": 5.0}) for row in rows]
    assert weigh([*rows, *bad], 1e12) == weigh(rows, 1e12)


def test_budgets_lie_where_three_sizes_have_losses():
    """Each of them has at least three sizes; a sweep of two sizes has budgets that say so; no rows, none."""
    rows = sweep(bowl(0.6, -4.5), evaluations=12)
    budgets = spread_budgets(rows)
    assert len(budgets) == 6 and all(len(weigh(rows, flops).reached) >= 3 for flops in budgets)
    two = sweep(bowl(0.6), (16, 32))
    assert all("Only 2" in weigh(two, flops).why_not for flops in spread_budgets(two)[2:4])
    assert spread_budgets([]) == []


def test_two_lowest_points_are_no_frontier():
    """A power law through two points says nothing."""
    rows = sweep(bowl(0.6, -4.5))
    assert frontier([weigh(rows, flops) for flops in (1e12, 1e13)]) is None


def shipped(count):
    """The frontier of the sweep that ships, and its budgets."""
    table, longer = (read_table(SHIPPED / f"{name}.csv") for name in ("table", "longer"))
    rows = continued(table, longer)
    budgets = [weigh(rows, flops, count) for flops in spread_budgets(rows)]
    return frontier(budgets), budgets


def test_the_shipped_trainings_that_go_on_begin_as_those_of_the_table():
    """The same losses where both have one, so that budgets compare trainings of one kind."""
    table = {(row.point, row.tokens): row for row in read_table(SHIPPED / "table.csv")}
    longer = read_table(SHIPPED / "longer.csv")
    both = [row for row in longer if (row.point, row.tokens) in table]
    assert len(both) >= 8 * len({row.point for row in longer}) and longer[0].point in {row.point for row in both}
    for row in both:
        assert row.loss == pytest.approx(table[row.point, row.tokens].loss, rel=1e-4)
        assert row.params == table[row.point, row.tokens].params


def test_the_shipped_budgets_have_a_best_size_and_the_exponent_that_is_told():
    """Every budget shows one, larger each time; the exponents are those of the README beside the table."""
    told = (SHIPPED / "README.md").read_text(encoding="utf-8")
    exponents = []
    for count in ("all", "blocks and head", "blocks"):
        found, budgets = shipped(count)
        best = [budget.lowest.params for budget in budgets]
        assert best == sorted(best)
        exponents.append(f"{found.exponent:.2f}")
    assert "C^{}, C^{} or C^{}".format(*exponents) in told
