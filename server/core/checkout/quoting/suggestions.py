"""Suggestions: which coupons a student may add and what they would save, and what buying more would save.

Called by quotes, after the selected coupons are on the order.
"""

from collections.abc import Generator
from dataclasses import dataclass

from server.core.checkout.quoting.discounts import Saving
from server.core.checkout.quoting.eligibility import WalletEligibility
from server.core.checkout.quoting.hints import Hint, hint_of
from server.core.checkout.quoting.stacking import (
    Candidate,
    Stack,
    apply_all,
    stacking_conflict,
    terms_of,
)
from server.core.checkout.quoting.work_budget import APPLYING, WorkBudget
from server.core.checkout.terms import PricingContext


@dataclass(frozen=True, slots=True)
class Usable:
    """A coupon of the wallet. `discount`: what it saves alone. `adds`: what it saves on top of the selected
    ones. `worth`: of a gift or rebate, which take nothing off. `fits`: it is selected, or may be selected
    as well."""

    code: str
    name: str
    discount: int
    adds: int
    use_by: int
    worth: int = 0
    fits: bool = True


def usable_coupons(
    pricing: PricingContext,
    wallet: WalletEligibility,
    on_order: list[Candidate],
    stack: Stack,
    work: WorkBudget,
) -> Generator[None, None, list[Usable]]:
    """Return the usable coupons: those that save most first, of equal ones those that end first, then by
    code."""
    selected = {each.coupon.code for each in on_order}
    adds: dict[int, int | None] = {}
    usable = []
    for candidate, saving in sorted(wallet.offers.values(), key=_by_saving):
        # Coupons of one template version add the same, so it is computed once for all of them.
        kind = id(candidate.terms)
        if kind not in adds:
            adds[kind] = _adds(pricing, candidate, on_order, stack)
            work.charge(APPLYING * (len(on_order) + 1) * len(pricing.amounts))
        usable.append(_usable(candidate, saving, adds[kind], selected))
        yield from work.yield_if_full()
    return usable


def hints_of(
    pricing: PricingContext,
    wallet: WalletEligibility,
    on_order: list[Candidate],
    stack: Stack,
    work: WorkBudget,
) -> Generator[None, None, list[Hint]]:
    """Return one hint for each template, for its coupon that ends first; the least to spend first."""
    below = sorted(wallet.below.values(), key=lambda each: _ends(each[0]))
    # Reversed, so that the coupon that ends first is written last and stays.
    first = {id(candidate.terms): (candidate, short) for candidate, short in reversed(below)}
    found = []
    for candidate, short in first.values():
        hint = yield from hint_of(pricing, candidate, short, on_order, stack.saving, work)
        found += [hint] if hint else []
        yield from work.yield_if_full()
    return sorted(found, key=lambda hint: (hint.spend_more, hint.pieces_more, hint.code))


def _by_saving(offer: tuple[Candidate, Saving]) -> tuple[int, int, int, str]:
    (coupon, saving) = offer[0].coupon, offer[1]
    return -saving.now, -saving.later, coupon.use_by, coupon.code


def _adds(
    pricing: PricingContext, candidate: Candidate, on_order: list[Candidate], stack: Stack
) -> int | None:
    """Return what the coupon saves on top of the selected ones; None if it cannot be combined with them."""
    if stacking_conflict(candidate.terms, terms_of(on_order)):
        return None
    return max(0, apply_all(pricing, [*on_order, candidate]).saving.now - stack.saving.now)


def _usable(candidate: Candidate, saving: Saving, adds: int | None, selected: set[str]) -> Usable:
    coupon = candidate.coupon
    is_selected = coupon.code in selected
    return Usable(
        code=coupon.code,
        name=coupon.template.form.name,
        discount=saving.now,
        adds=0 if is_selected or adds is None else adds,
        use_by=coupon.use_by,
        worth=saving.later,
        fits=is_selected or adds is not None,
    )


def _ends(candidate: Candidate) -> tuple[int, str]:
    return candidate.coupon.use_by, candidate.coupon.code
