"""The lines of a statement: what each payment and each refund says, for finance.

Made by flows/statements/write_lines.py from what the ledger froze with the order: the same payment has
the same lines whenever they are made. Amounts are in minor units of the line's currency.

The lines of an order add up to it: `paid` to its payable, `share` to its discount, `refunded` to its refunds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from server.core.checkout.orders import OrderLine
from server.core.checkout.redemptions import Redemption
from server.core.checkout.refunds import Refund


class LineKind(StrEnum):
    """An adjustment is a sale or a refund of a day that was sealed before it was told."""

    SALE = "sale"
    REFUND = "refund"
    ADJUSTMENT = "adjustment"


@dataclass(frozen=True, slots=True)
class CouponUse:
    """The origin of a coupon that an order used. `instructor`: who made the drop."""

    code: str
    coupon: str
    template: str
    version: int
    batch: str
    channel: str
    campaign: str | None = None
    drop: str | None = None
    room: str | None = None
    instructor: str | None = None


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line. `list_price` and `sale_price` are of one piece. `share` is the part of the discount that this
    coupon took off this order line; without a `coupon` it is what the student's balance paid.

    An order line on which several coupons have a part has a line for each: the first one has `paid` and
    `quantity`, the others have 0. `for_date` is set on an adjustment: the day that it belongs to.
    """

    date: str
    kind: LineKind
    order: str
    currency: str
    line: str | None = None
    course: str | None = None
    quantity: int = 0
    list_price: int | None = None
    sale_price: int | None = None
    use: CouponUse | None = None
    share: int = 0
    paid: int = 0
    refunded: int = 0
    payment_ref: str | None = None
    refund: str | None = None
    for_date: str | None = None


Uses = Mapping[str, CouponUse]  # by coupon id


def lines_of_sale(redemption: Redemption, uses: Uses, date: str) -> Iterator[StatementLine]:
    """Yield the lines of a paid order, in its own sequence."""
    ordered = {line.id: line for line in redemption.order.lines}
    for quoted in redemption.lines:
        head = _line(redemption, ordered.get(quoted.id), LineKind.SALE, date)
        parts = list(_parts(redemption, quoted.id, uses)) or [(None, 0)]
        (use, share), *others = parts
        first = replace(head, line=quoted.id, use=use, share=share, paid=quoted.payable)
        yield first
        for use, share in others:
            yield replace(first, quantity=0, use=use, share=share, paid=0)


def lines_of_refund(
    redemption: Redemption, refund: Refund, uses: Uses, date: str
) -> Iterator[StatementLine]:
    """Yield the lines of a refund. Each names the first coupon that had a part of its order line. What the
    refund charges back for discounts that were not earned has a line of its own, below zero."""
    ordered = {line.id: line for line in redemption.order.lines}
    for part in refund.lines:
        use = next((use for use, _ in _parts(redemption, part.id, uses)), None)
        yield replace(
            _line(redemption, ordered.get(part.id), LineKind.REFUND, date),
            line=part.id,
            use=use,
            quantity=part.quantity,
            refunded=part.refunded,
            refund=refund.refund_id,
        )
    if refund.charged_back:
        yield replace(
            _line(redemption, None, LineKind.REFUND, date),
            refunded=-refund.charged_back,
            refund=refund.refund_id,
        )


def as_adjustment(line: StatementLine, date: str) -> StatementLine:
    """Return the line as one of the day `date`, because its own day is sealed."""
    return replace(line, kind=LineKind.ADJUSTMENT, date=date, for_date=line.date)


def _parts(
    redemption: Redemption, line_id: str, uses: Uses
) -> Iterator[tuple[CouponUse | None, int]]:
    """Yield each coupon and its share of an order line, in order of application; the balance comes last."""
    for coupon in redemption.coupons:
        share = coupon.line_shares.get(line_id, 0)
        if share:
            yield uses.get(coupon.coupon_id), share
    balance = redemption.balance_shares.get(line_id, 0)
    if balance:
        yield None, balance


def _line(
    redemption: Redemption, ordered: OrderLine | None, kind: LineKind, date: str
) -> StatementLine:
    line = StatementLine(
        date=date,
        kind=kind,
        order=redemption.order_id,
        currency=redemption.order.currency,
        payment_ref=redemption.payment_ref,
    )
    if ordered is None:
        return line
    return replace(
        line,
        course=ordered.course,
        quantity=ordered.quantity,
        list_price=ordered.unit_price if ordered.list_price is None else ordered.list_price,
        sale_price=ordered.unit_price,
    )
