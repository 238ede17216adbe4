"""What is paid back of an order, and what becomes of its coupons: from the shares frozen at the lock.

Called by the refund flow, which keeps the books below in the ledger; finance can read it alone. Nothing is
quoted again: prices, coupons and rules may be others by now.

A line pays back its own part of what was paid, and the order keeps what a coupon took off that was not
earned after all (`charged_back`). So at any time, and in whatever order things come back,

    paid back so far = sum of the lines' refunds - charged back,    0 <= charged back

and when all is returned, nothing is charged back any more: exactly what was paid has been paid back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from server.core.checkout.orders import MAX_ID, MAX_LINES, MAX_QUANTITY
from server.core.checkout.paid_orders import OrderAccount, PaidCoupon, PaidLine
from server.core.money import half_up
from server.core.promotions.template_rules import amount_violations, text_violations
from server.core.promotions.templates import Returned
from server.core.refusals import Code, Refused
from server.core.violations import Violation


@dataclass(frozen=True, slots=True)
class RequestedLine:
    """So many pieces, or so much money; neither: all that is left of the line."""

    id: str
    quantity: int | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class RefundForm:
    """`refund_id`: the school's own; sent again it does nothing again. `lines` None: all that is left."""

    refund_id: str
    lines: tuple[RequestedLine, ...] | None = None


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
    `total`: of this and all before it. `asked` is empty where all that was left was asked for. `balance`:
    what came back besides, to the student's account, of the part of it that the order had taken.
    `no_room`: codes of coupons that would have gone back, had their campaign's budget had room for them.
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


@dataclass(frozen=True, slots=True)
class RefundPlan:
    """What is to be written: the refund's lines, and the books after it."""

    refunded: int
    charged_back: int
    lines: tuple[RefundedLine, ...]
    after: OrderAccount

    def goes_back(self, coupon: PaidCoupon) -> bool:
        """Whether the coupon may be used again."""
        returns = coupon.returns
        rule = returns.after_refund if self.after.is_whole else returns.after_partial_refund
        return rule is Returned.BACK


def form_violations(form: RefundForm) -> Iterator[Violation]:
    """Everything that is wrong with the form, whatever the order is."""
    yield from text_violations("refund_id", form.refund_id, MAX_ID)
    if form.lines is not None:
        yield from _lines_violations(form.lines)


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
    """Lines that the order does not have."""
    known = {line.id for line in account.lines}
    return [
        Violation(f"lines.{index}.id", "unknown")
        for index, line in enumerate(form.lines or ())
        if line.id not in known
    ]


def plan(account: OrderAccount, form: RefundForm) -> RefundPlan | Refused:
    """`refund_too_large` (`lines: [{id, refundable, quantity}]`) where a line has not so much left, and
    where nothing at all is left. Needs lines that the order has.
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
    # Never below zero: what was paid back stays paid back, though more may be unearned by now.
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
    return Refused(Code.REFUND_TOO_LARGE, "not so much is left to be paid back", {"lines": told})


def _part(line: PaidLine, requested: RequestedLine) -> RefundedLine:
    """A piece's part of what was paid is rounded on the running sum: all pieces together have all."""
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
