"""Check the ledger by itself: that its numbers add up (promises I1, I6), and that no claim is a dead letter.

Called by doctor.py. Reads every drop that ever was, page by page, each page in a transaction of its own: a
ledger of years must not keep one statement busy for long.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.stock import Stock
from server.desk.shards.desk_audit import DeskAudit
from server.flows.consistency.findings import PERSON, Finding, FindingKind, drop_label
from server.ledger.consistency import budget_audit, pair_audit, unit_audit
from server.ledger.consistency.pair_audit import UnpairedRow
from server.ledger.consistency.unit_audit import DropAudit
from server.ledger.drops import dead_letters, drops
from server.ledger.drops.drop_row import DropRow
from server.ledger.engine import Ledger

_DROPS_AT_ONCE = 500
_ROWS_AT_ONCE = 10_000  # rows that are compared: about 50 ms of the database
_COUNTED_AT_ONCE = 100_000  # rows that are counted along an index alone: about as long
_IN_LEDGER = ("live", "released", "revoked")


async def check_dead_letters(ledger: Ledger) -> list[Finding]:
    """Return a finding for each dead letter."""
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
    """Return drops whose units do not add up, claims without a coupon, and coupons without a claim.

    The desk is only asked for the outbox: units of a closed drop may belong to claims that are in there.
    Claims are compared with coupons one by one only for suspects: drops with a coupon that matches no live
    claim, or with other numbers of claims and coupons. ledger/consistency/pair_audit.py says why that
    suffices.
    """
    strays, suspects = await _coupons_without_claim(ledger)
    found: list[Finding] = []
    after, kept, is_more = "", await _units_of_dead_letters(ledger), True
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
    return [*await _claims_without_coupon(ledger, sorted(suspects)), *strays, *found]


async def _claims_without_coupon(ledger: Ledger, drop_ids: Sequence[str]) -> list[Finding]:
    found: list[Finding] = []
    for drop_id in drop_ids:
        after: int | None = pair_audit.CLAIMS_BEGIN
        while after is not None:
            async with ledger.read() as conn:
                page = await pair_audit.claims_without_coupon(conn, drop_id, after, _ROWS_AT_ONCE)
                loose, after = page
                drop_rows = await _drops_of(conn, loose)
            found += [_claim_without_coupon(one, drop_rows[one.drop_id]) for one in loose]
    return found


async def _coupons_without_claim(ledger: Ledger) -> tuple[list[Finding], set[str]]:
    """Return the findings, and the ids of drops with a coupon that is not that of a live claim."""
    found: list[Finding] = []
    suspects: set[str] = set()
    after: str | None = pair_audit.COUPONS_BEGIN
    while after is not None:
        async with ledger.read() as conn:
            loose, after = await pair_audit.coupons_without_claim(conn, after, _ROWS_AT_ONCE)
            drop_rows = await _drops_of(conn, loose)
        suspects |= drop_rows.keys()
        found += [
            _coupon_without_claim(one, drop_rows[one.drop_id]) for one in loose if one.is_of_claim
        ]
    return found, suspects


async def _drops_of(conn: AsyncConnection, loose: Sequence[UnpairedRow]) -> dict[str, DropRow]:
    ids = {one.drop_id for one in loose}
    return {row.id: row for row in await drops.find_all(conn, ids)} if ids else {}


async def _units_of_dead_letters(ledger: Ledger) -> dict[str, int]:
    """Return the number of units that dead letters keep, by drop id."""
    kept: dict[str, int] = {}
    async with ledger.read() as conn:
        letters = await dead_letters.find_all(conn)
        known = await unit_audit.claim_states(conn, [one.claim_id for one in letters])
    for one in letters:
        if known.get(one.claim_id) not in _IN_LEDGER:
            drop_id = str(one.entry["drop_id"])
            kept[drop_id] = kept.get(drop_id, 0) + 1
    return kept


async def _check_drop(ledger: Ledger, desk: DeskAudit, drop: DropAudit, kept: int) -> list[Finding]:
    stock, found = drop.stock, []
    units = stock.quantity - stock.returned
    if drop.live > units:
        found.append(
            Finding(
                FindingKind.CLAIMS_BEYOND_STOCK,
                f"{drop_label(drop.id, drop.room)} has {drop.live} live claims and only {units} units",
                "--repair takes the missing units of a closed drop from its batch again, where it has "
                "them; nobody loses a coupon",
                drop=drop.id,
                room=drop.room,
                shard=drop.shard,
            )
        )
    elif stock.difference or (drop.state == "closed" and stock.free > kept):
        found += await _units_that_do_not_add_up(ledger, desk, drop, kept)
    return found


async def _units_that_do_not_add_up(
    ledger: Ledger, desk: DeskAudit, drop: DropAudit, kept: int
) -> list[Finding]:
    """Check one drop's equation. A closed drop must have no free unit, except those of dead letters (`kept`)
    and of claims that are still in the outbox: all others went back to the batch.
    """
    stock = drop.stock
    if stock.difference:
        why = f"they differ by {stock.difference}"
    else:
        loose = stock.free - kept - await _count_in_outbox(ledger, desk, drop)
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


async def _count_in_outbox(ledger: Ledger, desk: DeskAudit, drop: DropAudit) -> int:
    """Count the drop's claims that are in the outbox and not in the ledger."""
    entries = await desk.in_outbox(drop.shard)
    mine = [claim_id for claim_id, drop_id in entries.items() if drop_id == drop.id]
    async with ledger.read() as conn:
        known = await unit_audit.claim_states(conn, mine)
    return len(mine) - len(known)


def _claim_without_coupon(one: UnpairedRow, drop: DropRow) -> Finding:
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


def _coupon_without_claim(one: UnpairedRow, drop: DropRow) -> Finding:
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
    """Return batches, and room quotas, whose counter of allotted units differs from what was allotted."""
    async with ledger.read() as conn:
        counters = await unit_audit.mismatched_counters(conn)
    return [
        Finding(
            FindingKind.BATCH_COUNTER,
            f"batch {one.batch_id}"
            + (f", the share of room {one.room}," if one.room else "")
            + f" says that {one.allotted} units are given out, and its drops, codes and issued coupons "
            f"have {one.in_drops}",
            "--repair sets it to what they have",
            batch=one.batch_id,
            room=one.room,
        )
        for one in counters
    ]


async def check_budgets(ledger: Ledger) -> list[Finding]:
    """Return budgets that differ from what their drops, coupons and orders add up to."""
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
