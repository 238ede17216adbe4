"""A paid order as it stands: what of each line came back, and which of its coupons are still earned.

Read by `refunds`, which plans a refund on it, and by `balances`. All of it follows from what was frozen at
the lock (lines, shares, the coupons' order of application) and from what came back since. So whatever order
things came back in, the same state has the same answer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from server.core.checkout.apportionment import line_shares
from server.core.checkout.orders import Order
from server.core.checkout.scopes import goods_in_scope
from server.core.money import half_up
from server.core.promotions.templates import (
    BrokenThreshold,
    Counted,
    Gift,
    ItemsFree,
    Returns,
    Template,
    Threshold,
)


@dataclass(frozen=True, slots=True)
class PaidLine:
    """A line and what became of it. `amount`: before discounts; `payable`: what was paid for it.
    `returned`: pieces that came back.
    """

    id: str
    amount: int
    payable: int
    quantity: int
    refunded: int = 0
    returned: int = 0

    @property
    def refundable(self) -> int:
        return self.payable - self.refunded

    @property
    def is_fully_returned(self) -> bool:
        """All its pieces came back, or all its money was paid back."""
        return self.returned == self.quantity or self.refunded == self.payable > 0

    def undone_of(self, total: int) -> int:
        """What refunds so far undo of something that the line earned or took: of its pieces or of its money,
        whichever is more; all of it where the line is gone.
        """
        if self.is_fully_returned:
            return total
        by_money = half_up(total * self.refunded, self.payable) if self.payable else 0
        return max(by_money, half_up(total * self.returned, self.quantity))

    def kept_of(self, total: int) -> int:
        """What the pieces that are kept have of a line's total. Rounded so that with what was paid for them
        it makes up their price: a refund rounds what is paid the other way.
        """
        return (
            0
            if self.is_fully_returned
            else half_up(total * (self.quantity - self.returned), self.quantity)
        )


@dataclass(frozen=True, slots=True)
class PaidCoupon:
    """`shares` by line id, as they were frozen; `counts`: ids of the lines in its scope. `credits` by line
    id: of a rebate; `gift`: what a gift is worth.
    """

    line_shares: Mapping[str, int]
    threshold: Threshold
    counts: frozenset[str]
    returns: Returns
    credits: Mapping[str, int] = field(default_factory=dict)
    gift: int = 0

    @property
    def charges_back(self) -> bool:
        return self.returns.broken_threshold is BrokenThreshold.CHARGE_BACK


@dataclass(frozen=True, slots=True)
class OrderAccount:
    """A paid order as it stands. `coupons` in the order of application; `refunded`: the sum of all refunds
    so far.
    """

    lines: tuple[PaidLine, ...]
    coupons: tuple[PaidCoupon, ...]
    refunded: int = 0

    @property
    def payable(self) -> int:
        return sum(line.payable for line in self.lines)

    @property
    def paid_back_for_lines(self) -> int:
        """Before anything is charged back."""
        return sum(line.refunded for line in self.lines)

    @property
    def charged_back(self) -> int:
        return self.paid_back_for_lines - self.refunded

    @property
    def is_whole(self) -> bool:
        """All of the order is undone."""
        return (
            all(line.is_fully_returned for line in self.lines)
            or self.paid_back_for_lines == self.payable > 0
        )

    def is_unearned(self, at: int) -> bool:
        """Whether the kept lines no longer earn this coupon, and its template wants it back then."""
        return self.coupons[at].charges_back and not self.is_whole and not self._is_reached(at)

    def unearned(self) -> int:
        """What coupons took off the pieces that are kept, though these no longer reach their threshold."""
        return sum(self._unearned_parts())

    def costs(self) -> tuple[int, ...]:
        """By coupon, what it still costs the school: what it took off or credited, less what was undone
        with the lines and what was charged back. A gift is never sent back, but goes with the whole order.
        """
        if self.is_whole:
            return (0,) * len(self.coupons)
        weights = self._unearned_parts()
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
        """Counts as the lock did: with `after`, what the coupons before this one in the order of application
        left of the lines, and not what those behind it took.
        """
        threshold = self.coupons[at].threshold
        before = self.coupons[:at] if threshold.counted is Counted.AFTER else ()
        kept = [line for line in self.lines if line.id in self.coupons[at].counts]
        pieces = sum(line.quantity - line.returned for line in kept if not line.is_fully_returned)
        amount = sum(
            line.kept_of(line.amount - sum(each.line_shares.get(line.id, 0) for each in before))
            for line in kept
        )
        return amount >= threshold.min_amount and pieces >= threshold.min_quantity


def undone(parts: Mapping[str, int], lines: Iterable[PaidLine]) -> int:
    """How much of these parts of lines, by line id, goes the way of what was refunded of them."""
    return sum(line.undone_of(parts.get(line.id, 0)) for line in lines)


def paid_coupon(
    template: Template,
    line_shares: Mapping[str, int],
    order: Order,
    credits: Mapping[str, int] | None = None,
) -> PaidCoupon:
    """A coupon as it was used on this order; `credits`: of its rebate. So many pieces that some are free are
    a threshold too.
    """
    threshold, discount = template.threshold, template.discount
    if isinstance(discount, ItemsFree):
        pieces = max(threshold.min_quantity, discount.from_items)
        threshold = replace(threshold, min_quantity=pieces)
    gift = discount.list_price * discount.quantity if isinstance(discount, Gift) else 0
    counts = frozenset(order.lines[at].id for at in goods_in_scope(order, template.scope))
    return PaidCoupon(line_shares, threshold, counts, template.form.returns, credits or {}, gift)
