"""Quotes: what an order costs with given coupons, what each saves, and why the others cannot be used.

Called by the quote flow, and by the redemption flow inside its transaction, so that a total that is shown
and a total that is locked follow one rule. What one coupon takes off is computed in `discounts`, several
together in `stacking`; this module puts the result together.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from server.core.checkout.orders import Order
from server.core.checkout.quoting.best_choice import NO_CHOICE, Choice, best_choice
from server.core.checkout.quoting.eligibility import (
    Unusable,
    WalletEligibility,
    evaluate_wallet,
    unusable,
)
from server.core.checkout.quoting.hints import Hint
from server.core.checkout.quoting.quote_request import (
    USUAL_CONTEXT,
    BestSelection,
    QuoteContext,
    QuoteRequest,
)
from server.core.checkout.quoting.reasons import Reason
from server.core.checkout.quoting.stacking import (
    Applied,
    Candidate,
    Rejected,
    Stack,
    apply_all,
    stacking_conflict,
    terms_of,
)
from server.core.checkout.quoting.suggestions import Usable, hints_of, usable_coupons
from server.core.checkout.quoting.work_budget import WorkBudget, run_to_completion
from server.core.checkout.terms import PricingContext
from server.core.coupons import codes
from server.core.coupons.coupons import Coupon
from server.core.promotions.template_rules import text_violations
from server.core.promotions.templates import Gift, Rebate, RebateAfter
from server.core.violations import Violation

MAX_SELECTED: Final = 20  # codes in one request; more than may apply, so that each gets its reason
MAX_TYPED: Final = 64  # a code is at most 30 characters; people add spaces


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """A line of the order with what comes off it and what is left to pay."""

    id: str
    discount: int
    payable: int


@dataclass(frozen=True, slots=True)
class QuotedGift:
    """A line at 0 that a coupon adds. `coupon` is its code. `list_price` of one piece is kept for the
    record."""

    course: str
    name: str
    quantity: int
    list_price: int
    coupon: str


@dataclass(frozen=True, slots=True)
class QuotedRebate:
    """A rebate, credited after the payment, or `days` later. `line_shares` add up to `amount`."""

    code: str
    amount: int
    after: RebateAfter
    days: int | None
    line_shares: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Best:
    """The best choice. `exact`: no other choice from this wallet saves more; false if not all of the wallet
    was searched."""

    codes: tuple[str, ...]
    discount: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of an order. `applied` is in order of application. The line shares add up to `discount`
    (I7)."""

    subtotal: int
    discount: int
    payable: int
    lines: tuple[QuotedLine, ...]
    applied: tuple[Applied, ...]
    gifts: tuple[QuotedGift, ...]
    rebates: tuple[QuotedRebate, ...]
    best: Best
    usable: tuple[Usable, ...]
    unusable: tuple[Unusable, ...]
    hints: tuple[Hint, ...]


def quote(
    order: Order,
    wallet: Sequence[Coupon],
    selected: Sequence[str] | BestSelection,
    now: int,
    context: QuoteContext = USUAL_CONTEXT,
) -> Quote:
    """Quote without pauses: for a few coupons, or where nothing else waits. See QuoteRequest."""
    request = QuoteRequest(order, wallet, selected, now, context)
    return run_to_completion(quoting(request, WorkBudget()))


