"""What an order costs with given coupons: which apply, what each saves, and why the others cannot.

Called by the quote flow, and by the redemption flow inside its transaction, so that a total shown
and a total locked come from one rule. Changes nothing; wallet and clock are arguments. What one coupon
takes off is computed in `discounts`, several together in `stacking`; here is the answer.
"""

from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypedDict, Unpack

from server.core import codes
from server.core.best_choice import NO_CHOICE, SEARCH_BUDGET, Choice, Kind, best_choice
from server.core.coupons import Coupon, CouponState
from server.core.discounts import (
    NO_SAVING,
    NO_SHORTFALL,
    Saving,
    Shortfall,
    Terms,
    Till,
    has_effect,
    read_terms,
    saving_on,
    shortfall,
)
from server.core.effort import Effort, in_one_go
from server.core.hints import Hint, hint_of
from server.core.money_rules import USUAL_RULES, MoneyRules
from server.core.orders import Order
from server.core.reasons import Reason
from server.core.scopes import is_about
from server.core.stacking import Applied, Candidate, Stack, Turned, in_order, objection, stacked
from server.core.template_rules import text_violations
from server.core.templates import Gift, Rebate, RebateAfter, Template
from server.core.violations import Violation

__all__ = ["Applied", "Hint", "Reason"]  # told in a quote, made elsewhere

MAX_TICKED: Final = 20
MAX_TYPED: Final = 64  # a code is at most 30 characters; people add spaces
# Line visits (see effort.py): reading a template for an order, applying a coupon.
_READING: Final = 4
_APPLYING: Final = 4


class Tick(StrEnum):
    """Said instead of a list of codes: whichever save most."""

    BEST = "best"


@dataclass(frozen=True, slots=True)
class Unusable:
    """What is missing to the threshold: `short_by` in minor units, `short_pieces`."""

    code: str
    reason: Reason
    short_by: int | None = None
    short_pieces: int | None = None


@dataclass(frozen=True, slots=True)
class Usable:
    """`discount`: what it saves alone. `adds`: what it saves on top of what is ticked. `worth`: of a gift
    or a rebate, which take nothing off. `fits`: may be ticked with what is ticked, or is.
    """

    code: str
    name: str
    discount: int
    adds: int
    use_by: int
    worth: int = 0
    fits: bool = True


@dataclass(frozen=True, slots=True)
class QuotedLine:
    id: str
    discount: int
    payable: int


@dataclass(frozen=True, slots=True)
class QuotedGift:
    """A line at 0 that `coupon` (a code) adds; `list_price` of one piece is kept for the record."""

    course: str
    name: str
    quantity: int
    list_price: int
    coupon: str


@dataclass(frozen=True, slots=True)
class QuotedRebate:
    """What is credited after the payment, or `days` later. `shares` by line add up to `amount`."""

    code: str
    amount: int
    after: RebateAfter
    days: int | None
    shares: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Best:
    """`exact`: no other choice from this wallet saves more; false where not all of it was seen."""

    codes: tuple[str, ...]
    discount: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Quote:
    """`applied` is in order of application. Shares, line by line, add up to `discount` (I7)."""

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


class Options(TypedDict, total=False):
    """`used_up`: templates by id of which the student may use no more; `stopped`: batches by id whose
    coupons may not be used for now. `whole_wallet` False: there are coupons that were not read.
    `is_advised` False leaves out best, hints and what could be added: a lock has no use for them.
    """

    used_up: frozenset[str]
    stopped: frozenset[str]
    whole_wallet: bool
    rules: MoneyRules
    is_advised: bool
    budget: int


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be quoted. `wallet` holds the student's own coupons, the ticked ones among them; `ticked`
    is read as it was typed. Needs an order that obeys its rules (orders.violations). Else see Options.
    """

    order: Order
    wallet: Sequence[Coupon]
    ticked: Sequence[str] | Tick
    now: int
    used_up: frozenset[str] = frozenset()
    stopped: frozenset[str] = frozenset()
    whole_wallet: bool = True
    rules: MoneyRules = USUAL_RULES
    is_advised: bool = True
    budget: int = SEARCH_BUDGET


def quote(
    order: Order,
    wallet: Sequence[Coupon],
    ticked: Sequence[str] | Tick,
    now: int,
    **options: Unpack[Options],
) -> Quote:
    """In one go: for few coupons, or where nothing waits. See Question."""
    return in_one_go(quoting(Question(order, wallet, ticked, now, **options), Effort()))


def quoting(asked: Question, effort: Effort) -> Generator[None, None, Quote]:
    """The same in slices: yields where `effort` says that others should have their turn."""
    till = Till.of(asked.order, asked.rules)
    wallet = yield from _judged(till, asked, effort)
    choice = NO_CHOICE
    if asked.is_advised:
        choice = yield from best_choice(till, wallet.kinds(), effort, asked.budget)
    typed = _best_codes(choice) if isinstance(asked.ticked, Tick) else asked.ticked
    admitted, refused = _admitted(typed, wallet)
    stack = stacked(till, admitted)
    turned = [_told(each) for each in stack.turned]
    unusable = tuple(dict.fromkeys([*refused, *turned, *wallet.unusable.values()]))
    on_order = _on_order(admitted, stack)
    usable: list[Usable] = []
    hints: list[Hint] = []
    if asked.is_advised:
        usable = yield from _usable(till, wallet, on_order, stack, effort)
        hints = yield from _hints(till, wallet, on_order, stack, effort)
    told = {found.code for found in unusable}
    return Quote(
        subtotal=asked.order.subtotal,
        discount=stack.saving.now,
        payable=asked.order.subtotal - stack.saving.now,
        lines=_lines(asked.order, stack),
        applied=stack.applied,
        gifts=tuple(_gifts(stack)),
        rebates=tuple(_rebates(stack)),
        best=Best(_best_codes(choice), choice.saving.now, choice.is_exact and asked.whole_wallet),
        usable=tuple(each for each in usable if each.code not in told),
        unusable=unusable,
        hints=tuple(hints),
    )


def ticked_violations(ticked: Sequence[str] | Tick) -> Iterator[Violation]:
    """What is wrong with a request's `coupons`, whether they exist aside."""
    if isinstance(ticked, Tick):
        return
    if len(ticked) > MAX_TICKED:
        yield Violation("coupons", "too_many")
    for index, code in enumerate(ticked):
        yield from text_violations(f"coupons.{index}", code, MAX_TYPED)


