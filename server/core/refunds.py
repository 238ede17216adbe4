"""What is paid back of an order, and what becomes of its coupons: from the shares frozen at the lock.

Called by the refund flow, which keeps the books below in the ledger; finance can read it alone. Nothing is
quoted again: prices, coupons and rules may be others by now.

A line pays back its own part of what was paid, and the order keeps what a coupon took off that was not
earned after all (`charged_back`). So at any time, and in whatever order things come back,

    paid back so far = sum of the lines' refunds - charged back,    0 <= charged back

and when all is returned, nothing is charged back any more: exactly what was paid has been paid back.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from server.core.money import half_up
from server.core.orders import MAX_ID, MAX_LINES, MAX_QUANTITY, Order
from server.core.refusals import Code, Refused
from server.core.scopes import goods_in_scope
from server.core.template_rules import amount_violations, text_violations
from server.core.templates import (
    BrokenThreshold,
    Counted,
    ItemsFree,
    Returned,
    Returns,
    Template,
    Threshold,
)
from server.core.violations import Violation


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
    def is_gone(self) -> bool:
        """All its pieces came back, or all its money was paid back."""
        return self.returned == self.quantity or self.refunded == self.payable > 0

    def undone_of(self, total: int) -> int:
        """What refunds so far undo of something that the line earned or took: of its pieces or of its money,
        whichever is more; all of it where the line is gone.
        """
        if self.is_gone:
            return total
        by_money = half_up(total * self.refunded, self.payable) if self.payable else 0
        return max(by_money, half_up(total * self.returned, self.quantity))

    def kept_of(self, total: int) -> int:
        """What the pieces that are kept have of a line's total; rounded so that the parts add up."""
        return 0 if self.is_gone else total - half_up(total * self.returned, self.quantity)


@dataclass(frozen=True, slots=True)
class PaidCoupon:
    """`shares` by line id, as they were frozen; `counts`: ids of the lines in its scope."""

    shares: Mapping[str, int]
    threshold: Threshold
    counts: frozenset[str]
    returns: Returns


@dataclass(frozen=True, slots=True)
class Books:
    """A paid order as it stands. `refunded`: the sum of all refunds so far."""

    lines: tuple[PaidLine, ...]
    coupons: tuple[PaidCoupon, ...]
    refunded: int = 0

    @property
    def payable(self) -> int:
        return sum(line.payable for line in self.lines)

    @property
    def charged_back(self) -> int:
        return sum(line.refunded for line in self.lines) - self.refunded

    @property
    def is_whole(self) -> bool:
        """All of the order is undone."""
        paid_back = sum(line.refunded for line in self.lines)
        return all(line.is_gone for line in self.lines) or paid_back == self.payable > 0


@dataclass(frozen=True, slots=True)
class AskedLine:
    """So many pieces, or so much money; neither: all that is left of the line."""

    id: str
    quantity: int | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class RefundForm:
    """`refund_id`: the school's own; sent again it does nothing again. No `lines`: all that is left."""

    refund_id: str
    lines: tuple[AskedLine, ...] = ()


@dataclass(frozen=True, slots=True)
class RefundedLine:
    """`refunded`: by this refund, before anything is charged back; `refundable`: left after it."""

    id: str
    refunded: int
    quantity: int
    refundable: int


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund as it was made, with its coupons as they were after it (code, state). `refunded` is paid
    back: what the lines have, less `charged_back`, which is negative where an earlier charge is given up.
    `total`: of this and all before it. `balance`: what came back besides, to the student's account, of the
    part of it that the order had taken.
    """

    refund_id: str
    refunded: int
    charged_back: int
    total: int
    lines: tuple[RefundedLine, ...]
    coupons: tuple[tuple[str, str], ...]
    asked: tuple[AskedLine, ...]
    created_at: int
    balance: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written: the refund's lines, and the books after it."""

    refunded: int
    charged_back: int
    lines: tuple[RefundedLine, ...]
    after: Books

    def goes_back(self, coupon: PaidCoupon) -> bool:
        """Whether the coupon may be used again."""
        returns = coupon.returns
        rule = returns.after_refund if self.after.is_whole else returns.after_partial_refund
        return rule is Returned.BACK


def paid_coupon(template: Template, shares: Mapping[str, int], order: Order) -> PaidCoupon:
    """A coupon as it was used on this order. So many pieces that some are free are a threshold too."""
    threshold, discount = template.threshold, template.discount
    if isinstance(discount, ItemsFree):
        pieces = max(threshold.min_quantity, discount.from_items)
        threshold = replace(threshold, min_quantity=pieces)
    counts = frozenset(order.lines[at].id for at in goods_in_scope(order, template.scope))
    return PaidCoupon(shares, threshold, counts, template.returns)


