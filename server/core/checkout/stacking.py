"""Several coupons on one order: which may be together, in what order they are applied, and what each
then takes.

Called by quotes, suggestions, hints and best_choice. APPLICATION_ORDER is the one table of the order of
application; REFERENCE.md shows it (tests/support/rendered.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from server.core.checkout.discounts import (
    NO_SHORTFALL,
    PricingContext,
    Saving,
    Shortfall,
    Terms,
    Totals,
    apply,
    has_effect,
    saving_on,
    shortfall,
)
from server.core.checkout.reasons import Reason
from server.core.coupons.coupons import Coupon
from server.core.promotions.discount_kinds import DISCOUNT_KINDS, DiscountKind
from server.core.promotions.templates import Counted, Discount, StackingClass, Template

MAX_APPLIED: Final = 5  # coupons on one order


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
    """A coupon with its template as read for this order."""

    coupon: Coupon
    terms: Terms


@dataclass(frozen=True, slots=True)
class Applied:
    """A coupon on the order. `shares` has what each line of the order gets off, in its order, and adds
    up to `discount`; `base` is what it was computed on. A gift or rebate takes nothing off: `later` is
    its worth, `credits` by line what a rebate gives back.
    """

    coupon: Coupon
    discount: int
    line_shares: tuple[int, ...]
    base: int = 0
    later: int = 0
    credits: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A coupon that could not be applied where its turn came."""

    coupon: Coupon
    reason: Reason
    shortfall: Shortfall = NO_SHORTFALL


@dataclass(frozen=True, slots=True)
class Stack:
    """`applied` in order of application, the bill after it."""

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
    """Why a coupon of these terms may not go on an order with the others; None where it may."""
    stacking = terms.template.stacking
    if not all(stacking.allows(other.template.stacking) for other in others):
        return Reason.NOT_COMBINABLE
    if len(others) >= MAX_APPLIED:
        return Reason.TOO_MANY
    return Reason.LIMIT_REACHED if _is_one_too_many(terms, others) else None


def _is_one_too_many(terms: Terms, others: Sequence[Terms]) -> bool:
    """Whether the student may not use so many of one template. Its versions that have a limit count
    together, and the lowest of their limits holds: the lock counts one coupon after the other, and finds
    room for each in any order."""
    if terms.uses_left is None:
        return False
    template_id = terms.template.id
    left = [each.uses_left for each in others if each.template.id == template_id]
    limits = [terms.uses_left, *(each for each in left if each is not None)]
    return len(limits) > min(limits)


def apply_all(pricing: PricingContext, candidates: Iterable[Candidate]) -> Stack:
    """Applies them one after the other, in their order. Who does not reach its threshold at its turn, or
    finds nothing left to take, is passed over.
    """
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
