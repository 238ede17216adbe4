"""What buying more would bring: "spend X more and save Y" for a coupon that is below its threshold.

Called by quotes. What is bought more is taken to be one more line in the coupon's scope, which other
coupons do not come off; where pieces are missing, nothing is known of their price, so only what is
there already counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from server.core.discounts import Saving, Shortfall, Terms, Till
from server.core.stacking import Candidate, objection, stacked, terms_of
from server.core.templates import Deducts


@dataclass(frozen=True, slots=True)
class Hint:
    """`spend_more`, or `pieces_more` where pieces are missing, takes `code` over its threshold, and
    `save_more` comes off on top of what is ticked; or instead of it, where they cannot be combined.
    `worth`: what a gift or rebate is worth, which takes nothing off.
    """

    code: str
    spend_more: int
    save_more: int
    pieces_more: int = 0
    worth: int = 0


def hint_of(
    till: Till, below: Candidate, short: Shortfall, ticked: Sequence[Candidate], saved: Saving
) -> Hint | None:
    """None where reaching the threshold would save no more than what is ticked saves already."""
    larger, terms = _with_more(till, below.terms, short)
    reached = Candidate(below.coupon, terms)
    kept = [] if objection(below.terms, terms_of(ticked)) else ticked
    found = stacked(larger, (*kept, reached))
    if not any(each.coupon == below.coupon for each in found.applied):
        return None
    more = Saving(found.saving.now - saved.now, found.saving.later - saved.later)
    if more <= (0, 0):
        return None
    return Hint(below.coupon.code, short.amount, more.now, short.pieces, max(0, more.later))


def _with_more(till: Till, terms: Terms, short: Shortfall) -> tuple[Till, Terms]:
    """The order with one line more that costs what is missing, and the coupon's terms for it."""
    line = len(till.amounts)
    larger = replace(till, amounts=(*till.amounts, short.amount), floors=(*till.floors, 0))
    comes_off = Deducts.GOODS in terms.template.deducts
    return larger, replace(
        terms,
        goods=(*terms.goods, line),
        lines=(*terms.lines, line) if comes_off else terms.lines,
        pieces=terms.pieces + short.pieces,
        free=(*terms.free, (0, 1)) if terms.free and comes_off else terms.free,
    )
