"""The figures of reports: how each is computed from sums, and what it says in words.

One table for both: /v1/reports/definitions shows what `figures_of` computes. Called by
flows/reports/read_reports.py. `gross` is what happened, `net` is that less what was undone. What is undone is
counted on the day of the undoing, as statements do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from server.core.money import half_up
from server.core.reports.measures import SOURCES, Measure, ended_by, issued_by

_M = Measure


class ReportKind(StrEnum):
    """The reports that there are."""

    COUPONS = "coupons"
    ORDERS = "orders"
    COURSES = "courses"


class Unit(StrEnum):
    """`money` is in minor units, `ratio` is between 0 and 1 mostly, rounded to four digits."""

    COUNT = "count"
    MONEY = "money"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True)
class Figure:
    """The definition of one figure: gross = `plus`, net = `plus` - `minus`. With `per` it is that divided by
    the figure named there, gross by gross and net by net."""

    name: str
    unit: Unit
    plus: str
    zh: str
    en: str
    minus: str | None = None
    per: str | None = None
    of: str | None = None

    @property
    def formula(self) -> str:
        """The formula of the net figure, in names of figures and measures."""
        if self.per is not None:
            return f"{self.of} / {self.per}"
        return self.plus if self.minus is None else f"{self.plus} - {self.minus}"


@dataclass(frozen=True, slots=True)
class Value:
    """A figure's values; None where there is nothing to divide by."""

    gross: int | float | None
    net: int | float | None


Sums = Mapping[str, int]  # by measure


def _sum(name: str, unit: Unit, plus: str, minus: str | None, *words: str) -> Figure:
    zh, en = words
    return Figure(name, unit, plus, zh, en, minus)


def _per(name: str, unit: Unit, of: str, per: str, *words: str) -> Figure:
    zh, en = words
    return Figure(name, unit, _M.NONE, zh, en, per=per, of=of)


FIGURES: Final[Mapping[ReportKind, tuple[Figure, ...]]] = {
    ReportKind.COUPONS: (
        _sum(
            *("issued", Unit.COUNT, _M.ISSUED, _M.ENDED),
            "进入学员卡包的优惠券张数(任何来源);净值减去已释放和已撤回的",
            "coupons that came into a student's wallet, from any source; net: less those released or revoked",
        ),
        *(
            _sum(
                *(issued_by(source), Unit.COUNT, issued_by(source), ended_by(source)),
                f"来源为 {source} 的发放张数",
                f"issued, of the source {source}",
            )
            for source in SOURCES
        ),
        _sum(
            *("reached", Unit.COUNT, _M.REACHED, None),
            "投放打开时在直播间里的学员人次",
            "students who were in the room when a drop opened, summed over drops",
        ),
        _sum(
            *("claimed", Unit.COUNT, _M.CLAIMED, _M.CLAIMED_ENDED),
            "学员自己领到的张数(点击、链接、二维码、输入券码、接受私享);净值减去已释放和已撤回的",
            "coupons that students took themselves: by a tap, a link, a QR code, a typed code or an accepted "
            "offer; net: less those released or revoked",
        ),
        _per(
            *("claim_rate", Unit.RATIO, "claimed", "reached"),
            "领取率 = 领取张数 / 触达人次;没有直播间的渠道为空",
            "claimed divided by reached; empty where there was no room",
        ),
        _sum(
            *("used", Unit.COUNT, _M.USED, _M.USED_BACK),
            "用在已支付订单上的张数;净值减去退款时退回的",
            "coupons on paid orders; net: less those that a refund gave back",
        ),
        _per(
            *("use_rate", Unit.RATIO, "used", "issued"),
            "使用率 = 使用张数 / 发放张数",
            "used divided by issued",
        ),
        _sum(
            *("gmv", Unit.MONEY, _M.PAID, _M.REFUNDED),
            "用券订单的实付金额;净值减去退款。跨行的订单在每行都计一次,在合计中只计一次",
            "what was paid for orders with a coupon; net: less refunds. An order of several rows counts in "
            "each of them, and once in the totals",
        ),
        _sum(
            *("cost", Unit.MONEY, _M.COST, _M.COST_BACK),
            "优惠券在已支付订单上抵扣的金额;净值减去退回的券抵扣的",
            "what coupons took off paid orders; net: less that of coupons given back by a refund",
        ),
        _sum(
            *("exposure", Unit.MONEY, _M.EXPOSED, _M.EXPOSED_ENDED),
            "发放的券最多可抵扣的金额;净值减去已使用、已过期、已释放、已撤回的。没有上限的券不计",
            "the most that issued coupons can take off; net: less those used, expired, released or revoked. "
            "Coupons without a limit do not count",
        ),
    ),
    ReportKind.ORDERS: (
        _sum(
            *("orders", Unit.COUNT, _M.ORDERS, _M.ORDERS_BACK),
            "用券的已支付订单数;净值减去全额退款的",
            "paid orders with a coupon; net: less those paid back in full",
        ),
        _sum(
            *("paid", Unit.MONEY, _M.PAID, _M.REFUNDED),
            "用券订单的实付金额;净值减去退款",
            "what was paid for orders with a coupon; net: less refunds",
        ),
        _per(
            *("average", Unit.MONEY, "paid", "orders"),
            "用券订单的客单价 = 实付金额 / 订单数",
            "average value of an order with a coupon: paid divided by orders",
        ),
        _sum(
            *("orders_without", Unit.COUNT, _M.ORDERS_WITHOUT, _M.ORDERS_WITHOUT_BACK),
            "未用券的已支付订单数(coupons 为空的核销);净值减去全额退款的",
            "paid orders without a coupon (redemption with `coupons: []`); net: less those paid back in full",
        ),
        _sum(
            *("paid_without", Unit.MONEY, _M.PAID_WITHOUT, _M.REFUNDED_WITHOUT),
            "未用券订单的实付金额;净值减去退款",
            "what was paid for orders without a coupon; net: less refunds",
        ),
        _per(
            *("average_without", Unit.MONEY, "paid_without", "orders_without"),
            "未用券订单的客单价",
            "average value of an order without a coupon",
        ),
        _sum(
            *("followed_30", Unit.COUNT, _M.FOLLOWED_30, None),
            "同一学员 30 天内再次支付的用券订单数",
            "orders with a coupon after which the same student paid another order within 30 days",
        ),
        _per(
            *("repurchase_30", Unit.RATIO, "followed_30", "orders"),
            "30 天复购率 = 30 天内再次支付的订单数 / 用券订单数",
            "followed_30 divided by orders",
        ),
        _sum(
            *("followed_90", Unit.COUNT, _M.FOLLOWED_90, None),
            "同一学员 90 天内再次支付的用券订单数",
            "orders with a coupon after which the same student paid another order within 90 days",
        ),
        _per(
            *("repurchase_90", Unit.RATIO, "followed_90", "orders"),
            "90 天复购率 = 90 天内再次支付的订单数 / 用券订单数",
            "followed_90 divided by orders",
        ),
    ),
    ReportKind.COURSES: (
        _sum(
            *("orders", Unit.COUNT, _M.COURSE_ORDERS, None),
            "含该课程的用券订单数",
            "paid orders with a coupon that have the course",
        ),
        _sum(
            *("pieces", Unit.COUNT, _M.COURSE_PIECES, _M.COURSE_PIECES_BACK),
            "用券订单中该课程的件数;净值减去退回的",
            "pieces of the course in orders with a coupon; net: less those given back",
        ),
        _sum(
            *("paid", Unit.MONEY, _M.COURSE_PAID, _M.COURSE_REFUNDED),
            "用券订单中该课程的实付金额;净值减去退款",
            "what was paid for the course in orders with a coupon; net: less what its lines paid back",
        ),
        _sum(
            *("discount", Unit.MONEY, _M.COURSE_DISCOUNT, None),
            "用券订单中该课程的优惠金额",
            "what was taken off the course in orders with a coupon",
        ),
    ),
}

