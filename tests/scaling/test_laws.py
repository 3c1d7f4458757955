"""The laws of a table: kept and read again, and those of the sweep that ships re-derived from its raw losses."""

import json
from pathlib import Path

import pytest

from llm.scaling.fit import Law
from llm.scaling.laws import fit_all, fit_table, keep_laws, kept_laws
from llm.scaling.plan import Plan
from llm.scaling.sweep import Row, Sweep
from llm.scaling.table import MAX_BYTES, read_table

SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints" / "scaling"
TRUE = Law(E=1.2, A=40.0, a=0.45, B=300.0, b=0.5)


def row(width, tokens, seed=1, loss=None):
    """A loss as TRUE has it; the blocks are half of the parameters."""
    n = 100 * width**2
    loss = TRUE.loss(n, tokens) if loss is None else loss
    params = {"all": n, "blocks and head": n, "blocks": n // 2}
    return Row(
        f"width-{width}-seed-{seed}", width, seed, 1e-3, params, tokens, 6 * n * tokens, loss, 1.0, tokens == 10**6
    )


def rows():
    return [row(width, d * 10**5) for width in (16, 32, 64, 96, 128) for d in range(1, 11)]


@pytest.fixture(scope="module")
def laws():
    """All laws of the rows."""
    return fit_all(rows(), TRUE.E, bootstrap=3)


def test_the_largest_is_predicted_from_the_others(laws):
    """Losses that follow a law exactly: the prediction is what was measured, however parameters are counted."""
    for told in laws:
        assert told.predicted.width == 128
        assert told.predicted.interval.value == pytest.approx(told.predicted.measured, abs=2e-3)
        assert told.fit.law.a == pytest.approx(TRUE.a, rel=1e-2)
        assert told.fit.points == 30  # the second half of each training


def test_early_losses_and_runs_that_went_wrong_do_not_count():
    """Nonsense in the first half changes nothing, nor does a loss that is no number."""
    expected = fit_table(rows(), TRUE.E, "all", bootstrap=0).fit.law
    other = [row(r.width, r.tokens, loss=9.0) if r.tokens < 500_000 else r for r in rows()]
    other.append(row(64, 900_000, seed=2, loss=float("nan")))
    assert fit_table(other, TRUE.E, "all", bootstrap=0).fit.law == expected


def test_too_few_sizes_are_refused_in_one_sentence():
    """With what is missing."""
    with pytest.raises(ValueError, match="at least 3 sizes"):
        fit_table([r for r in rows() if r.width == 16], None, "all", bootstrap=0)


def test_laws_come_back_as_they_were_kept_and_belong_to_their_table(tmp_path, laws):
    """Every constant, band and prediction; another table's are refused."""
    keep_laws(tmp_path / "fits.json", rows(), TRUE.E, laws)
    floor, again = kept_laws(tmp_path / "fits.json", rows())
    assert floor == TRUE.E and len(again) == 6
    for told, kept in zip(laws, again, strict=True):
        assert (kept.count, kept.floor_known, kept.fit.points) == (told.count, told.floor_known, told.fit.points)
        assert kept.fit.interval("a") == pytest.approx(told.fit.interval("a"), rel=1e-5)
        assert kept.predicted.interval == pytest.approx(told.predicted.interval, rel=1e-5)
    with pytest.raises(ValueError, match="another table"):
        kept_laws(tmp_path / "fits.json", rows()[1:])


@pytest.mark.slow
def test_the_shipped_laws_are_those_of_the_shipped_table():
    """Fitted again from the raw losses: the same exponents and the same prediction, for every way to count."""
    table = read_table(SHIPPED / "table.csv")
    floor, kept = kept_laws(SHIPPED / "fits.json", table)
    assert {(law.count, law.floor_known) for law in kept} == {
        (count, known) for count in ("all", "blocks and head", "blocks") for known in (True, False)
    }
    for law in kept:
        again = fit_table(table, floor if law.floor_known else None, law.count, bootstrap=0)
        assert again.fit.law.a == pytest.approx(law.fit.law.a, rel=1e-3)
        assert again.predicted.interval.value == pytest.approx(law.predicted.interval.value, rel=1e-3)
        assert again.predicted.measured == pytest.approx(law.predicted.measured, rel=1e-4)
        assert len(law.fit.others) == 100


def test_the_shipped_table_is_small_and_of_its_plan():
    """At most 2 MB in all; each training of it is one of the plan's, with its parameters; the floor is the text's."""
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) <= MAX_BYTES
    sweep, table = Sweep.open(SHIPPED), read_table(SHIPPED / "table.csv")
    points = {point.id: point for point in sweep.points}
    for one in table:
        point = points[one.point]
        assert one.params["all"] == point.model.n_params and one.tokens <= point.tokens
        assert one.last == (one.tokens == point.tokens)
    assert kept_laws(SHIPPED / "fits.json", table)[0] == pytest.approx(sweep.floor, rel=1e-6)
    assert Plan.from_dict(json.loads((SHIPPED / "plan.json").read_text())) == sweep.plan


def test_what_is_told_of_the_shipped_sweep_is_what_it_shows():
    """Its README has the sizes, the prediction and the measured loss, whatever they are."""
    told, table = (SHIPPED / "README.md").read_text(encoding="utf-8"), read_table(SHIPPED / "table.csv")
    law = next(law for law in kept_laws(SHIPPED / "fits.json", table)[1] if law.floor_known and law.count == "all")
    value, low, high = law.predicted.interval
    assert f"{value:.3f} ({low:.3f} to {high:.3f})" in told and f"measured {law.predicted.measured:.3f}" in told
    for most in (min, max):
        assert f"{most(row.params['all'] for row in table):,}" in told
    assert len({row.width for row in table}) >= 8 and {row.seed for row in table} == {1, 2, 3}