# --- Each coupon alone --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Standing:
    """A template on this order, alone: why it cannot be used, or what it saves."""

    terms: Terms
    saving: Saving
    reason: Reason | None = None
    short: Shortfall = NO_SHORTFALL


@dataclass(frozen=True, slots=True)
class _Wallet:
    """The coupons by code: those that can be used alone, those that cannot, and of the latter those
    whose only trouble is the threshold.
    """

    offers: dict[str, tuple[Candidate, Saving]] = field(default_factory=dict)
    unusable: dict[str, Unusable] = field(default_factory=dict)
    below: dict[str, tuple[Candidate, Shortfall]] = field(default_factory=dict)

    def kinds(self) -> list[Kind]:
        alike: defaultdict[int, list[Candidate]] = defaultdict(list)
        for candidate, _ in self.offers.values():
            alike[id(candidate.terms)].append(candidate)
        return [
            Kind(each[0].terms, tuple(one.coupon for one in in_order(each)))
            for each in alike.values()
        ]


def _judged(till: Till, asked: Question, effort: Effort) -> Generator[None, None, _Wallet]:
    wallet = _Wallet()
    standings: dict[tuple[str, int], _Standing] = {}
    for coupon in asked.wallet:
        reason = _reason_now(coupon, asked)
        if reason is not None:
            wallet.unusable[coupon.code] = Unusable(coupon.code, reason)
            continue
        version = (coupon.template.id, coupon.template.version)
        if version not in standings:
            standings[version] = _standing(till, coupon.template)
            effort.spend(_READING * len(till.amounts))
        _put(wallet, coupon, standings[version])
        if effort.is_due:
            yield
            effort.begin_slice()
    return wallet


def _put(wallet: _Wallet, coupon: Coupon, standing: _Standing) -> None:
    candidate = Candidate(coupon, standing.terms)
    if standing.reason is None:
        wallet.offers[coupon.code] = (candidate, standing.saving)
        return
    wallet.unusable[coupon.code] = _unusable(coupon.code, standing.reason, standing.short)
    if standing.reason is Reason.BELOW_THRESHOLD:
        wallet.below[coupon.code] = (candidate, standing.short)


def _standing(till: Till, template: Template) -> _Standing:
    terms, bill = read_terms(till, template), till.bill()
    if not is_about(terms.goods, terms.lines, template.scope):
        return _Standing(terms, NO_SAVING, Reason.OUT_OF_SCOPE)
    short = shortfall(till, terms, bill)
    if any(short):
        return _Standing(terms, NO_SAVING, Reason.BELOW_THRESHOLD, short)
    saving = saving_on(till, terms, bill)
    reason = None if has_effect(terms, saving) else Reason.SAVES_NOTHING
    return _Standing(terms, saving, reason)


_STATE_REASONS: Mapping[CouponState, Reason] = {
    CouponState.LOCKED: Reason.LOCKED,
    CouponState.REDEEMED: Reason.REDEEMED,
    CouponState.RELEASED: Reason.RELEASED,
    CouponState.REVOKED: Reason.REVOKED,
    CouponState.EXPIRED: Reason.EXPIRED,
}


def _reason_now(coupon: Coupon, asked: Question) -> Reason | None:
    """What is wrong with it whatever is ordered, and the currency."""
    reason = _STATE_REASONS.get(coupon.seen_at(asked.now))
    if reason is not None:
        return reason
    if coupon.batch_id in asked.stopped:
        return Reason.STOPPED
    if asked.now < coupon.valid_from:
        return Reason.NOT_YET_VALID
    if coupon.template.id in asked.used_up:
        return Reason.LIMIT_REACHED
    return None if coupon.template.currency == asked.order.currency else Reason.WRONG_CURRENCY