def form_violations(form: RefundForm) -> Iterator[Violation]:
    """Everything that is wrong with the form, whatever the order is."""
    yield from text_violations("refund_id", form.refund_id, MAX_ID)
    if len(form.lines) > MAX_LINES:
        yield Violation("lines", "too_many")
    if len({line.id for line in form.lines}) < len(form.lines):
        yield Violation("lines", "same_id_twice")
    for index, line in enumerate(form.lines):
        yield from _line_violations(f"lines.{index}", line)


def _line_violations(at: str, line: AskedLine) -> Iterator[Violation]:
    yield from text_violations(f"{at}.id", line.id, MAX_ID)
    if line.quantity is not None:
        yield from amount_violations(f"{at}.quantity", line.quantity, 1, MAX_QUANTITY)
    if line.amount is not None:
        yield from amount_violations(f"{at}.amount", line.amount, 1)
        if line.quantity is not None:
            yield Violation(f"{at}.amount", "one_of_two")


def unknown_lines(books: Books, form: RefundForm) -> list[Violation]:
    """Lines that the order does not have."""
    known = {line.id for line in books.lines}
    return [
        Violation(f"lines.{index}.id", "unknown")
        for index, line in enumerate(form.lines)
        if line.id not in known
    ]


def plan(books: Books, form: RefundForm) -> Plan | Refused:
    """`refund_too_large` (`lines: [{id, refundable, quantity}]`) where a line has not so much left, and
    where nothing at all is left. Needs lines that the order has.
    """
    lines = {line.id: line for line in books.lines}
    asked = form.lines or [AskedLine(line.id) for line in books.lines if not line.is_gone]
    short = [lines[each.id] for each in asked if not _has(lines[each.id], each)]
    if short or not asked:
        return _too_large(short)
    parts = [_part(lines[each.id], each) for each in asked]
    moved = {part.id: _after(lines[part.id], part) for part in parts}
    after = replace(books, lines=tuple(moved.get(line.id, line) for line in books.lines))
    # Never below zero: what was paid back stays paid back, though more may be unearned by now.
    paid_back = sum(line.refunded for line in after.lines)
    total = max(books.refunded, paid_back - _unearned(after))
    after = replace(after, refunded=total)
    charged = after.charged_back - books.charged_back
    return Plan(total - books.refunded, charged, tuple(parts), after)


def _has(line: PaidLine, asked: AskedLine) -> bool:
    if asked.amount is not None:
        return asked.amount <= line.refundable
    if asked.quantity is not None:
        return asked.quantity <= line.quantity - line.returned
    return not line.is_gone


def _too_large(short: Sequence[PaidLine]) -> Refused:
    told = [
        {"id": line.id, "refundable": line.refundable, "quantity": line.quantity - line.returned}
        for line in short
    ]
    return Refused(Code.REFUND_TOO_LARGE, "not so much is left to be paid back", {"lines": told})


def _part(line: PaidLine, asked: AskedLine) -> RefundedLine:
    """A piece's part of what was paid is rounded on the running sum: all pieces together have all."""
    if asked.amount is not None:
        return RefundedLine(line.id, asked.amount, 0, line.refundable - asked.amount)
    pieces = line.quantity - line.returned if asked.quantity is None else asked.quantity
    before = half_up(line.payable * line.returned, line.quantity)
    after = half_up(line.payable * (line.returned + pieces), line.quantity)
    refunded = min(after - before, line.refundable)
    return RefundedLine(line.id, refunded, pieces, line.refundable - refunded)


def _after(line: PaidLine, part: RefundedLine) -> PaidLine:
    refunded, returned = line.refunded + part.refunded, line.returned + part.quantity
    return replace(line, refunded=refunded, returned=returned)


def _unearned(books: Books) -> int:
    """What coupons took off the pieces that are kept, though these no longer reach their threshold."""
    if books.is_whole:
        return 0
    return sum(
        sum(line.kept_of(coupon.shares.get(line.id, 0)) for line in books.lines)
        for coupon in books.coupons
        if coupon.returns.broken_threshold is BrokenThreshold.CHARGE_BACK
        and not _is_reached(coupon, books)
    )


def _is_reached(coupon: PaidCoupon, books: Books) -> bool:
    kept = [line for line in books.lines if line.id in coupon.counts and not line.is_gone]
    pieces = sum(line.quantity - line.returned for line in kept)
    amount = sum(line.kept_of(line.amount) for line in kept)
    if coupon.threshold.counted is Counted.AFTER:
        others = [each for each in books.coupons if each is not coupon]
        amount -= sum(line.kept_of(each.shares.get(line.id, 0)) for each in others for line in kept)
    return amount >= coupon.threshold.min_amount and pieces >= coupon.threshold.min_quantity
