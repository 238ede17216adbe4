"""A student's wallet: the coupons that are safe in the ledger, page by page.

Called by the API for the student (`GET /v1/me/coupons`). Changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from server.core.coupons.coupons import Coupon, CouponState, Standing
from server.ledger.coupons import coupon_changes, coupons
from server.ledger.engine import Ledger

MAX_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class WalletQuery:
    """`seen`: the state as the student is told it, None = all. `after`: the `next` of the page
    before. `limit` beyond 200 is 200.
    """

    student: str
    seen: CouponState | None = None
    after: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class WalletPage:
    """Newest first; `next` is None on the last page. `standings`: by coupon id."""

    coupons: tuple[Coupon, ...]
    standings: Mapping[str, Standing]
    next: str | None


async def show_wallet(ledger: Ledger, query: WalletQuery, now: int) -> WalletPage:
    limit = max(1, min(query.limit, MAX_PAGE))
    async with ledger.read() as conn:
        found = await coupons.page_of_student(
            conn, query.student, query.seen, now, query.after, limit + 1
        )
        shown = tuple(found[:limit])
        stand = await coupon_changes.standings(conn, [one.id for one in shown])
    return WalletPage(shown, stand, shown[-1].id if len(found) > limit else None)
