"""Count the signals of the watch, each by one statement over a window that an index bounds.

Called by flows/access/watch.py once a minute. Ids begin with the time, so the coupons of the last hour and
the orders of the last day are ranges of their primary keys.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, distinct, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.access.watch import (
    HOUR_MS,
    MIN_QUICK_WINS,
    QUICK_MS,
    STEPS,
    USUAL_PERCENT,
    Sighting,
    Signal,
    Watched,
)
from server.ids import lowest_id
from server.ledger.bulk import is_among
from server.ledger.tables import (
    batches,
    cancelled_locks,
    claims,
    coupons,
    device_slots,
    drops,
    person_slots,
    redemptions,
    students,
    wrong_codes,
)

_MOST: Final = 500  # subjects of one signal, the largest counts first
_MOST_DROPS: Final = 300  # of the last hour


async def coupons_per_hour(conn: AsyncConnection, since: int) -> list[Sighting]:
    """Count the coupons that each student got since then, in any way."""
    number = func.count()
    query = (
        select(coupons.c.student, number)
        .where(coupons.c.id >= lowest_id("cpn", since), coupons.c.student.is_not(None))
        .group_by(coupons.c.student)
    )
    return await _counted(conn, query, number, Watched.STUDENT, Signal.COUPONS_PER_HOUR)


async def coupons_of_holders(conn: AsyncConnection, since: int) -> list[Sighting]:
    """Count the coupons that each person and each device got since then, with whatever account."""
    first = lowest_id("cpn", since)
    found: list[Sighting] = []
    for kind, slots in ((Watched.PERSON, person_slots), (Watched.DEVICE, device_slots)):
        holder = slots.c[kind.value].label("holder")
        claimed = (
            select(holder)
            .join(coupons, coupons.c.claim_id == slots.c.claim_id)
            .where(coupons.c.id >= first)
        )
        given = (
            select(holder)
            .join(coupons, coupons.c.id == slots.c.coupon_id)
            .where(coupons.c.id >= first)
        )
        both = union_all(claimed, given).subquery()
        number = func.count()
        query = select(both.c.holder, number).group_by(both.c.holder)
        found += await _counted(conn, query, number, kind, Signal.COUPONS_PER_HOUR)
    return found


async def quick_wins(conn: AsyncConnection, since: int) -> list[Sighting]:
    """Count wins that came before anybody could have seen the card, in drops that were open since then.

    A drop where more than a tenth of the wins were quick says nothing of one student, and is left out. Each
    drop is read along its index; of students only those who were quick often enough.
    """
    in_drop: dict[str, tuple[int, int]] = {}  # quick wins, all wins
    quick: Counter[str] = Counter()
    for drop_id, opens_at in await _drops_since(conn, since):
        of_drop = claims.c.drop_id == drop_id
        number = await conn.scalar(select(func.count()).where(of_drop)) or 0
        usual = number * USUAL_PERCENT // 100
        is_quick = claims.c.won_at < opens_at + QUICK_MS
        names = select(claims.c.student).where(of_drop, is_quick).limit(usual + 1)
        found = list(await conn.scalars(names))
        if 0 < len(found) <= usual:
            in_drop[drop_id] = (len(found), number)
            quick.update(found)
    often = [one for one in quick.most_common(_MOST) if one[1] >= MIN_QUICK_WINS]
    wins = await _wins_of(conn, [student for student, _ in often], list(in_drop))
    return [
        _quick_sighting(student, count, [in_drop[one] for one in wins[student]])
        for student, count in often
    ]


async def _drops_since(conn: AsyncConnection, since: int) -> list[tuple[str, int]]:
    """Return (id, opens_at) of drops that are open, and of those that closed since then, newest first."""
    columns = (drops.c.id, drops.c.opens_at)
    is_shown = drops.c.opens_at.is_not(None)
    # Two queries: with one OR the database would read all drops.
    open_now = select(*columns).where(drops.c.state == "open", is_shown)
    closed = select(*columns).where(drops.c.closed_at >= since, is_shown)
    both = open_now.union(closed).subquery()
    query = select(both.c.id, both.c.opens_at).order_by(both.c.id.desc()).limit(_MOST_DROPS)
    return [(row[0], row[1]) for row in await conn.execute(query)]


async def _wins_of(
    conn: AsyncConnection, names: Sequence[str], drop_ids: Sequence[str]
) -> dict[str, list[str]]:
    """Return the drops among these that each student has won."""
    wins: dict[str, list[str]] = {name: [] for name in names}
    for drop_id in drop_ids if names else ():
        query = select(claims.c.student).where(
            claims.c.drop_id == drop_id, is_among(conn, claims.c.student, names)
        )
        for student in await conn.scalars(query):
            wins[student].append(drop_id)
    return wins


def _quick_sighting(student: str, count: int, of_drops: Sequence[tuple[int, int]]) -> Sighting:
    own = len(of_drops)
    quick, number = (sum(column) for column in zip(*of_drops, strict=True))
    others = (quick - count, number - own)
    return Sighting(Watched.STUDENT, student, Signal.QUICK_WINS, count, own, others)


async def unpaid_locks(conn: AsyncConnection, since: int) -> list[Sighting]:
    """Count orders with a discount that each student made since then and did not pay; locks that were
    cancelled before their order was locked again count too."""
    recent = redemptions.c.id >= lowest_id("rdm", since)
    has_discount = redemptions.c.discount > 0
    given_up = redemptions.c.state.in_(("cancelled", "expired"))
    ended = select(redemptions.c.student).where(recent, has_discount, given_up)
    before = (
        select(redemptions.c.student)
        .join(cancelled_locks, cancelled_locks.c.redemption_id == redemptions.c.id)
        .where(recent)
    )
    both = union_all(ended, before).subquery()
    number = func.count()
    query = select(both.c.student, number).group_by(both.c.student)
    return await _counted(conn, query, number, Watched.STUDENT, Signal.UNPAID_LOCKS)


async def wrong_codes_typed(conn: AsyncConnection, since: int) -> list[Sighting]:
    """Count the wrong codes of each student in the hour of `since` and those after it."""
    number = func.sum(wrong_codes.c.count)
    query = (
        select(wrong_codes.c.student, number)
        .where(wrong_codes.c.hour >= since // HOUR_MS * HOUR_MS)
        .group_by(wrong_codes.c.student)
    )
    return await _counted(conn, query, number, Watched.STUDENT, Signal.WRONG_CODES)


async def new_accounts(conn: AsyncConnection, since: int, registered_since: int) -> list[Sighting]:
    """Count the students of each campaign who got a coupon since `since` with an account of since
    `registered_since`."""
    number = func.count(distinct(coupons.c.student))
    query = (
        select(batches.c.campaign_id, number)
        .select_from(coupons)
        .join(batches, batches.c.id == coupons.c.batch_id)
        .join(students, students.c.id == coupons.c.student)
        .where(
            coupons.c.id >= lowest_id("cpn", since),
            batches.c.campaign_id.is_not(None),
            students.c.registered_at >= registered_since,
        )
        .group_by(batches.c.campaign_id)
    )
    return await _counted(conn, query, number, Watched.CAMPAIGN, Signal.NEW_ACCOUNTS)


async def _counted(
    conn: AsyncConnection,
    query: Select[*tuple[Any, ...]],
    number: ColumnElement[int],
    kind: Watched,
    signal: Signal,
) -> list[Sighting]:
    """Return the rows (value, number) of the query from the smallest count on that is a signal."""
    largest = query.having(number >= _least(signal)).order_by(number.desc()).limit(_MOST)
    # PostgreSQL's sums are decimals.
    return [Sighting(kind, row[0], signal, int(row[1])) for row in await conn.execute(largest)]


def _least(signal: Signal) -> int:
    return STEPS[signal][-1][0]
