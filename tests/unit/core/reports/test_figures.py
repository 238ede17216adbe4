"""Figures follow from sums; nothing to divide by is None; averages are of like orders."""

from server.core.reports.figures import (
    FIGURES,
    MEASURES,
    Comparison,
    ReportKind,
    Stratum,
    Unit,
    Value,
    compared,
    figures_of,
)


def test_net_is_gross_less_what_was_undone() -> None:
    sums = {"issued": 10, "ended": 2, "reached": 20, "claimed": 10, "claimed_ended": 2, "used": 4}
    found = figures_of(ReportKind.COUPONS, sums)
    assert found["issued"] == Value(10, 8)
    assert found["claim_rate"] == Value(0.5, 0.4)
    assert found["use_rate"] == Value(0.4, 0.5)


def test_nothing_to_divide_by_is_none_and_averages_are_whole() -> None:
    sums = {"orders": 2, "orders_back": 2, "paid": 5, "refunded": 5}
    found = figures_of(ReportKind.ORDERS, sums)
    assert found["average"] == Value(3, None)
    assert found["average_without"] == Value(None, None)


def test_every_figure_has_words_and_a_formula() -> None:
    for kind, figures in FIGURES.items():
        names = {one.name for one in figures}
        assert len(names) == len(figures)
        assert all(one.zh and one.en and one.formula for one in figures)
        assert all(one.per is None or {one.per, one.of} <= names for one in figures)
        assert all(MEASURES[kind])
        assert set(figures_of(kind, {})) == names
    assert FIGURES[ReportKind.COUPONS][0].formula == "issued - ended"
    assert Unit.MONEY in {one.unit for one in FIGURES[ReportKind.COURSES]}


def test_orders_without_a_coupon_weigh_as_those_with_one() -> None:
    strata = {
        ("2026-10", "c1"): Stratum(3, 300, 1, 200),
        ("2026-10", "c2"): Stratum(1, 500, 2, 800),
        ("2026-11", "c1"): Stratum(9, 9_000, 0, 0),
    }
    assert compared(strata) == Comparison(2, 4, 200, 250)
    assert compared({}) == Comparison(0, 0, None, None)
