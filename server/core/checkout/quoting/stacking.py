"""Stacking: which coupons may be on one order together, in what order they are applied, and what each takes
off.

Called by quotes, suggestions, hints and best_choice. APPLICATION_ORDER is the one table of the order of
application; REFERENCE.md shows it (tests/support/rendered.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from server.core.checkout.quoting.discounts import (
    NO_SHORTFALL,
    Saving,
    Shortfall,
    apply,
    has_effect,
    saving_on,
    shortfall,
)
from server.core.checkout.quoting.reasons import Reason
from server.core.checkout.terms import PricingContext, Terms, Totals
from server.core.coupons.coupons import Coupon
from server.core.promotions.discount_kinds import DISCOUNT_KINDS, DiscountKind
from server.core.promotions.templates import Counted, Discount, StackingClass, Template

MAX_APPLIED: Final = 5  # coupons on one order; also bounds the depth of best_choice


@dataclass(frozen=True, slots=True)
class ApplicationStep:
    """One step of the order of application. `in_class` None: coupons of any class."""

    kind: DiscountKind
    in_class: StackingClass | None


# The order of application, first to last: class by class, in each class kind by kind; then the kinds that
# lower no price. Within a step: thresholds counted before discounts, then those counted after them; then by
# template, and of one template the coupon that ends first.
APPLICATION_ORDER: Final = (
    *(
        ApplicationStep(kind, in_class)
        for in_class in (StackingClass.PRODUCT, StackingClass.ORDER, StackingClass.SHIPPING)
        for kind in DISCOUNT_KINDS
        if kind.is_reduction
    ),
    *(ApplicationStep(kind, None) for kind in DISCOUNT_KINDS if not kind.is_reduction),
)
_STEP_NUMBERS: Final[Mapping[tuple[type[Discount], StackingClass], int]] = {
    (step.kind.shape, in_class): number
    for number, step in enumerate(APPLICATION_ORDER)
    for in_class in ([step.in_class] if step.in_class else StackingClass)
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A coupon with its template read for this order."""

    coupon: Coupon
    terms: Terms


@dataclass(frozen=True, slots=True)
class Applied:
    """A coupon on the order. `line_shares` has what each line gets off, in the order of the lines, and adds
    up to `discount`; `base` is what it was computed on. A gift or rebate takes nothing off: `later` is its
    worth, and `credits` is what a rebate gives back, line by line."""

    coupon: Coupon
    discount: int
    line_shares: tuple[int, ...]
    base: int = 0
    later: int = 0
    credits: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A coupon that could not be applied when its turn came."""

    coupon: Coupon
    reason: Reason
    shortfall: Shortfall = NO_SHORTFALL


@dataclass(frozen=True, slots=True)
class Stack:
    """The coupons of an order. `applied` in the order of application; `totals` after the last of them."""

    applied: tuple[Applied, ...]
    rejected: tuple[Rejected, ...]
    totals: Totals

    @property
    def saving(self) -> Saving:
        return Saving(
            sum([each.discount for each in self.applied]),
            sum([each.later for each in self.applied]),
        )


def application_step_of(template: Template) -> tuple[int, bool, str, int]:
    """Return the key that sorts templates into their order of application."""
    step = _STEP_NUMBERS[type(template.discount), template.stacking.in_class]
    counts_after = template.threshold.counted is Counted.AFTER
    return step, counts_after, template.id, template.version


def in_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates in their order of application."""
    return sorted(
        candidates,
        key=lambda each: (
            application_step_of(each.terms.template),
            each.coupon.use_by,
            each.coupon.code,
        ),
    )


def terms_of(candidates: Iterable[Candidate]) -> list[Terms]:
    return [each.terms for each in candidates]


def stacking_conflict(terms: Terms, others: Sequence[Terms]) -> Reason | None:
    """Return why a coupon of these terms may not be on an order with the others; None if it may."""
    stacking = terms.template.stacking
    if not all(stacking.allows(other.template.stacking) for other in others):
        return Reason.NOT_COMBINABLE
    if len(others) >= MAX_APPLIED:
        return Reason.TOO_MANY
    return Reason.LIMIT_REACHED if _is_one_too_many(terms, others) else None


def _is_one_too_many(terms: Terms, others: Sequence[Terms]) -> bool:
    """Return whether the student may not use so many coupons of one template.

    Its versions that have a limit count together, and the lowest of their limits decides. The lock of an
    order counts one coupon after the other; only so does it find room for each of them in any order.
    """
    if terms.uses_left is None:
        return False
    template_id = terms.template.id
    left = [each.uses_left for each in others if each.template.id == template_id]
    # One entry for each coupon of the template that has a limit, this one among them.
    limits = [terms.uses_left, *(each for each in left if each is not None)]
    return len(limits) > min(limits)


def apply_all(pricing: PricingContext, candidates: Iterable[Candidate]) -> Stack:
    """Apply the coupons one after the other, in their order. A coupon that is below its threshold when its
    turn comes, or that would take nothing off, is rejected and skipped."""
    totals = pricing.undiscounted()
    applied: list[Applied] = []
    rejected: list[Rejected] = []
    for candidate in in_order(candidates):
        found = _rejection(pricing, candidate, totals)
        if found is not None:
            rejected.append(found)
            continue
        step = apply(pricing, candidate.terms, totals)
        applied.append(_applied(candidate.coupon, step.saving, step.base, step.line_shares))
        totals = step.totals
    return Stack(tuple(applied), tuple(rejected), totals)


def _rejection(pricing: PricingContext, candidate: Candidate, totals: Totals) -> Rejected | None:
    """Return why the coupon cannot be applied to these totals; None if it can."""
    # Checked again although each coupon passed alone: coupons before it may have changed the totals.
    short = shortfall(pricing, candidate.terms, totals)
    if any(short):
        return Rejected(candidate.coupon, Reason.BELOW_THRESHOLD, short)
    if not has_effect(candidate.terms, saving_on(pricing, candidate.terms, totals)):
        return Rejected(candidate.coupon, Reason.SAVES_NOTHING)
    return None


def _applied(coupon: Coupon, saving: Saving, base: int, line_shares: tuple[int, ...]) -> Applied:
    nothing = (0,) * len(line_shares)
    if saving.now:
        return Applied(coupon, saving.now, line_shares, base)
    return Applied(coupon, 0, nothing, base, saving.later, line_shares)
