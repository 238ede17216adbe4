"""Show spins: what one has won, and lists with the seeds of their days. Called by the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from server.core.coupons.coupons import Coupon
from server.core.lotteries.lotteries import Lottery
from server.core.lotteries.spins import Spin
from server.core.refusals import Code, Refused
from server.ledger.coupons import coupons
from server.ledger.engine import Ledger
from server.ledger.lotteries import days, lotteries, spins
from server.ledger.lotteries.days import SeedOfDay
from server.ledger.lotteries.spins import SpinFilter


@dataclass(frozen=True, slots=True)
class WonPrize:
    """The coupon that a spin has won, with the lottery that names its prize."""

    lottery: Lottery
    coupon: Coupon


async def what_it_won(ledger: Ledger, spin: Spin) -> WonPrize | None:
    """Return what the spin has won; None: nothing."""
    if spin.coupon_id is None:
        return None
    async with ledger.read() as conn:
        lottery = await lotteries.find(conn, spin.lottery_id)
        (coupon,) = await coupons.by_ids(conn, [spin.coupon_id])
    assert lottery is not None  # lotteries are never deleted
    return WonPrize(lottery, coupon)


@dataclass(frozen=True, slots=True)
class ShownSpins:
    """A page of spins, with the seeds of their days."""

    spins: Sequence[Spin]
    seeds: Mapping[int, SeedOfDay]


async def list_spins(
    ledger: Ledger, wanted: SpinFilter, after: str | None, limit: int
) -> ShownSpins | Refused:
    """Return a page of spins, newest first, from behind the spin `after`; not_found."""
    async with ledger.read() as conn:
        if await lotteries.find(conn, wanted.lottery_id) is None:
            return Refused(Code.NOT_FOUND)
        found = await spins.page(conn, wanted, limit, after)
        return ShownSpins(found, await days.of_days(conn, {one.day for one in found}))
