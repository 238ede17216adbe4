"""Make the issuances of what spins have won, and tell the school of a spin's outcome.

Called by draw_spins.py and settle_spins.py inside their transactions.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.issuances import IssuanceSource, NewIssuance
from server.core.event_types import Event, EventType
from server.core.ids import BatchId
from server.core.lotteries.lotteries import Lottery
from server.core.lotteries.spins import REFUSALS, Spin
from server.flows.coupons.issuing import issue
from server.ids import new_id
from server.ledger import event_log


@dataclass(frozen=True, slots=True)
class Winning:
    """An issuance with the coupons of spins, and who drives it: this process."""

    issuance_id: str
    driver: str


async def issue_prizes(
    conn: AsyncConnection, lottery: Lottery, winners: Sequence[Spin], now: int
) -> tuple[dict[str, Spin], list[Winning]]:
    """Make an issuance for the winners of each batch; a student's second win of a batch is in a second one,
    because an issuance has each student once. Return the spins by id, with their issuances.
    """
    turns = Counter[tuple[str, str]]()
    by_batch: defaultdict[tuple[BatchId, int], list[Spin]] = defaultdict(list)
    for one in winners:
        assert one.place is not None
        batch_id = lottery.form.prizes[one.place].batch_id
        assert batch_id is not None  # else nothing is won
        by_batch[batch_id, turns[batch_id, one.student]].append(one)
        turns[batch_id, one.student] += 1
    named: dict[str, Spin] = {}
    winnings: list[Winning] = []
    for (batch_id, _), each in by_batch.items():
        winning = Winning(new_id("iss"), new_id("drv"))
        form = NewIssuance(
            reason=lottery.form.name,
            batch_id=batch_id,
            source=IssuanceSource.LOTTERY,
            source_id=lottery.id,
        )
        await issue.add(
            conn,
            form,
            actor=lottery.id,
            now=now,
            students=[one.student for one in each],
            issuance_id=winning.issuance_id,
            driver=winning.driver,
        )
        named |= {one.id: replace(one, issuance_id=winning.issuance_id) for one in each}
        winnings.append(winning)
    return named, winnings


async def record_outcomes(conn: AsyncConnection, spins: Sequence[Spin], now: int) -> None:
    """Record an event for each of these spins that has its outcome and is none of the refusals."""
    decided = [one for one in spins if one.outcome is not None and one.outcome not in REFUSALS]
    await event_log.record(conn, [_event(one, now) for one in decided])


def _event(spin: Spin, now: int) -> Event:
    data = {"spin_id": spin.id, "n": spin.n, "outcome": spin.outcome}
    data |= {"prize": spin.place, "coupon_id": spin.coupon_id}
    return Event(EventType.LOTTERY_SPUN, now, spin.lottery_id, data, spin.student)
