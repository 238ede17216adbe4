"""The result of an experiment: figures by group, comparisons with the base, and the alarm."""

from server.core.experiments.experiments import HELD_OUT
from server.core.experiments.results import Measure, Sums, result_of
from tests.unit.core.experiments.test_experiments import experiment


def sums(exposed: int, bought: int = 0) -> Sums:
    return Sums(exposed, exposed // 2, 10, bought, bought, 100 * bought, 10_000.0 * bought, 50)


def test_groups_that_nobody_is_in_have_zeros() -> None:
    result = result_of(experiment(45, 45, hold_out=10), {})
    assert dict(result.sums) == {0: Sums(), 1: Sums(), HELD_OUT: Sums()}
    assert result.alarm is None
    assert all(one.interval is None for one in result.comparisons)


def test_the_first_variant_is_the_base_where_nobody_is_held_out() -> None:
    result = result_of(experiment(50, 50), {0: sums(1_000, 100), 1: sums(1_000, 200)})
    assert [(one.group, one.base, one.measure) for one in result.comparisons] == [
        (1, 0, measure) for measure in Measure
    ]
    bought = result.comparisons[2].interval
    assert bought is not None
    assert bought.is_sure
    revenue = result.comparisons[3].interval
    assert revenue is not None
    assert revenue.difference == 10


def test_the_hold_out_is_the_base_and_coupons_are_not_compared_with_it() -> None:
    found = {0: sums(450), 1: sums(450), HELD_OUT: sums(100)}
    result = result_of(experiment(45, 45, hold_out=10), found)
    assert {(one.base, one.measure) for one in result.comparisons} == {
        (HELD_OUT, Measure.BOUGHT),
        (HELD_OUT, Measure.REVENUE),
    }


def test_groups_of_about_their_sizes_raise_no_alarm() -> None:
    assert result_of(experiment(50, 50), {0: sums(1_040), 1: sums(960)}).alarm is None


def test_groups_that_are_far_off_raise_the_alarm_with_what_was_expected() -> None:
    found = {0: sums(600), 1: sums(300), HELD_OUT: sums(100)}
    alarm = result_of(experiment(45, 45, hold_out=10), found).alarm
    assert alarm is not None
    assert alarm.exposed == (600, 300, 100)
    assert alarm.expected == (450, 450, 100)
    assert alarm.p_value < 0.001