MEASURES: Final[Mapping[ReportKind, tuple[str, ...]]] = {
    kind: tuple(
        str(measure)
        for one in of_kind
        for measure in (one.plus, one.minus)
        if measure is not None and measure is not _M.NONE
    )
    for kind, of_kind in FIGURES.items()
}


def figures_of(kind: ReportKind, sums: Sums) -> dict[str, Value]:
    """Return each figure of the report by its name, in the order of the table."""
    found: dict[str, Value] = {}
    for one in FIGURES[kind]:
        if one.of is None or one.per is None:
            plus = sums.get(one.plus, 0)
            found[one.name] = Value(plus, plus - (sums.get(one.minus, 0) if one.minus else 0))
        else:
            over, under = found[one.of], found[one.per]
            found[one.name] = Value(
                _divided(over.gross, under.gross, one.unit), _divided(over.net, under.net, one.unit)
            )
    return found


def _divided(over: int | float | None, under: int | float | None, unit: Unit) -> int | float | None:
    """Return the quotient; None where `under` is not above zero. Net sums of a day may be below zero."""
    if not isinstance(over, int) or not isinstance(under, int) or under <= 0:
        return None
    if unit is Unit.MONEY:
        return half_up(max(over, 0), under)
    return round(over / under, 4)


@dataclass(frozen=True, slots=True)
class Stratum:
    """The orders of one week that have one course, with and without a coupon. Money in minor units."""

    orders: int = 0
    paid: int = 0
    orders_without: int = 0
    paid_without: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Average order values over the same courses and weeks. `strata`: how many had orders of both sorts;
    averages are None where none had. `orders`: those with a coupon in these strata."""

    strata: int
    orders: int
    average: int | None
    average_without: int | None


def compared(strata: Mapping[tuple[str, str], Stratum]) -> Comparison:
    """Compare orders with and without a coupon, in the strata that have both. What orders without a coupon
    paid is weighted by the orders with one, so that both averages are of the same courses and weeks."""
    both = [one for one in strata.values() if one.orders > 0 and one.orders_without > 0]
    orders = sum(one.orders for one in both)
    if not orders:
        return Comparison(0, 0, None, None)
    paid = sum(one.paid for one in both)
    weighted = sum(one.paid_without * one.orders / one.orders_without for one in both)
    return Comparison(len(both), orders, half_up(paid, orders), round(weighted / orders))
