"""The account of a paid order: what of each line came back, and which of its coupons are still earned.

Read by `refunds`, which plans a refund on it, and by `balances`. All of it follows from what was frozen at
the lock (lines, line shares, the coupons' order of application) and from what came back since. So the same
state has the same result, in whatever order things came back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from server.core.checkout.apportionment import line_shares
from server.core.checkout.orders import Order
from server.core.checkout.scopes import goods_in_scope
from server.core.checkout.terms import min_pieces
from server.core.money import half_up
from server.core.promotions.templates import (
    AmountOff,
    BrokenThreshold,
    Counted,
    Discount,
    Gift,
    ItemsFree,
    PercentOff,
    Rebate,
    Returns,
    Template,
    Threshold,
)


@dataclass(frozen=True, slots=True)
class PaidLine:
    """A line and what has become of it. `amount`: before discounts; `payable`: what was paid for it;
    `refunded`: money paid back for it; `returned`: pieces that came back."""

    id: str
    amount: int
    payable: int
    quantity: int
    refunded: int = 0
    returned: int = 0

    @property
    def refundable(self) -> int:
        """The money that may still be paid back for the line."""
        return self.payable - self.refunded

    @property
    def is_fully_returned(self) -> bool:
        """True if all its pieces came back, or all its money was paid back."""
        return self.returned == self.quantity or self.refunded == self.payable > 0

    def undone_of(self, total: int) -> int:
        """Return how much of a total that the line earned or took is undone by its refunds so far: in
        proportion to its pieces or its money, whichever is more; all of it if the line is fully returned."""
        if self.is_fully_returned:
            return total
        by_pieces = half_up(total * self.returned, self.quantity)
        # Money counts only if more was paid back than the returned pieces cost. Their price is rounded: half
        # of a line that cost 3 pays back 2, and two thirds of a large discount would count as undone.
        if self.refunded <= half_up(self.payable * self.returned, self.quantity):
            return by_pieces
        return max(by_pieces, half_up(total * self.refunded, self.payable))

    def kept_of(self, total: int) -> int:
        """Return how much of the line's total belongs to the pieces that are kept. Rounding is chosen so
        that this and what was paid for them add up to their price: a refund rounds what was paid the other
        way."""
        return (
            0
            if self.is_fully_returned
            else half_up(total * (self.quantity - self.returned), self.quantity)
        )


@dataclass(frozen=True, slots=True)
class PaidCoupon:
    """A coupon as it was used on the order. `line_shares` by line id, as they were frozen. `counts`: ids of
    the lines in its scope. `credits` by line id: of a rebate. `gift`: the worth of a gift."""

    line_shares: Mapping[str, int]
    threshold: Threshold
    counts: frozenset[str]
    returns: Returns
    credits: Mapping[str, int] = field(default_factory=dict)
    gift: int = 0

    @property
    def charges_back(self) -> bool:
        """True if its discount is charged back when the rest no longer reaches its threshold."""
        return self.returns.broken_threshold is BrokenThreshold.CHARGE_BACK


@dataclass(frozen=True, slots=True)
class OrderAccount:
    """A paid order as it stands. `coupons` in the order of application; `refunded`: the sum of all refunds
    so far."""

    lines: tuple[PaidLine, ...]
    coupons: tuple[PaidCoupon, ...]
    refunded: int = 0

    @property
    def payable(self) -> int:
        return sum(line.payable for line in self.lines)

    @property
    def paid_back_for_lines(self) -> int:
        """The sum of the lines' refunds, before anything is charged back."""
        return sum(line.refunded for line in self.lines)

    @property
    def charged_back(self) -> int:
        """The part of the lines' refunds that the order kept, because discounts were no longer earned."""
        return self.paid_back_for_lines - self.refunded

    @property
    def is_whole(self) -> bool:
        """True if all of the order is undone."""
        return (
            all(line.is_fully_returned for line in self.lines)
            or self.paid_back_for_lines == self.payable > 0
        )

    def is_unearned(self, at: int) -> bool:
        """Return whether the kept lines no longer earn this coupon, and its template charges it back then."""
        return self.coupons[at].charges_back and not self.is_whole and not self._is_reached(at)

    def unearned(self) -> int:
        """Return what coupons took off the kept pieces although these no longer reach the threshold."""
        return sum(self._unearned_parts())

    def costs(self) -> tuple[int, ...]:
        """Return what each coupon still costs the school, in the order of application.

        That is what it took off or credited, less what was undone with the lines and what was charged back.
        A gift is not sent back; it costs nothing only if the whole order is undone.
        """
        if self.is_whole:
            return (0,) * len(self.coupons)
        weights = self._unearned_parts()
        # Less than all of it may have been charged, because no refund is negative.
        charged = line_shares(max(0, min(self.charged_back, sum(weights))), weights)
        return tuple(self._cost(at, part) for at, part in enumerate(charged))

    def _unearned_parts(self) -> list[int]:
        return [
            sum(line.kept_of(coupon.line_shares.get(line.id, 0)) for line in self.lines)
            if self.is_unearned(at)
            else 0
            for at, coupon in enumerate(self.coupons)
        ]

    def _cost(self, at: int, charged: int) -> int:
        coupon = self.coupons[at]
        credited = 0 if self.is_unearned(at) else self._left_of(coupon.credits)
        return max(0, self._left_of(coupon.line_shares) - charged) + credited + coupon.gift

    def _left_of(self, parts: Mapping[str, int]) -> int:
        return sum(parts.values()) - undone(parts, self.lines)

    def _is_reached(self, at: int) -> bool:
        """Return whether the kept lines still reach the coupon's threshold.

        It counts as the lock did: with `after`, what the coupons before this one in the order of
        application left of the lines, whatever the coupons behind it took.
        """
        threshold = self.coupons[at].threshold
        # Of the order's coupons only those in front of this one, as at the lock.
        before = self.coupons[:at] if threshold.counted is Counted.AFTER else ()
        kept = [line for line in self.lines if line.id in self.coupons[at].counts]
        pieces = sum(line.quantity - line.returned for line in kept if not line.is_fully_returned)
        amount = sum(
            line.kept_of(line.amount - sum(each.line_shares.get(line.id, 0) for each in before))
            for line in kept
        )
        return amount >= threshold.min_amount and pieces >= threshold.min_quantity


def undone(parts: Mapping[str, int], lines: Iterable[PaidLine]) -> int:
    """Return how much of these parts of lines, by line id, is undone by the lines' refunds."""
    return sum(line.undone_of(parts.get(line.id, 0)) for line in lines)


def paid_coupon(
    template: Template,
    line_shares: Mapping[str, int],
    order: Order,
    credits: Mapping[str, int] | None = None,
) -> PaidCoupon:
    """Return the account of a coupon that was used on the order; `credits`: of its rebate. The pieces that
    a discount needs (items_free) count as a threshold."""
    threshold = template.threshold
    pieces = max(threshold.min_quantity, min_pieces(template.discount))
    threshold = replace(threshold, min_quantity=pieces)
    counts = frozenset(order.lines[at].id for at in goods_in_scope(order, template.scope))
    returns, worth = template.form.returns, _gift_worth(template.discount)
    return PaidCoupon(line_shares, threshold, counts, returns, credits or {}, worth)


def _gift_worth(discount: Discount) -> int:
    """Return what a coupon costs the school besides what it takes off or credits, in minor units."""
    match discount:
        case Gift():
            return discount.worth
        case AmountOff() | PercentOff() | ItemsFree() | Rebate():
            return 0
        case _:
            assert_never(discount)
