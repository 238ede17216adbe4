"""Read a student's wallet from the ledger, page by page: the confirmed coupons.

Called by the API for the student (`GET /v1/me/coupons` and what is below it). Changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from server.core.coupons.coupons import Coupon, CouponState, Standing
from server.core.refusals import Code, Refused
from server.ledger.coupons import coupon_changes, coupons
from server.ledger.engine import Ledger

MAX_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class WalletQuery:
    """The page of a wallet to read.

    `seen` is the state that the student sees (a coupon past its window is `expired`); None means all.
    `after` is the `next` of the page before. A `limit` beyond MAX_PAGE counts as MAX_PAGE.
    """

    student: str
    seen: CouponState | None = None
    after: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class WalletPage:
    """A page of coupons, newest first, with their standings by coupon id. `next` is None on the last page."""

    coupons: tuple[Coupon, ...]
    standings: Mapping[str, Standing]
    next: str | None


async def show_wallet(ledger: Ledger, query: WalletQuery, now: int) -> WalletPage:
    """Return the page as of `now` (ms). LedgerUnavailableError is passed on."""
    limit = max(1, min(query.limit, MAX_PAGE))
    async with ledger.read() as conn:
        found = await coupons.page_of_student(
            conn, query.student, query.seen, now, query.after, limit + 1
        )
        page = tuple(found[:limit])
        standings = await coupon_changes.standings(conn, [one.id for one in page])
    return WalletPage(page, standings, page[-1].id if len(found) > limit else None)


async def find_own(ledger: Ledger, student: str, coupon_id: str) -> Coupon | Refused:
    """Return one coupon of the student; NOT_FOUND also for somebody else's, which is not told apart."""
    async with ledger.read() as conn:
        found = await coupons.by_ids(conn, [coupon_id])
    if not found or found[0].student != student:
        return Refused(Code.NOT_FOUND)
    return found[0]
