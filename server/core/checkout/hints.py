"""What buying more would bring: "spend X more and save Y" for a coupon that is below its threshold.

Called by quotes. What is bought more is one more line in the coupon's scope, of as many pieces and at such a
price as the hint says. Which course it is is not known, so which of the ticked coupons come off it too is not
known either: each way is computed, and the least that any of them brings is promised.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final, NamedTuple

from server.core.checkout.discounts import PricingContext, Saving, Shortfall, Terms, with_line
from server.core.checkout.orders import OrderLine
from server.core.checkout.scopes import EVERYTHING
from server.core.checkout.stacking import Candidate, apply_all, stacking_conflict, terms_of
from server.core.checkout.work_budget import APPLYING, WorkBudget
from server.core.promotions.templates import ItemsFree, Scope

_LINE: Final = "more"  # an id that no order is asked for


@dataclass(frozen=True, slots=True)
class Hint:
    """`spend_more`, in `pieces_more` pieces of equal price where pieces are missing, takes `code` over its
    threshold, and `save_more` comes off on top of what is ticked; or instead of it, where they cannot be
    combined. `worth`: what a gift or rebate is worth, which takes nothing off.
    """

    code: str
    spend_more: int
    save_more: int
    pieces_more: int = 0
    worth: int = 0


class _Purchase(NamedTuple):
    pieces: int
    price: int


def hint_of(
    pricing: PricingContext,
    below: Candidate,
    short: Shortfall,
    selected: Sequence[Candidate],
    saved: Saving,
    work: WorkBudget,
) -> Generator[None, None, Hint | None]:
    """None where reaching the threshold would save no more than what is ticked saves already."""
    bought = _purchase(pricing, below.terms, short)
    larger = _with_line(pricing, bought)
    kept = [] if stacking_conflict(below.terms, terms_of(selected)) else selected
    least_now, least_later = [], []
    for candidates in _ways(larger, below, kept):
        work.charge(APPLYING * len(candidates) * len(larger.amounts))
        found = apply_all(larger, candidates)
        more = Saving(found.saving.now - saved.now, found.saving.later - saved.later)
        is_applied = any(each.coupon == below.coupon for each in found.applied)
        if not is_applied or more <= (0, 0):
            return None
        least_now.append(more.now)
        least_later.append(more.later)
        yield from work.yield_if_full()
    spend = bought.pieces * bought.price
    worth = max(0, min(least_later))
    return Hint(below.coupon.code, spend, min(least_now), short.pieces, worth)


def _purchase(pricing: PricingContext, terms: Terms, short: Shortfall) -> _Purchase:
    """What is missing, in pieces of one price. Where the cheapest pieces are free, those that are bought
    are not cheaper than the ones that would be free among those already there."""
    pieces = max(1, short.pieces)
    price = -(-short.amount // pieces)
    if isinstance(terms.template.discount, ItemsFree) and short.pieces:
        lines = (pricing.order.lines[at] for at in terms.goods)
        prices = sorted(line.unit_price for line in lines for _ in range(line.quantity))
        price = max([price, *prices[: terms.template.discount.free_items][-1:]])
    return _Purchase(pieces, price)


def _with_line(pricing: PricingContext, bought: _Purchase) -> PricingContext:
    line = OrderLine(_LINE, None, bought.price, bought.pieces)
    larger = replace(pricing.order, lines=(*pricing.order.lines, line))
    return PricingContext.of(larger, pricing.rules, pricing.uses)


def _ways(
    larger: PricingContext, below: Candidate, kept: Sequence[Candidate]
) -> Iterator[tuple[Candidate, ...]]:
    """The coupons on the larger order: each of those kept with the new line in its scope or outside."""
    scope = below.terms.template.scope
    sides = [_sides(scope, each.terms.template.scope) for each in kept]
    reached = _about_line(larger, below)
    for inside in product(*sides):
        yield (
            reached,
            *(
                _about_line(larger, each) if is_in else each
                for each, is_in in zip(kept, inside, strict=True)
            ),
        )


def _sides(scope: Scope, other: Scope) -> tuple[bool, ...]:
    """Whether a line in one scope may lie in the other, and whether it may lie outside."""
    if other == EVERYTHING:
        return (True,)
    is_by_course = not scope.packages and not other.packages
    if is_by_course and scope.courses and other.courses and scope.courses.isdisjoint(other.courses):
        return (False,)
    return (False, True)


def _about_line(larger: PricingContext, candidate: Candidate) -> Candidate:
    return replace(candidate, terms=with_line(larger, candidate.terms))
