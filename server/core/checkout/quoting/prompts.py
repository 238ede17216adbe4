"""Prompts: "one more coupon saves X", for coupons that a student does not have yet and could get now.

Called by the quote flow. A coupon that could be had is quoted as if it lay in the wallet already; what it
would save is what the quote says of it. The selected coupons stay selected.
"""

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Final

from server.core.checkout.quoting.hints import Hint
from server.core.checkout.quoting.quote_request import BestSelection, QuoteRequest
from server.core.checkout.quoting.quotes import Quote, quoting
from server.core.checkout.quoting.suggestions import Usable
from server.core.checkout.quoting.work_budget import WorkBudget
from server.core.coupons.coupons import Coupon, CouponState

MAX_COULD_GET: Final = 20  # coupons that are looked at for one order


def prompting(
    request: QuoteRequest, could_get: Sequence[Coupon], work: WorkBudget
) -> Generator[None, None, list[Hint]]:
    """Return what each of these coupons would save beside the selected ones: the least to spend first, then
    the most to save. `spend_more` 0: it saves that on the order as it is.

    Their codes stand for where they can be got, and equal none in the wallet. One of a template that the
    student has a usable coupon of already is left out: that one saves as much. At most MAX_COULD_GET count.
    """
    selected = request.selected
    if isinstance(selected, BestSelection):
        selected = (yield from quoting(request, work)).best.codes
    owned = {
        _version(one) for one in request.wallet if one.seen_at(request.now) is CouponState.USABLE
    }
    new = {one.code: one for one in could_get if _version(one) not in owned}
    new = dict(list(new.items())[:MAX_COULD_GET])
    if not new:
        return []
    # The best choice is not asked for: it may not have what the student does not have.
    context = replace(request.context, search_budget=0)
    wallet = [*request.wallet, *new.values()]
    found = yield from quoting(
        replace(request, wallet=wallet, selected=selected, context=context), work
    )
    prompts = [_prompt(one, found) for one in found.usable if one.code in new]
    prompts += [hint for hint in found.hints if hint.code in new]
    worthwhile = [one for one in prompts if one.save_more > 0 or one.worth > 0]
    return sorted(worthwhile, key=lambda one: (one.spend_more, -one.save_more, one.code))


def _prompt(usable: Usable, found: Quote) -> Hint:
    """Return the prompt for a coupon that the order has reached. One that cannot be combined with the
    selected ones would be instead of all of them."""
    if usable.fits:
        return Hint(usable.code, 0, usable.adds, worth=usable.worth)
    return Hint(usable.code, 0, usable.discount - found.discount)


def _version(coupon: Coupon) -> tuple[str, int]:
    return coupon.template.id, coupon.template.version
