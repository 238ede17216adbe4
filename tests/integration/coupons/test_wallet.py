"""The wallet and the quote of a student, read from both databases."""

import pytest

from server.core.checkout.quoting.quote_request import BestSelection
from server.core.checkout.quoting.quotes import Quote
from server.core.checkout.quoting.reasons import Reason
from server.core.checkout.redemptions import LockForm
from server.core.coupons.coupons import CouponState
from server.core.promotions.templates import AmountOff
from server.core.refusals import Code, Refused
from server.flows.checkout import quotes
from server.flows.checkout.quotes import Quoted, QuoteForm, quote_order
from server.flows.checkout.redemptions import lock
from server.flows.coupons.wallet import WalletQuery, show_wallet
from server.ledger.engine import Ledger
from tests.support.builders.coupon_rows import give_coupon
from tests.support.builders.money import NOW, a_form, an_order

pytestmark = pytest.mark.asyncio

# One coupon in each state that a row can have, and the state that the student sees.
ROWS: tuple[tuple[dict[str, object], CouponState], ...] = (
    ({}, CouponState.USABLE),
    ({"valid_from": NOW + 1}, CouponState.USABLE),
    ({"hold_until": NOW + 1}, CouponState.USABLE),
    ({"valid_until": NOW}, CouponState.EXPIRED),
    ({"hold_until": NOW}, CouponState.EXPIRED),
    ({"state": "released"}, CouponState.RELEASED),
    ({"state": "revoked"}, CouponState.REVOKED),
    ({"state": "voided"}, CouponState.REVOKED),
)


async def fill(ledger: Ledger) -> list[str]:
    given = [
        await give_coupon(ledger, number, **columns)  # type: ignore[arg-type]
        for number, (columns, _) in enumerate(ROWS)
    ]
    await give_coupon(ledger, 99, "bob")
    return given


async def quoted(ledger: Ledger, form: QuoteForm) -> Quote:
    found = await quote_order(ledger, form, NOW)
    assert isinstance(found, Quoted), found
    return found.quote


# --- The wallet ---------------------------------------------------------------------------------


async def test_a_wallet_shows_all_of_one_student_newest_first(ledger: Ledger) -> None:
    given = await fill(ledger)
    page = await show_wallet(ledger, WalletQuery("ada"), NOW)
    assert [coupon.code for coupon in page.coupons] == given[::-1]
    assert page.next is None


@pytest.mark.parametrize(
    "seen",
    [CouponState.USABLE, CouponState.EXPIRED, CouponState.RELEASED, CouponState.REVOKED],
)
async def test_the_state_asked_for_is_the_state_shown(ledger: Ledger, seen: CouponState) -> None:
    given = await fill(ledger)
    page = await show_wallet(ledger, WalletQuery("ada", seen), NOW)
    expected = [code for code, (_, told) in zip(given, ROWS, strict=True) if told is seen]
    assert [coupon.code for coupon in page.coupons] == expected[::-1]
    assert {coupon.seen_at(NOW) for coupon in page.coupons} == {seen}


async def test_a_locked_coupon_is_shown_as_locked(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    await lock(ledger, LockForm("order-1", "ada", an_order(5000), (code,)), NOW)
    page = await show_wallet(ledger, WalletQuery("ada", CouponState.LOCKED), NOW)
    assert [coupon.code for coupon in page.coupons] == [code]


async def test_pages_follow_each_other_without_gap_or_repeat(ledger: Ledger) -> None:
    given = await fill(ledger)
    seen: list[str] = []
    after: str | None = None
    for _ in range(4):
        page = await show_wallet(ledger, WalletQuery("ada", after=after, limit=3), NOW)
        seen += [coupon.code for coupon in page.coupons]
        after = page.next
        if after is None:
            break
    assert seen == given[::-1]


async def test_a_page_that_ends_with_the_wallet_has_no_next(ledger: Ledger) -> None:
    await fill(ledger)
    page = await show_wallet(ledger, WalletQuery("ada", limit=len(ROWS)), NOW)
    assert page.next is None


async def test_a_page_holds_one_at_least(ledger: Ledger) -> None:
    await fill(ledger)
    assert len((await show_wallet(ledger, WalletQuery("ada", limit=0), NOW)).coupons) == 1


# --- The quote ----------------------------------------------------------------------------------


async def test_a_quote_offers_what_the_student_can_use(ledger: Ledger) -> None:
    good = await give_coupon(ledger, 1)
    short = await give_coupon(ledger, 2, form=a_form(min_amount=9000))
    await give_coupon(ledger, 3, state="released")
    found = await quoted(ledger, QuoteForm(an_order(5000), "ada"))
    assert [each.code for each in found.usable] == [good]
    assert [(each.code, each.short_by) for each in found.unusable] == [(short, 4000)]


async def test_a_ticked_coupon_says_what_became_of_it(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1, state="released")
    found = await quoted(ledger, QuoteForm(an_order(5000), "ada", (code.lower(),)))
    assert [(each.code, each.reason) for each in found.unusable] == [(code, Reason.RELEASED)]


async def test_a_foreign_coupon_is_unknown(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1, "bob")
    found = await quoted(ledger, QuoteForm(an_order(5000), "ada", (code,)))
    assert [(each.code, each.reason) for each in found.unusable] == [(code, Reason.UNKNOWN)]


async def test_the_best_is_ticked_when_asked_for(ledger: Ledger) -> None:
    await give_coupon(ledger, 1, form=a_form(AmountOff(5)))
    best = await give_coupon(ledger, 2, form=a_form(AmountOff(50)))
    found = await quoted(ledger, QuoteForm(an_order(5000), "ada", BestSelection.BEST))
    assert [each.coupon.code for each in found.applied] == [best]
    assert found.best.exact


async def test_nobodys_quote_knows_no_coupon(ledger: Ledger) -> None:
    code = await give_coupon(ledger, 1)
    found = await quoted(ledger, QuoteForm(an_order(5000), None, (code,)))
    assert found.payable == 5000
    assert [each.reason for each in found.unusable] == [Reason.UNKNOWN]


async def test_a_quote_of_a_part_of_the_wallet_says_so(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotes, "WALLET_LIMIT", 1)
    await give_coupon(ledger, 1)
    await give_coupon(ledger, 2)
    found = await quoted(ledger, QuoteForm(an_order(5000), "ada", BestSelection.BEST))
    assert not found.best.exact
    assert found.discount == 1000


async def test_a_bad_order_is_not_quoted(ledger: Ledger) -> None:
    answer = await quote_order(ledger, QuoteForm(an_order(), "ada", ("",)), NOW)
    assert isinstance(answer, Refused)
    assert answer.code is Code.INVALID_FIELD
    assert answer.facts["errors"] == [
        {"field": "order.lines", "code": "too_few"},
        {"field": "coupons.0", "code": "too_short"},
    ]
