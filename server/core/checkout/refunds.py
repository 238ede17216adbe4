"""Refunds: what is paid back of an order, and what becomes of its coupons.

Called by the refund flow, which keeps the account in the ledger. A refund follows from the line shares that
were frozen at the lock. The order is not quoted again: prices, coupons and rules may have changed by now.

A line pays back its own part of what was paid. The order keeps what a coupon took off that was not earned
in the end (`charged_back`). So at any time, and in whatever order things come back,

    paid back so far = sum of the lines' refunds - charged back,    0 <= charged back

and when all is returned, nothing is charged back any more: exactly what was paid has been paid back.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from server.core.checkout.orders import MAX_ID, MAX_LINES, MAX_QUANTITY
from server.core.checkout.paid_orders import OrderAccount, PaidCoupon, PaidLine
from server.core.money import half_up
from server.core.promotions.template_rules import (
    amount_violations,
    metadata_violations,
    text_violations,
)
from server.core.promotions.templates import Returned
from server.core.refusals import Code, Refused
from server.core.violations import Violation


@dataclass(frozen=True, slots=True)
class RequestedLine:
    """A line that is to be refunded: so many pieces, or so much money; neither: all that is left."""

    id: str
    quantity: int | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class RefundForm:
    """A request for a refund. `refund_id` is the school's own; sent again, it changes nothing. `lines`
    None: all that is left."""

    refund_id: str
    lines: tuple[RequestedLine, ...] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class RefundedLine:
    """A line of a refund. `refunded`: by this refund, before anything is charged back; `refundable`: what
    is left after it."""

    id: str
    refunded: int
    quantity: int
    refundable: int


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund as it was made, with its coupons (code, state) as they were after it.

    `refunded` is what is paid back: what the lines have, less `charged_back`, which is negative if an
    earlier charge is undone. `total` is the sum of this refund and all before it. `requested` is empty if
    everything left was requested. `balance` is what went back to the student's account besides, of the part
    of it that the order had taken. `no_room` has the codes of coupons that would have been given back if
    their campaign's budget had had room.
    """

    refund_id: str
    refunded: int
    charged_back: int
    total: int
    lines: tuple[RefundedLine, ...]
    coupons: tuple[tuple[str, str], ...]
    requested: tuple[RequestedLine, ...]
    created_at: int
    balance: int = 0
    no_room: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class RefundPlan:
    """The result of planning: the refund's lines, and the account after it."""

    refunded: int
    charged_back: int
    lines: tuple[RefundedLine, ...]
    after: OrderAccount

    def goes_back(self, coupon: PaidCoupon) -> bool:
        """Return whether the coupon may be used again."""
        returns = coupon.returns
        rule = returns.after_refund if self.after.is_whole else returns.after_partial_refund
        return rule is Returned.BACK


def form_violations(form: RefundForm) -> Iterator[Violation]:
    """Yield everything that is wrong with the form, whatever the order is."""
    yield from text_violations("refund_id", form.refund_id, MAX_ID)
    if form.lines is not None:
        yield from _lines_violations(form.lines)
    yield from metadata_violations("metadata", form.metadata)


def _lines_violations(lines: Sequence[RequestedLine]) -> Iterator[Violation]:
    if not lines:
        yield Violation("lines", "empty")
    if len(lines) > MAX_LINES:
        yield Violation("lines", "too_many")
    if len({line.id for line in lines}) < len(lines):
        yield Violation("lines", "same_id_twice")
    for index, line in enumerate(lines):
        yield from _line_violations(f"lines.{index}", line)


def _line_violations(at: str, line: RequestedLine) -> Iterator[Violation]:
    yield from text_violations(f"{at}.id", line.id, MAX_ID)
    if line.quantity is not None:
        yield from amount_violations(f"{at}.quantity", line.quantity, 1, MAX_QUANTITY)
    if line.amount is not None:
        yield from amount_violations(f"{at}.amount", line.amount, 1)
        if line.quantity is not None:
            yield Violation(f"{at}.amount", "one_of_two")


def unknown_lines(account: OrderAccount, form: RefundForm) -> list[Violation]:
    """Return a violation for each line that the order does not have."""
    known = {line.id for line in account.lines}
    return [
        Violation(f"lines.{index}.id", "unknown")
        for index, line in enumerate(form.lines or ())
        if line.id not in known
    ]


def plan(account: OrderAccount, form: RefundForm) -> RefundPlan | Refused:
    """Return the refund's plan, or `refund_too_large` with the facts `lines: [{id, refundable, quantity}]`.

    It is too large if less is left of a line than is requested, or if nothing at all is left. The order
    must have the lines that the form names.
    """
    lines = {line.id: line for line in account.lines}
    requested = form.lines
    if requested is None:
        requested = tuple(
            RequestedLine(line.id) for line in account.lines if not line.is_fully_returned
        )
    short = [lines[each.id] for each in requested if not _has(lines[each.id], each)]
    if short or not requested:
        return _too_large(short)
    parts = [_part(lines[each.id], each) for each in requested]
    moved = {part.id: _after(lines[part.id], part) for part in parts}
    after = replace(account, lines=tuple(moved.get(line.id, line) for line in account.lines))
    # A refund is never negative: money already paid back is not asked back, even if the kept lines have lost
    # more of their discount.
    total = max(account.refunded, after.paid_back_for_lines - after.unearned())
    after = replace(after, refunded=total)
    charged = after.charged_back - account.charged_back
    return RefundPlan(total - account.refunded, charged, tuple(parts), after)


def _has(line: PaidLine, requested: RequestedLine) -> bool:
    if requested.amount is not None:
        return requested.amount <= line.refundable
    if requested.quantity is not None:
        return requested.quantity <= line.quantity - line.returned
    return not line.is_fully_returned


def _too_large(short: Sequence[PaidLine]) -> Refused:
    told = [
        {"id": line.id, "refundable": line.refundable, "quantity": line.quantity - line.returned}
        for line in short
    ]
    return Refused(Code.REFUND_TOO_LARGE, "less than that is left to be paid back", {"lines": told})


def _part(line: PaidLine, requested: RequestedLine) -> RefundedLine:
    """Return the part of a line. The part of a piece is rounded on the running sum, so that all pieces
    together have exactly what was paid."""
    if requested.amount is not None:
        return RefundedLine(line.id, requested.amount, 0, line.refundable - requested.amount)
    pieces = line.quantity - line.returned if requested.quantity is None else requested.quantity
    before = half_up(line.payable * line.returned, line.quantity)
    after = half_up(line.payable * (line.returned + pieces), line.quantity)
    refunded = min(after - before, line.refundable)
    return RefundedLine(line.id, refunded, pieces, line.refundable - refunded)


def _after(line: PaidLine, part: RefundedLine) -> PaidLine:
    refunded, returned = line.refunded + part.refunded, line.returned + part.quantity
    return replace(line, refunded=refunded, returned=returned)
