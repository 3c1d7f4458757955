"""Thinned curves: short, in order, and no peak is ever lost."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.runs.curves import MAX_POINTS, Thinned


def thinned(values, max_points=MAX_POINTS):
    curve = Thinned(max_points)
    for step, value in enumerate(values):
        curve.add(step, value)
    return curve.points()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=400), st.integers(4, 40))
def test_extremes_and_ends_survive_in_order(values, max_points):
    """Whatever the values: few enough points, all of them real, in order, with first, last, lowest and highest."""
    points = thinned(values, max_points)
    assert len(points) <= max_points
    steps = [step for step, _ in points]
    assert steps == sorted(set(steps)) and all(values[int(step)] == value for step, value in points)
    assert (steps[0], steps[-1]) == (0, len(values) - 1)
    kept = [value for _, value in points]
    assert (min(kept), max(kept)) == (min(values), max(values))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 3000), st.integers(0, 3000))
def test_a_spike_is_never_lost(spike, dip):
    """At every moment of a long curve, with the usual number of points."""
    curve, values = Thinned(), []
    for step in range(3001):
        value = 100.0 if step == spike else -100.0 if step == dip else 1.0 / (1 + step)
        values.append(value)
        curve.add(step, value)
        if step % 500 == 0:
            kept = [y for _, y in curve.points()]
            assert len(kept) <= MAX_POINTS and (min(kept), max(kept)) == (min(values), max(values))


def test_short_curves_stay_as_they_are():
    """Up to what fits, every point is kept; an empty curve has none."""
    assert thinned([]) == [] and thinned([7.0]) == [(0, 7.0)]
    values = [float(n % 7) for n in range(MAX_POINTS - 2)]
    assert thinned(values) == list(enumerate(values))


def test_long_curves_use_their_room_evenly():
    """After any number of points at least a fifth of the room is used, and no gap is far above the others."""
    for n in (1_000, 4_321, 50_000):
        steps = [step for step, _ in thinned([float(i * 7919 % 1009) for i in range(n)])]
        assert len(steps) >= MAX_POINTS / 5
        assert max(after - before for before, after in pairwise(steps)) <= 12 * n / MAX_POINTS


def test_too_few_points_are_refused():
    """Two ends and two peaks are the least there is to show."""
    with pytest.raises(ValueError, match="at least 4"):
        Thinned(3)
