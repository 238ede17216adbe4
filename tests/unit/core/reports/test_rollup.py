"""A coupon counts in each of its rows; an order in each row once, and once in a total."""

from collections import Counter
from dataclasses import replace
from zoneinfo import ZoneInfo

from server.core.checkout.redemptions import Redemption
from server.core.checkout.refunds import Refund, RefundedLine
from server.core.instants import from_text
from server.core.reports.measures import Origin
from server.core.reports.rollup import Rollup, follows_within
from tests.unit.core.checkout.test_redemptions import a_paid_order

ZONE = ZoneInfo("Asia/Shanghai")
AT = from_text("2026-03-01T17:30:00Z")  # half past one of the next day in Shanghai
IN_CLASS = Origin("bat_1", "live", "CNY", "math-7", "tina", "cmp_1", "cmp_1/warm", 1_000)
BY_LINK = Origin("bat_2", "share", "CNY")
PAID: Redemption = a_paid_order()
SECOND = replace(PAID.coupons[0], coupon_id="cpn_2", code="B-2")
ORDER = replace(PAID, coupons=(*PAID.coupons, SECOND))


def sums_of(rollup: Rollup, by: str = "day", room: str = "*") -> Counter[tuple[str, str, str]]:
    """Return the sums of one division, by (value, course, measure)."""
    found: Counter[tuple[str, str, str]] = Counter()
    for cell, amount in rollup.sums.items():
        if (cell.by, cell.room) == (by, room):
            found[cell.value, cell.course, cell.measure] += amount
    return found


def test_a_coupon_counts_in_all_its_rows_on_the_schools_day() -> None:
    rollup = Rollup(ZONE)
    rollup.issued(AT, "claim", IN_CLASS)
    assert {cell.day for cell in rollup.sums} == {"2026-03-02"}
    assert {(cell.by, cell.value) for cell in rollup.sums if cell.room == "math-7"} == {
        *(("day", ""), ("hour", "01"), ("batch", "bat_1"), ("channel", "live")),
        *(("room", "math-7"), ("instructor", "tina"), ("campaign", "cmp_1")),
        ("phase", "cmp_1/warm"),
    }
    assert sums_of(rollup) == {
        ("", "", "issued"): 1,
        ("", "", "issued_claim"): 1,
        ("", "", "claimed"): 1,
        ("", "", "exposed"): 1_000,
    }


def test_what_ends_is_counted_against_what_went_out() -> None:
    rollup = Rollup(ZONE)
    rollup.ended(AT, "claim", IN_CLASS, was_exposed=True)
    rollup.ended(AT, "api", IN_CLASS, was_exposed=False)
    rollup.issued(AT, "api", BY_LINK)
    rollup.expired(AT, IN_CLASS)
    rollup.reached(AT, 30, IN_CLASS)
    found = sums_of(rollup)
    assert found["", "", "ended"] == 2
    assert found["", "", "claimed_ended"] == 1
    assert found["", "", "exposed_ended"] == 2_000
    assert found["", "", "reached"] == 30
    assert ("", "", "claimed") not in found


def test_an_order_of_several_batches_counts_in_each_and_once_in_the_total() -> None:
    rollup = Rollup(ZONE)
    ids = [coupon.coupon_id for coupon in ORDER.coupons]
    origins = {one: BY_LINK if n else IN_CLASS for n, one in enumerate(ids)}
    rollup.paid(AT, ORDER, origins)
    rollup.followed(AT, 30, "CNY", origins.values())
    rollup.followed(AT, 90, "CNY", origins.values())
    total, by_batch = sums_of(rollup), sums_of(rollup, "batch")
    assert total["", "", "orders"] == 1
    assert total["", "", "paid"] == ORDER.payable
    assert by_batch["bat_1", "", "paid"] == by_batch["bat_2", "", "paid"] == ORDER.payable
    assert total["", "", "used"] == len(ids)
    assert total["", "", "cost"] == sum(coupon.discount for coupon in ORDER.coupons)
    assert total["", "", "followed_30"] == total["", "", "followed_90"] == 1
    courses = {line.course for line in ORDER.order.lines if line.course is not None}
    assert {course for _, course, _ in total} == {"", *courses}
    paid = sum(amount for (_, _, name), amount in total.items() if name == "course_paid")
    whole = {line.id: line.payable for line in ORDER.lines}
    assert paid == sum(whole[line.id] for line in ORDER.order.lines if line.course is not None)


