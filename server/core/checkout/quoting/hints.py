"""Hints: what buying more would bring, "spend X more and save Y", for a coupon that is below its threshold.

Called by suggestions. The purchase is one more line in the coupon's scope, of as many pieces and at such a
price as the hint says. It is not known which course that will be, and so not which of the selected coupons
come off it too. Each possibility is computed, and the hint promises the least that any of them saves.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final, NamedTuple

from server.core.checkout.orders import OrderLine
from server.core.checkout.quoting.discounts import Saving, Shortfall
from server.core.checkout.quoting.stacking import Candidate, apply_all, stacking_conflict, terms_of
from server.core.checkout.quoting.work_budget import APPLYING, WorkBudget
from server.core.checkout.scopes import EVERYTHING
from server.core.checkout.terms import PricingContext, Terms, with_line
from server.core.promotions.templates import ItemsFree, Scope

_LINE: Final = "more"  # not shown to anybody, so it may equal the id of a real line


@dataclass(frozen=True, slots=True)
class Hint:
    """Spending `spend_more`, on `pieces_more` pieces of equal price if pieces are missing, takes `code`
    over its threshold. `save_more` is then saved on top of what is selected, or instead of it if they
    cannot be combined. `worth`: of a gift or rebate, which take nothing off."""

    code: str
    spend_more: int
    save_more: int
    pieces_more: int = 0
    worth: int = 0


class _Purchase(NamedTuple):
    """The line that the student would buy."""

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
    """Return a hint for one coupon; None if reaching its threshold saves no more than the selected coupons
    do."""
    bought = _purchase(pricing, below.terms, short)
    larger = _with_line(pricing, bought)
    # A coupon that cannot be combined is compared with the selected ones instead of added to them.
    kept = [] if stacking_conflict(below.terms, terms_of(selected)) else selected
    least_now, least_later = [], []
    for candidates in _ways(larger, below, kept):
        work.charge(APPLYING * len(candidates) * len(larger.amounts))
        found = apply_all(larger, candidates)
        more = Saving(found.saving.now - saved.now, found.saving.later - saved.later)
        is_applied = any(each.coupon == below.coupon for each in found.applied)
        # One way without a saving is enough: the student may buy just that course.
        if not is_applied or more <= (0, 0):
            return None
        least_now.append(more.now)
        least_later.append(more.later)
        yield from work.yield_if_full()
    spend = bought.pieces * bought.price
    worth = max(0, min(least_later))
    return Hint(below.coupon.code, spend, min(least_now), short.pieces, worth)


def _purchase(pricing: PricingContext, terms: Terms, short: Shortfall) -> _Purchase:
    """Return what is missing, in pieces of one price. If the cheapest pieces are free, the pieces to buy
    are not cheaper than those that would be free among the ones already ordered."""
    pieces = max(1, short.pieces)
    price = -(-short.amount // pieces)  # rounded up
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
    """Yield the coupons on the larger order: each kept one with the new line in its scope, and outside it."""
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
    """Return whether a line in one scope may lie in the other (True), outside it (False), or both."""
    if other == EVERYTHING:
        return (True,)
    # Packages of an unknown course are unknown, so only two lists of courses can exclude each other.
    is_by_course = not scope.packages and not other.packages
    if is_by_course and scope.courses and other.courses and scope.courses.isdisjoint(other.courses):
        return (False,)
    return (False, True)


def _about_line(larger: PricingContext, candidate: Candidate) -> Candidate:
    """Return the candidate with the last line of the order in its scope."""
    return replace(candidate, terms=with_line(larger, candidate.terms))
