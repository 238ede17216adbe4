"""What the ledger alone can tell: whether its books add up (I1, I6), and what was set aside.

Called by flows/consistency/doctor.py. Looks at every drop there ever was, a page at a time.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.stock import Stock
from server.desk.desk_audit import DeskAudit
from server.flows.consistency.findings import PERSON, Finding, FindingKind, drop_label
from server.ledger.consistency import budget_audit, pair_audit, unit_audit
from server.ledger.consistency.pair_audit import UnpairedRow
from server.ledger.consistency.unit_audit import DropAudit
from server.ledger.drops import dead_letters, drops
from server.ledger.drops.drops import DropRow
from server.ledger.engine import Ledger

_DROPS_AT_ONCE = 500
_ROWS_AT_ONCE = 10_000  # compared: about 50 ms of the database
_COUNTED_AT_ONCE = 100_000  # along an index alone: about as long
_IN_BOOKS = ("live", "released", "revoked")


async def check_dead_letters(ledger: Ledger) -> list[Finding]:
    async with ledger.read() as conn:
        letters = await dead_letters.find_all(conn)
    return [
        Finding(
            FindingKind.DEAD_LETTER,
            f"student {one.entry['student']} won unit {one.entry['unit']} of drop "
            f"{one.entry['drop_id']}, and it could not be recorded: {one.error}",
            "--repair records it where its cause has gone; it keeps its unit until then. Where no unit "
            "is left, top the drop up (or the batch) and repair again",
            drop=str(one.entry["drop_id"]),
            room=str(one.entry["room"]),
            student=str(one.entry["student"]),
            unit=int(str(one.entry["unit"])),
            claim=one.claim_id,
            shard=one.shard,
            at=one.created_at,
            error=one.error,
        )
        for one in letters
    ]


async def check_drops(ledger: Ledger, desk: DeskAudit) -> list[Finding]:
    strays, suspects = await _stray_coupons(ledger)
    found: list[Finding] = []
    after, kept, is_more = "", await _kept_by_letters(ledger), True
    while is_more:
        async with ledger.read() as conn:
            page, is_more = await unit_audit.page_of_drops(
                conn, after, _DROPS_AT_ONCE, _COUNTED_AT_ONCE
            )
        for drop in page:
            found += await _check_drop(ledger, desk, drop, kept.get(drop.id, 0))
            after = drop.id
            if drop.live != drop.stock.held + drop.stock.redeemed:
                suspects.add(drop.id)
    return [*await _bare_claims(ledger, sorted(suspects)), *strays, *found]


async def _bare_claims(ledger: Ledger, drop_ids: Sequence[str]) -> list[Finding]:
    """Of these drops (ledger/consistency/pair_audit.py says why of no other)."""
    found: list[Finding] = []
    for drop_id in drop_ids:
        after: int | None = pair_audit.CLAIMS_BEGIN
        while after is not None:
            async with ledger.read() as conn:
                page = await pair_audit.claims_without_coupon(conn, drop_id, after, _ROWS_AT_ONCE)
                loose, after = page
                drop_rows = await _drops_of(conn, loose)
            found += [_bare(one, drop_rows[one.drop_id]) for one in loose]
    return found


async def _stray_coupons(ledger: Ledger) -> tuple[list[Finding], set[str]]:
    """And the drops of which some coupon is not the one of a live claim."""
    found: list[Finding] = []
    suspects: set[str] = set()
    after: str | None = pair_audit.COUPONS_BEGIN
    while after is not None:
        async with ledger.read() as conn:
            loose, after = await pair_audit.coupons_without_claim(conn, after, _ROWS_AT_ONCE)
            drop_rows = await _drops_of(conn, loose)
        suspects |= drop_rows.keys()
        found += [_stray(one, drop_rows[one.drop_id]) for one in loose if one.is_of_claim]
    return found, suspects


async def _drops_of(conn: AsyncConnection, loose: Sequence[UnpairedRow]) -> dict[str, DropRow]:
    ids = {one.drop_id for one in loose}
    return {row.id: row for row in await drops.find_all(conn, ids)} if ids else {}


async def _kept_by_letters(ledger: Ledger) -> dict[str, int]:
    """Units that dead letters keep, by drop."""
    kept: dict[str, int] = {}
    async with ledger.read() as conn:
        letters = await dead_letters.find_all(conn)
        known = await unit_audit.claim_states(conn, [one.claim_id for one in letters])
    for one in letters:
        if known.get(one.claim_id) not in _IN_BOOKS:
            drop_id = str(one.entry["drop_id"])
            kept[drop_id] = kept.get(drop_id, 0) + 1
    return kept


async def _check_drop(ledger: Ledger, desk: DeskAudit, drop: DropAudit, kept: int) -> list[Finding]:
    stock, found = drop.stock, []
    room_for = stock.quantity - stock.returned
    if drop.live > room_for:
        found.append(
            Finding(
                FindingKind.CLAIMS_BEYOND_STOCK,
                f"{drop_label(drop.id, drop.room)} has {drop.live} live claims and only {room_for} units",
                "--repair takes the missing units of a closed drop from its batch again, where it has "
                "them; nobody loses a coupon",
                drop=drop.id,
                room=drop.room,
                shard=drop.shard,
            )
        )
    elif stock.difference or (drop.state == "closed" and stock.free > kept):
        found += await _unbalanced(ledger, desk, drop, kept)
    return found


async def _unbalanced(ledger: Ledger, desk: DeskAudit, drop: DropAudit, kept: int) -> list[Finding]:
    """Of a closed drop nothing is free: what nobody has went back, but for claims on their way."""
    stock = drop.stock
    if stock.difference:
        why = f"they differ by {stock.difference}"
    else:
        loose = stock.free - kept - await _on_their_way(ledger, desk, drop)
        if loose <= 0:
            return []
        why = f"it is closed, and {loose} units are neither with a student nor back in the batch"
    return [
        Finding(
            FindingKind.BOOKS_DO_NOT_ADD_UP,
            f"{drop_label(drop.id, drop.room)}: {_equation(stock)}: {why}",
            "--repair makes missing coupons and gives units back to the batch; else see the findings "
            "about this drop's claims and coupons",
            drop=drop.id,
            room=drop.room,
            shard=drop.shard,
        )
    ]


def _equation(stock: Stock) -> str:
    return (
        f"stock {stock.quantity}, and {stock.free} free + {stock.held} held + {stock.redeemed} "
        f"redeemed + {stock.returned} returned"
    )


async def _on_their_way(ledger: Ledger, desk: DeskAudit, drop: DropAudit) -> int:
    entries = await desk.in_outbox(drop.shard)
    mine = [claim_id for claim_id, drop_id in entries.items() if drop_id == drop.id]
    async with ledger.read() as conn:
        known = await unit_audit.claim_states(conn, mine)
    return len(mine) - len(known)


def _bare(one: UnpairedRow, drop: DropRow) -> Finding:
    has = f"whose coupon is {one.coupon_state}" if one.coupon_id else "without a coupon"
    return Finding(
        FindingKind.CLAIM_WITHOUT_COUPON,
        f"{drop_label(drop.id, drop.room)}: student {one.student} has unit {one.unit} by a claim {has}",
        PERSON if one.coupon_id else "--repair makes the coupon",
        drop=drop.id,
        room=drop.room,
        student=one.student,
        unit=one.unit,
        claim=one.claim_id,
        coupon=one.coupon_id,
        shard=drop.shard,
    )


def _stray(one: UnpairedRow, drop: DropRow) -> Finding:
    has = f"whose claim is {one.claim_state}" if one.claim_id else "without a claim"
    if one.claim_state == "live":
        has = "whose claim is another student's, or of another drop"
    return Finding(
        FindingKind.COUPON_WITHOUT_CLAIM,
        f"{drop_label(drop.id, drop.room)}: student {one.student} has a coupon ({one.coupon_state}) {has}",
        PERSON,
        drop=drop.id,
        room=drop.room,
        student=one.student,
        claim=one.claim_id,
        coupon=one.coupon_id,
        shard=drop.shard,
    )


async def check_batch_counters(ledger: Ledger) -> list[Finding]:
    async with ledger.read() as conn:
        counters = await unit_audit.mismatched_counters(conn)
    return [
        Finding(
            FindingKind.BATCH_COUNTER,
            f"batch {one.batch_id}"
            + (f", the share of room {one.room}," if one.room else "")
            + f" says that {one.allotted} units are given out, and its drops and codes have {one.in_drops}",
            "--repair sets it to what they have",
            batch=one.batch_id,
            room=one.room,
        )
        for one in counters
    ]


async def check_budgets(ledger: Ledger) -> list[Finding]:
    async with ledger.read() as conn:
        wrong = await budget_audit.mismatched_budgets(conn)
    return [
        Finding(
            FindingKind.BUDGET_DIFFERS,
            f"campaign {one.campaign_id}: its budget of {one.kind} says exposed {one.exposed} and settled "
            f"{one.settled}; its drops, coupons and orders come to {one.exposed_counted} and "
            f"{one.settled_counted}",
            PERSON,
            campaign=one.campaign_id,
        )
        for one in wrong
    ]