def test_an_order_without_coupons_is_counted_apart_and_a_line_without_a_course_is_in_no_course() -> (
    None
):
    first, *others = ORDER.order.lines
    lines = (replace(first, course=None), *others)
    plain = replace(ORDER, coupons=(), order=replace(ORDER.order, lines=lines))
    rollup = Rollup(ZONE)
    rollup.paid(AT, plain, {})
    found = sums_of(rollup)
    assert found["", "", "orders_without"] == 1
    assert found["", "", "paid_without"] == ORDER.payable
    courses = {line.course for line in others if line.course is not None}
    assert {course for _, course, _ in found} == {"", *courses}
    assert not sums_of(rollup, "batch")


def test_an_order_with_a_course_twice_is_one_order_of_it() -> None:
    line = replace(ORDER.order.lines[0], course="c0")
    again = replace(line, id="again")
    quoted = replace(ORDER.lines[0], id="again")
    twice = replace(ORDER.order, lines=(line, again))
    order = replace(ORDER, order=twice, lines=(*ORDER.lines, quoted))
    rollup, plain = Rollup(ZONE), Rollup(ZONE)
    rollup.paid(AT, order, {coupon.coupon_id: IN_CLASS for coupon in order.coupons})
    plain.paid(AT, replace(order, coupons=()), {})
    found = sums_of(rollup)
    assert found["", "c0", "course_orders"] == found["", "c0", "stratum_orders"] == 1
    assert found["", "c0", "course_pieces"] == 2 * line.quantity
    assert sums_of(plain)["", "c0", "stratum_orders_without"] == 1


def test_a_refund_counts_on_its_own_day_and_gives_a_coupon_back_once() -> None:
    rollup = Rollup(ZONE)
    line = ORDER.order.lines[0]
    bare = replace(line, id="bare", course=None)
    order = replace(ORDER, order=replace(ORDER.order, lines=(*ORDER.order.lines, bare)))
    codes = [coupon.code for coupon in order.coupons]
    kept = tuple((code, "redeemed") for code in codes)
    back = ((codes[0], "usable"), *kept[1:])
    parts = (RefundedLine(line.id, 5, 1, 0), RefundedLine("bare", 0, 1, 0))
    paid = order.payable
    refunds = (
        Refund("r1", 5, 0, 5, parts, kept, (), AT),
        Refund("r2", paid - 5, 0, paid, (), back, (), AT),
        Refund("r3", 0, 0, paid, (), back, (), AT),
    )
    order = replace(order, refunds=refunds)
    origins = {coupon.coupon_id: IN_CLASS for coupon in order.coupons}
    for refund in refunds:
        rollup.refunded(order, refund, origins)
    found = sums_of(rollup)
    assert found["", "", "refunded"] == paid
    assert found["", "", "orders_back"] == 1
    assert found["", "", "used_back"] == 1
    assert found["", "", "cost_back"] == order.coupons[0].discount
    assert found["", str(line.course), "course_refunded"] == 5
    assert found["", str(line.course), "course_pieces_back"] == 1

    plain = Rollup(ZONE)
    bought = replace(order, coupons=(), refunds=(replace(refunds[0], coupons=()),))
    plain.refunded(bought, bought.refunds[0], {})
    assert sums_of(plain) == {("", "", "refunded_without"): 5}


def test_a_payment_follows_within_30_or_90_days_or_neither() -> None:
    day = 86_400_000
    assert follows_within(0, 30 * day) == [30, 90]
    assert follows_within(0, 30 * day + 1) == [90]
    assert follows_within(0, 91 * day) == []