# --- What is ticked -----------------------------------------------------------------------------


def _best_codes(choice: Choice) -> tuple[str, ...]:
    return tuple(each.coupon.code for each in choice.chosen)


def _admitted(typed: Sequence[str], wallet: _Wallet) -> tuple[list[Candidate], list[Unusable]]:
    """Who may be on the order together; who was ticked first is in. An unknown code is told as it was
    typed, a known one as it is stored.
    """
    admitted: list[Candidate] = []
    refused: list[Unusable] = []
    for code, as_typed in {codes.normalise(each): each for each in typed}.items():
        if code not in wallet.offers:
            refused.append(wallet.unusable.get(code, Unusable(as_typed, Reason.UNKNOWN)))
            continue
        candidate, _ = wallet.offers[code]
        reason = objection(candidate.terms.template, _templates(admitted))
        if reason is None:
            admitted.append(candidate)
        else:
            refused.append(Unusable(code, reason))
    return admitted, refused


def _on_order(admitted: Sequence[Candidate], stack: Stack) -> list[Candidate]:
    applied = {each.coupon.code for each in stack.applied}
    return [each for each in admitted if each.coupon.code in applied]


def _templates(candidates: Sequence[Candidate]) -> list[Template]:
    return [each.terms.template for each in candidates]


def _told(turned: Turned) -> Unusable:
    return _unusable(turned.coupon.code, turned.reason, turned.shortfall)


def _unusable(code: str, reason: Reason, short: Shortfall) -> Unusable:
    return Unusable(code, reason, short.amount or None, short.pieces or None)


# --- What could be ticked -----------------------------------------------------------------------


def _usable(
    till: Till, wallet: _Wallet, on_order: list[Candidate], stack: Stack, effort: Effort
) -> Generator[None, None, list[Usable]]:
    """First the ones that save most; of equal ones those that are lost first, then by code."""
    ticked = {each.coupon.code for each in on_order}
    adds: dict[int, int | None] = {}
    usable = []
    for candidate, saving in sorted(wallet.offers.values(), key=_by_saving):
        kind = id(candidate.terms)
        if kind not in adds:
            adds[kind] = _adds(till, candidate, on_order, stack)
            effort.spend(_APPLYING * (len(on_order) + 1) * len(till.amounts))
        usable.append(_shown_usable(candidate, saving, adds[kind], ticked))
        if effort.is_due:
            yield
            effort.begin_slice()
    return usable


def _by_saving(offer: tuple[Candidate, Saving]) -> tuple[int, int, int, str]:
    (coupon, saving) = offer[0].coupon, offer[1]
    return -saving.now, -saving.later, coupon.use_by, coupon.code


def _adds(till: Till, candidate: Candidate, on_order: list[Candidate], stack: Stack) -> int | None:
    """None where it cannot be combined with what is on the order."""
    if objection(candidate.terms.template, _templates(on_order)):
        return None
    return max(0, stacked(till, [*on_order, candidate]).saving.now - stack.saving.now)


def _shown_usable(
    candidate: Candidate, saving: Saving, adds: int | None, ticked: set[str]
) -> Usable:
    coupon = candidate.coupon
    is_ticked = coupon.code in ticked
    return Usable(
        code=coupon.code,
        name=coupon.template.name,
        discount=saving.now,
        adds=0 if is_ticked or adds is None else adds,
        use_by=coupon.use_by,
        worth=saving.later,
        fits=is_ticked or adds is not None,
    )


def _hints(
    till: Till, wallet: _Wallet, on_order: list[Candidate], stack: Stack, effort: Effort
) -> Generator[None, None, list[Hint]]:
    """One for each template, of its coupon that ends first; the least to spend first."""
    below = sorted(wallet.below.values(), key=lambda each: _ends(each[0]))
    first = {id(candidate.terms): (candidate, short) for candidate, short in reversed(below)}
    found = []
    for candidate, short in first.values():
        hint = hint_of(till, candidate, short, on_order, stack.saving)
        found += [hint] if hint else []
        effort.spend(_APPLYING * (len(on_order) + 1) * len(till.amounts))
        if effort.is_due:
            yield
            effort.begin_slice()
    return sorted(found, key=lambda hint: (hint.spend_more, hint.pieces_more, hint.code))


def _ends(candidate: Candidate) -> tuple[int, str]:
    return candidate.coupon.use_by, candidate.coupon.code


# --- The answer ---------------------------------------------------------------------------------


def _lines(order: Order, stack: Stack) -> tuple[QuotedLine, ...]:
    return tuple(
        QuotedLine(line.id, line.amount - net, net)
        for line, net in zip(order.lines, stack.bill.net, strict=True)
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