def quoting(request: QuoteRequest, work: WorkBudget) -> Generator[None, None, Quote]:
    """Quote in slices, and yield whenever a slice of `work` is full. The generator returns the quote."""
    context = request.context
    pricing = PricingContext.of(request.order, context.rules, context.uses)
    wallet = yield from evaluate_wallet(pricing, request, work)
    choice = NO_CHOICE
    if context.with_suggestions:
        choice = yield from best_choice(pricing, wallet.kinds(), work, context.search_budget)
    admitted, refused = _admitted(_selected_codes(request.selected, choice, wallet), wallet)
    stack = apply_all(pricing, admitted)
    rejected = [_unusable_of(each) for each in stack.rejected]
    # Selected coupons come first, and are listed once although the wallet has them too.
    not_usable = tuple(dict.fromkeys([*refused, *rejected, *wallet.unusable.values()]))
    on_order = _on_order(admitted, stack)
    usable: list[Usable] = []
    hints: list[Hint] = []
    if context.with_suggestions:
        usable = yield from usable_coupons(pricing, wallet, on_order, stack, work)
        hints = yield from hints_of(pricing, wallet, on_order, stack, work)
    told = {found.code for found in not_usable}
    return Quote(
        subtotal=request.order.subtotal,
        discount=stack.saving.now,
        payable=request.order.subtotal - stack.saving.now,
        lines=_lines(request.order, stack),
        applied=stack.applied,
        gifts=tuple(_gifts(stack)),
        rebates=tuple(_rebates(stack)),
        best=Best(
            _best_codes(choice), choice.saving.now, choice.is_exact and context.is_whole_wallet
        ),
        usable=tuple(each for each in usable if each.code not in told),
        unusable=not_usable,
        hints=tuple(hints),
    )


def selection_violations(selected: Sequence[str] | BestSelection) -> Iterator[Violation]:
    """Yield what is wrong with a request's `coupons`, whether they exist or not."""
    if isinstance(selected, BestSelection):
        return
    if len(selected) > MAX_SELECTED:
        yield Violation("coupons", "too_many")
    for index, code in enumerate(selected):
        yield from text_violations(f"coupons.{index}", code, MAX_TYPED)


def _best_codes(choice: Choice) -> tuple[str, ...]:
    return tuple(each.coupon.code for each in choice.chosen)


def _selected_codes(
    selected: Sequence[str] | BestSelection, choice: Choice, wallet: WalletEligibility
) -> dict[str, str]:
    """Return the codes as they are stored, each with how it was typed."""
    if isinstance(selected, BestSelection):
        return {code: code for code in _best_codes(choice)}
    return {_stored(each, wallet): each for each in selected}


def _stored(typed: str, wallet: WalletEligibility) -> str:
    """Return the spelling that the student has a coupon of; else the first."""
    spellings = codes.spellings(typed)
    own = (each for each in spellings if each in wallet.offers or each in wallet.unusable)
    return next(own, spellings[0])


def _admitted(
    wanted: Mapping[str, str], wallet: WalletEligibility
) -> tuple[list[Candidate], list[Unusable]]:
    """Select the coupons that may be on the order together; those that were selected first come first.

    An unknown code is reported as it was typed, a known one as it is stored.
    """
    admitted: list[Candidate] = []
    refused: list[Unusable] = []
    for code, as_typed in wanted.items():
        if code not in wallet.offers:
            refused.append(wallet.unusable.get(code, Unusable(as_typed, Reason.UNKNOWN)))
            continue
        candidate, _ = wallet.offers[code]
        reason = stacking_conflict(candidate.terms, terms_of(admitted))
        if reason is None:
            admitted.append(candidate)
        else:
            refused.append(Unusable(code, reason))
    return admitted, refused


def _on_order(admitted: Sequence[Candidate], stack: Stack) -> list[Candidate]:
    applied = {each.coupon.code for each in stack.applied}
    return [each for each in admitted if each.coupon.code in applied]


def _unusable_of(rejected: Rejected) -> Unusable:
    return unusable(rejected.coupon.code, rejected.reason, rejected.shortfall)


def _lines(order: Order, stack: Stack) -> tuple[QuotedLine, ...]:
    return tuple(
        QuotedLine(line.id, line.amount - net, net)
        for line, net in zip(order.lines, stack.totals.net, strict=True)
    )


def _gifts(stack: Stack) -> Iterator[QuotedGift]:
    for each in stack.applied:
        gift = each.coupon.template.discount
        if isinstance(gift, Gift):
            yield QuotedGift(
                gift.course, gift.name, gift.quantity, gift.list_price, each.coupon.code
            )


def _rebates(stack: Stack) -> Iterator[QuotedRebate]:
    for each in stack.applied:
        rebate = each.coupon.template.discount
        if isinstance(rebate, Rebate):
            yield QuotedRebate(
                each.coupon.code,
                each.later,
                rebate.after,
                rebate.return_window_days,
                each.credits,
            )
