"""Scaling laws through made-up losses whose constants are known."""

import math

import numpy as np
import pytest

from llm.scaling.fit import Law, Measured, fit

TRUE = Law(E=1.2, A=40.0, a=0.45, B=300.0, b=0.5)
SIZES, AMOUNTS = (1e4, 3e4, 1e5, 3e5, 1e6, 3e6), (3e5, 1e6, 3e6)


def measured(seed, noise=0.005, seeds=3):
    """What trainings of every size and amount would have reached, with noise between seeds."""
    generator = np.random.default_rng(seed)
    return [
        Measured(n, d, TRUE.loss(n, d) * math.exp(generator.normal(0, noise)), s)
        for n in SIZES
        for d in AMOUNTS
        for s in range(seeds)
    ]


@pytest.mark.parametrize("floor", [None, TRUE.E])
def test_without_noise_the_constants_are_found(floor):
    """E, A, a, B and b of losses that follow a law exactly, E free or known."""
    law = fit(measured(0, noise=0.0, seeds=1), floor=floor, bootstrap=0).law
    for name in ("E", "A", "a", "B", "b"):
        assert getattr(law, name) == pytest.approx(getattr(TRUE, name), rel=2e-3), name


def coverage(trials):
    """In how many of the trials each constant lies within its interval."""
    inside = dict.fromkeys("Eab", 0)
    for seed in range(trials):
        found = fit(measured(seed), bootstrap=60)
        for name in inside:
            band = found.interval(name)
            inside[name] += band.low <= getattr(TRUE, name) <= band.high
    return inside


@pytest.mark.slow
def test_intervals_hold_the_constants():
    """In ten trials with noise, each constant lies outside its interval twice at most."""
    assert min(coverage(10).values()) >= 8


@pytest.mark.slow
def test_intervals_hold_the_constants_in_90_of_100_trials():
    """The same in a hundred trials."""
    inside = coverage(100)
    print(inside)
    assert min(inside.values()) >= 90


def test_one_wild_run_moves_little():
    """A training that ended 30 % too high doesn't carry the exponents away; least squares alone would let it."""
    points = measured(1)
    wild = [points[0]._replace(loss=points[0].loss * 1.3), *points[1:]]
    before, after = (fit(some, floor=TRUE.E, bootstrap=0).law for some in (points, wild))
    assert after.a == pytest.approx(before.a, abs=0.03) and after.b == pytest.approx(before.b, abs=0.03)


def test_what_is_no_number_is_left_out():
    """Diverged trainings and losses below the floor don't end the fit."""
    bad = [Measured(1e5, 1e6, math.nan), Measured(1e5, 1e6, math.inf), Measured(1e5, 1e6, 0.1)]
    found = fit([*measured(0), *bad], floor=TRUE.E, bootstrap=0)
    assert found.points == len(measured(0))


@pytest.mark.parametrize(
    ("points", "says"),
    [([], "sizes, and here are 0"), ([p for p in measured(0) if p.params == 1e4], "sizes, and here are 1"),
     ([p for p in measured(0) if p.tokens == 1e6], "amounts of data, and here are 1")],
)  # fmt: skip
def test_too_few_points_are_named(points, says):
    """One size, or one amount of data, is refused with what to add."""
    with pytest.raises(ValueError, match=says):
        fit(points)


def test_the_optimum_beats_its_neighbours():
    """For a given compute no other size is expected to reach less (Hoffmann et al., 2022)."""
    flops = 1e14
    params, tokens = TRUE.optimal(flops)
    assert 6 * params * tokens == pytest.approx(flops)
    for factor in (0.8, 1.25):
        assert TRUE.loss(params * factor, tokens / factor) > TRUE.loss(params, tokens)
