"""Eligibility: for each coupon of a wallet, what it would save alone on the order, or the first reason why
not.

Called by quotes. What depends on the template alone is computed once for all its coupons.
"""

from collections import defaultdict
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field

from server.core.checkout.quoting.best_choice import Kind
from server.core.checkout.quoting.discounts import (
    NO_SAVING,
    NO_SHORTFALL,
    Saving,
    Shortfall,
    has_effect,
    saving_on,
    shortfall,
)
from server.core.checkout.quoting.quote_request import QuoteRequest
from server.core.checkout.quoting.reasons import Reason
from server.core.checkout.quoting.stacking import Candidate, in_order
from server.core.checkout.quoting.work_budget import READING, WorkBudget
from server.core.checkout.scopes import is_about
from server.core.checkout.terms import PricingContext, Terms, read_terms, uses_left
from server.core.coupons.coupons import Coupon, CouponState
from server.core.promotions.templates import Template


@dataclass(frozen=True, slots=True)
class Unusable:
    """A coupon that cannot be used. `short_by` (minor units) and `short_pieces` are what is missing to its
    threshold."""

    code: str
    reason: Reason
    short_by: int | None = None
    short_pieces: int | None = None


@dataclass(frozen=True, slots=True)
class WalletEligibility:
    """The coupons of a wallet, by code. `offers`: usable alone, with what they save. `unusable`: the
    others. `below`: those of the others that fail only by their threshold."""

    offers: dict[str, tuple[Candidate, Saving]] = field(default_factory=dict)
    unusable: dict[str, Unusable] = field(default_factory=dict)
    below: dict[str, tuple[Candidate, Shortfall]] = field(default_factory=dict)

    def kinds(self) -> list[Kind]:
        """Return the usable coupons grouped by template version, for best_choice."""
        alike: defaultdict[int, list[Candidate]] = defaultdict(list)
        for candidate, _ in self.offers.values():
            alike[id(candidate.terms)].append(candidate)
        return [
            Kind(each[0].terms, tuple(one.coupon for one in in_order(each)))
            for each in alike.values()
        ]


def evaluate_wallet(
    pricing: PricingContext, request: QuoteRequest, work: WorkBudget
) -> Generator[None, None, WalletEligibility]:
    """Evaluate each coupon alone, and yield whenever a slice of `work` is full."""
    wallet = WalletEligibility()
    outcomes: dict[tuple[str, int], _TemplateOutcome] = {}
    for coupon in request.wallet:
        reason = _reason_now(coupon, request)
        if reason is not None:
            wallet.unusable[coupon.code] = Unusable(coupon.code, reason)
            continue
        # Two coupons of one version share their terms, and best_choice takes them for one kind.
        version = (coupon.template.id, coupon.template.version)
        if version not in outcomes:
            outcomes[version] = _outcome_of(pricing, coupon.template)
            work.charge(READING * len(pricing.amounts))
        _sort_in(wallet, coupon, outcomes[version])
        yield from work.yield_if_full()
    return wallet


def unusable(code: str, reason: Reason, short: Shortfall) -> Unusable:
    return Unusable(code, reason, short.amount or None, short.pieces or None)


@dataclass(frozen=True, slots=True)
class _TemplateOutcome:
    """The result for a template alone on this order: why it cannot be used, or what it saves."""

    terms: Terms
    saving: Saving
    reason: Reason | None = None
    short: Shortfall = NO_SHORTFALL


def _sort_in(wallet: WalletEligibility, coupon: Coupon, outcome: _TemplateOutcome) -> None:
    candidate = Candidate(coupon, outcome.terms)
    if outcome.reason is None:
        wallet.offers[coupon.code] = (candidate, outcome.saving)
        return
    wallet.unusable[coupon.code] = unusable(coupon.code, outcome.reason, outcome.short)
    if outcome.reason is Reason.BELOW_THRESHOLD:
        wallet.below[coupon.code] = (candidate, outcome.short)


def _outcome_of(pricing: PricingContext, template: Template) -> _TemplateOutcome:
    terms, totals = read_terms(pricing, template), pricing.undiscounted()
    if not is_about(terms.goods, terms.lines, template.scope):
        return _TemplateOutcome(terms, NO_SAVING, Reason.OUT_OF_SCOPE)
    short = shortfall(pricing, terms, totals)
    if any(short):
        return _TemplateOutcome(terms, NO_SAVING, Reason.BELOW_THRESHOLD, short)
    saving = saving_on(pricing, terms, totals)
    reason = None if has_effect(terms, saving) else Reason.SAVES_NOTHING
    return _TemplateOutcome(terms, saving, reason)


_STATE_REASONS: Mapping[CouponState, Reason] = {
    CouponState.LOCKED: Reason.LOCKED,
    CouponState.REDEEMED: Reason.REDEEMED,
    CouponState.RELEASED: Reason.RELEASED,
    CouponState.REVOKED: Reason.REVOKED,
    CouponState.EXPIRED: Reason.EXPIRED,
}


def _reason_now(coupon: Coupon, request: QuoteRequest) -> Reason | None:
    """Return what is wrong with the coupon whatever is ordered, or with its currency; None if nothing is."""
    reason = _STATE_REASONS.get(coupon.seen_at(request.now))
    if reason is not None:
        return reason
    # Only one reason is reported, the first in this order.
    if coupon.batch_id in request.context.stopped:
        return Reason.STOPPED
    if request.now < coupon.valid_from:
        return Reason.NOT_YET_VALID
    left = uses_left(coupon.template, request.context.uses)
    if left is not None and left <= 0:
        return Reason.LIMIT_REACHED
    return None if coupon.template.currency == request.order.currency else Reason.WRONG_CURRENCY
