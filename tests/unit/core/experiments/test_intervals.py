"""The interval that may be looked at daily, and the test of a split, against SciPy and by simulation."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import lambertw
from scipy.stats import chi2, chisquare, norm

from server.core.experiments.intervals import (
    ALPHA,
    EXPECTED_SIZE,
    MIN_GROUP,
    Interval,
    Sample,
    boundary,
    chi_square_tail,
    difference,
    mixture_scale,
    split_p_value,
)

LOOKS = 20


def rate(count: int, students: int) -> Sample:
    return Sample(students, count, count)


@pytest.mark.parametrize("variance", [1.0, 40.0, 5_000.0])
@pytest.mark.parametrize("rho", [0.5, 300.0])
def test_the_boundary_is_where_the_mixture_of_all_alternatives_says_one_in_alpha(
    variance: float, rho: float
) -> None:
    """The mixture is a martingale that begins at 1, so by Ville's inequality it ever reaches 1 / alpha with
    probability alpha."""
    reached = boundary(variance, rho, ALPHA)
    width = 1 / math.sqrt(rho)

    def weighed(slope: float) -> float:
        likelihood = math.exp(slope * reached - slope**2 * variance / 2)
        return likelihood * float(norm.pdf(slope, scale=width))

    centre, spread = reached / (variance + rho), 1 / math.sqrt(variance + rho)
    whole, _ = quad(weighed, centre - 12 * spread, centre + 12 * spread)
    assert whole == pytest.approx(1 / ALPHA, rel=1e-6)


def test_the_scale_is_near_the_best_one() -> None:
    best = 1 / (-float(lambertw(-(ALPHA**2) / math.e, k=-1).real) - 1)
    assert mixture_scale(1, ALPHA) == pytest.approx(best, rel=0.1)
    assert boundary(1, mixture_scale(1, ALPHA), ALPHA) == pytest.approx(
        boundary(1, best, ALPHA), rel=0.001
    )


@pytest.mark.parametrize("freedom", range(1, 11))
@pytest.mark.parametrize("value", [0.0, 0.001, 1.0, 6.6, 10.8, 40.0, 900.0])
def test_the_tail_of_chi_square_is_that_of_scipy(value: float, freedom: int) -> None:
    assert chi_square_tail(value, freedom) == pytest.approx(
        float(chi2.sf(value, freedom)), rel=1e-9
    )


def test_the_split_is_tested_as_scipy_does() -> None:
    found = split_p_value([480, 530, 90], [45, 45, 10])
    assert found == pytest.approx(
        float(chisquare([480, 530, 90], [495, 495, 110]).pvalue), rel=1e-9
    )


def test_nothing_is_said_of_a_split_before_anybody_is_in_it() -> None:
    assert split_p_value([0, 0], [50, 50]) is None


def test_a_difference_has_its_interval_around_it() -> None:
    found = difference(rate(300, 1_000), rate(200, 1_000))
    assert found is not None
    assert found.difference == pytest.approx(0.1)
    assert found.low + found.high == pytest.approx(0.2)
    assert found.is_sure


def test_the_interval_is_wider_than_that_of_one_look() -> None:
    found = difference(rate(500, 1_000), rate(500, 1_000))
    assert found is not None
    once = float(norm.ppf(1 - ALPHA / 2)) * math.sqrt(2 * 0.25 / 1_000)
    assert once < found.high < 2 * once
    assert not found.is_sure


@pytest.mark.parametrize("found", [Interval(0.1, 0.0, 0.2), Interval(-0.1, -0.2, 0.0)])
def test_an_interval_that_touches_zero_is_not_sure(found: Interval) -> None:
    assert not found.is_sure


def test_a_difference_below_zero_is_sure_as_well() -> None:
    found = difference(rate(200, 1_000), rate(300, 1_000))
    assert found is not None
    assert found.high < 0
    assert found.is_sure


def test_small_groups_and_groups_without_any_variance_say_nothing() -> None:
    assert difference(rate(9, MIN_GROUP - 1), rate(90, 1_000)) is None
    assert difference(rate(90, 1_000), rate(9, MIN_GROUP - 1)) is None
    assert difference(rate(0, 1_000), rate(0, 1_000)) is None


def test_a_sample_of_money_has_the_variance_of_its_squares() -> None:
    assert Sample(2, 30, 500).mean == 15
    assert Sample(2, 30, 500).variance == 25
    assert Sample(3, 0.3, 0.03).variance == pytest.approx(0)


def found_in(base: float, lift: float, per_group: int, runs: int, seed: int) -> float:
    """Return in which part of simulated experiments one of 20 looks is sure of a difference."""
    random = np.random.default_rng(seed)
    step = per_group // LOOKS

    def totals(chance: float) -> NDArray[np.int64]:
        return random.binomial(step, chance, size=(runs, LOOKS)).cumsum(axis=1)

    sure = 0
    for ours, theirs in zip(totals(base + lift), totals(base), strict=True):
        for look in range(LOOKS):
            students = step * (look + 1)
            found = difference(rate(int(ours[look]), students), rate(int(theirs[look]), students))
            if found is not None and found.is_sure:
                sure += 1
                break
    return sure / runs


@pytest.mark.parametrize("base", [0.05, 0.3, 0.5])
def test_of_experiments_without_a_difference_at_most_one_in_twenty_is_ever_sure(
    base: float,
) -> None:
    assert found_in(base, 0.0, 4_000, 10_000 if base == 0.3 else 1_000, seed=14) <= ALPHA


def test_an_ordinary_interval_fails_that_test() -> None:
    """The control: 20 looks at 1.96 standard errors."""
    random = np.random.default_rng(14)
    step, runs = 200, 2_000
    ours, theirs = (random.binomial(step, 0.3, size=(runs, LOOKS)).cumsum(axis=1) for _ in range(2))
    students = step * np.arange(1, LOOKS + 1)
    rates = (ours / students, theirs / students)
    error = np.sqrt(sum(each * (1 - each) for each in rates) / students)
    sure = (np.abs(rates[0] - rates[1]) > 1.96 * error).any(axis=1).mean()
    assert sure > 3 * ALPHA


@pytest.mark.parametrize(("base", "per_group"), [(0.5, 4_000), (0.7, 2_000)])
def test_a_tenth_more_is_found_in_four_of_five_experiments(base: float, per_group: int) -> None:
    assert found_in(base, base / 10, per_group, 500, seed=4) >= 0.8


def test_the_expected_size_is_that_of_a_drop_in_a_large_class() -> None:
    narrow = difference(rate(EXPECTED_SIZE // 4, EXPECTED_SIZE // 2), rate(1_250, 2_500))
    assert narrow is not None
    assert narrow.high < 0.05
