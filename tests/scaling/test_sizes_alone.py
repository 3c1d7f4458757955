"""The law of size alone: it foresees losses that follow it, and what the shipped table's card tells of it."""

from pathlib import Path

import pytest

from llm.scaling.counting import COUNTS
from llm.scaling.laws import kept_laws
from llm.scaling.sizes_alone import foreseen
from llm.scaling.sweep import Row
from llm.scaling.table import read_table

SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints" / "scaling"


def row(width, loss, *, seed=1, last=True):
    """An evaluation of a size whose parameters are the square of its width."""
    return Row(
        f"width-{width}-seed-{seed}", width, seed, 1e-3, dict.fromkeys(COUNTS, width**2), 1000, 1, loss, 1.0, last
    )


def test_losses_that_follow_it_are_foreseen():
    """E = 0.5, A = 30, a = 0.4 and a little noise, with early losses that don't count."""
    widths, off = (16, 32, 48, 64, 96, 128), (0.999, 1.001)
    rows = [
        row(width, (0.5 + 30 / width**0.8) * factor, seed=seed) for width in widths for seed, factor in enumerate(off)
    ]
    found = foreseen([*rows, *(row(width, 9.0, last=False) for width in widths)])
    assert [one.width for one in found] == [96, 128]
    for one in found:
        assert one.measured == pytest.approx(0.5 + 30 / one.width**0.8)
        assert one.value == pytest.approx(one.measured, rel=5e-3)
    assert foreseen(rows[:8]) == [] == foreseen([])


def test_the_card_of_the_shipped_sweep_tells_its_figures():
    """How far off each size is from those below it, and how unlike data count at each size."""
    rows, told = read_table(SHIPPED / "table.csv"), (SHIPPED / "README.md").read_text(encoding="utf-8")
    found = {one.width: one for one in foreseen(rows)}
    assert f"says {found[192].value:.3f} of width 192, {abs(found[192].measured - found[192].value):.3f} less" in told
    assert f"width 96 from the four sizes below it {found[96].value - found[96].measured:.3f} too high" in told
    for width in (128, 160):
        assert f"width {width} {found[width].measured - found[width].value:.3f}" in told
    _, laws = kept_laws(SHIPPED / "fits.json", rows)
    law = next(law.fit.law for law in laws if law.floor_known and law.count == "all")
    largest = next(one.params["all"] for one in rows if one.width == 192)
    assert f"the law says {law.loss(largest, 1_024_000):.3f} of width 192" in told
    fall = law.loss(largest, 896_000) - law.loss(largest, 1_024_000)
    assert f"{fall:.3f} nats over the last 128,000 tokens" in told
    for width in (16, 48, 64, 128, 192):
        before, after = ([r.loss for r in rows if r.width == width and r.tokens == t] for t in (896_000, 1_024_000))
        assert f"{(sum(before) - sum(after)) / 3:.3f} at width {width}" in told
