"""Issue one prepared piece: decide up to 1,000 students of an issuance, and give them their coupons.

Called by drive_issuances.py, for an issuance that this process drives. What is looked at, in this order, and
the same for every way of issuing; the first that applies is the student's outcome:

    held out     by the hash of batch and student, before anything else: both groups are chosen alike
    blocked      the student, or one of their tags
    stopped      claims of the batch, its campaign, or everything
    not_eligible the claim window, the campaign's window, a coupon that is over already; then the conditions
                 of the batch on the account
    limit_reached  a slot of the batch, of its campaign, and of the student's person where that is known, by
                 the same caps as taps
    stock_short  units of the batch
    budget_short money, then pieces, of the campaign

Steps, each of which may be repeated:

1. read who is pending, and what is known of them (prepare_piece.py);
2. take slots on the desk: the same students get the same slots again (prepare_piece.py);
3. one transaction: units by one UPDATE of the batch for the whole piece, budget, coupons (read back), the
   outcome of each item, events and messages. It happens once, because it locks the issuance, and an item is
   decided once;
4. slots that were not used go back to the desk.

Lock order: the issuance, the desk's row, batches, budgets. The coupons come last, and that blocks nobody:
their rows are new, and two pieces that want the same slot of a student wait for the batch's row before.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.issuance_stock import BatchStock, StockAllocation, allocate_stock
from server.core.coupons.issuances import Grants, IssuanceSource, IssuanceState, ItemOutcome
from server.core.ids import BatchId, StudentId
from server.core.promotions.campaigns import BudgetKind
from server.desk import DeskReplacedError
from server.desk.drops.drop_desk import DropDesk
from server.flows.coupons.issuing import issue_slots
from server.flows.coupons.issuing.draft_coupons import Drafts, draft, limited_among
from server.flows.coupons.issuing.issue_records import ask_for_messages
from server.flows.coupons.issuing.issue_slots import PieceSlots, person_slots
from server.flows.coupons.issuing.prepare_piece import PreparedPiece, give_all_back, take_all
from server.flows.coupons.issuing.read_piece import Piece
from server.flows.promotions import budgets
from server.ledger import desks, event_log
from server.ledger.coupons import codes as code_rows
from server.ledger.coupons import coupons, holder_slots, issuance_items, issuances
from server.ledger.coupons.codes import CampaignCode
from server.ledger.engine import Ledger
from server.ledger.promotions import batch_stock
from server.ledger.promotions import budgets as budget_rows

_TRIES: Final = 4  # a rebuild of the desk, or a code of the same student, may come in between


class NotDriverError(Exception):
    """Another process drives the issuance now, or it is not running any more: nothing was written.

    The slots stay taken. Whoever drives it now takes the same ones, or gives them back at the end.
    """


async def issue_piece(ledger: Ledger, desk: DropDesk, prepared: PreparedPiece) -> None:
    """Do steps 3 and 4 for a piece that `prepare_piece` has made.

    NotDriverError, DeskUnavailableError and LedgerUnavailableError: nothing, or all of it, was done. The
    piece may be prepared and issued again.
    """
    piece, drafts = prepared.piece, prepared.drafts
    taken = [] if drafts is None else [one.taken for one in drafts]
    for tries_left in reversed(range(_TRIES)):
        try:
            if drafts is None:
                await take_all(ledger, desk, piece, taken, reads_ledger=True)
                drafts = draft(piece, taken)
            issued = await _write(ledger, piece, drafts)
        except (DeskReplacedError, IntegrityError) as error:
            # The desk has forgotten a slot that the ledger has, or another process was first: give these
            # back, and tell the desk with the next try what the ledger knows.
            await give_all_back(desk, taken, piece.grants)
            taken, drafts = [], None
            if not tries_left:
                raise DeskReplacedError(
                    f"a piece of {piece.issuance.id} meets others again"
                ) from error
            continue
        await _settle(desk, taken, issued, piece.grants)
        return


async def _settle(
    desk: DropDesk, taken: Sequence[PieceSlots], issued: Sequence[StudentId], grants: Grants
) -> None:
    """Do step 4."""
    has = set(issued)
    for one in taken:
        await issue_slots.give_back(desk, one, [each for each in grants if each not in has])
        await issue_slots.keep(desk, one, issued)


async def _write(ledger: Ledger, piece: Piece, drafts: Sequence[Drafts]) -> Sequence[StudentId]:
    """Do step 3; return who got coupons."""
    issuance_id, decided = piece.issuance.id, dict(piece.decided)
    limited = limited_among([one.taken for one in drafts])
    decided |= dict.fromkeys(
        (one for one in piece.grants if one in limited), ItemOutcome.LIMIT_REACHED
    )
    wanting = {one: wanted for one, wanted in piece.grants.items() if one not in limited}
    async with ledger.begin() as conn:
        current = await issuances.lock_driven(
            conn, issuance_id, piece.lease.driver, piece.lease.until
        )
        if current is None or current.state is not IssuanceState.RUNNING:
            raise NotDriverError
        await _assert_same_desks(conn, [one.taken for one in drafts])
        allocation = await _take_stock(conn, piece, wanting) if wanting else StockAllocation((), {})
        decided |= allocation.short
        has = set(allocation.given)
        for each in drafts:
            await _insert_coupons(conn, piece, each.of(has))
        outcomes = decided | dict.fromkeys(allocation.given, ItemOutcome.ISSUED)
        await issuance_items.decide(conn, issuance_id, outcomes, piece.span, piece.now)
        await issuances.count(conn, issuance_id, _counts(outcomes))
    return allocation.given


async def _assert_same_desks(conn: AsyncConnection, taken: Sequence[PieceSlots]) -> None:
    for one in sorted(taken, key=lambda slots: slots.batch.shard):
        if one.epoch is not None and await desks.is_loaded_since(conn, one.batch.shard, one.epoch):
            raise DeskReplacedError(f"the desk of {one.batch.id} was rebuilt meanwhile")


async def _take_stock(conn: AsyncConnection, piece: Piece, wanting: Grants) -> StockAllocation:
    """Take units and budget of as many students as there is enough for. An offer has taken them already."""
    if piece.issuance.source is IssuanceSource.OFFER:
        return StockAllocation(tuple(wanting), {})
    facts = {one: piece.facts[one].batch for wanted in wanting.values() for one in wanted}
    units = await batch_stock.lock(conn, facts)
    campaign_of = {one: batch.campaign_id for one, batch in facts.items() if batch.campaign_id}
    free = await budget_rows.lock_free(conn, set(campaign_of.values())) if campaign_of else {}
    prices = {
        one: {
            (campaign, BudgetKind.MONEY.value): facts[one].greatest_discount or 0,
            (campaign, BudgetKind.PIECES.value): 1,
        }
        for one, campaign in campaign_of.items()
        if facts[one].greatest_discount is not None
    }
    stock = BatchStock({BatchId(one): left for one, left in units.items()}, free, prices)
    allocation = allocate_stock(wanting, stock)
    counts = Counter(one for student in allocation.given for one in wanting[student])
    for batch_id in sorted(counts):
        if not await batch_stock.take_codes(conn, batch_id, counts[batch_id]):
            raise RuntimeError(f"{batch_id} has fewer units than it had, though its row is locked")
    for batch_id in sorted(counts, key=lambda one: (campaign_of.get(one) or "", one)):
        await budgets.reserve(conn, facts[batch_id], counts[batch_id], piece.now)
    return allocation


async def _insert_coupons(conn: AsyncConnection, piece: Piece, drafts: Drafts) -> None:
    """Insert the coupons of one batch, with their slots in a limited campaign, events and messages."""
    batch, made = drafts.taken.batch, drafts.coupons
    await coupons.insert_issued(conn, made)
    await holder_slots.count(conn, person_slots(drafts.taken, made))
    campaign, most = batch.campaign_id, batch.per_campaign
    if campaign is not None and most is not None:
        rows = [
            CampaignCode(coupon.id, campaign, coupon.student, slot, most)
            for coupon, slot in zip(made, drafts.campaign_slots, strict=True)
            if slot is not None
        ]
        await code_rows.count_all_in_campaign(conn, rows)
    await event_log.record(conn, drafts.events)
    template_of = {str(fact.batch.id): fact.template for fact in piece.facts.values()}
    await ask_for_messages(conn, piece.issuance, made, template_of, piece.now)


def _counts(outcomes: Mapping[StudentId, ItemOutcome]) -> dict[str, int]:
    issued = sum(one is ItemOutcome.ISSUED for one in outcomes.values())
    held_out = sum(one is ItemOutcome.HELD_OUT for one in outcomes.values())
    refused = len(outcomes) - issued - held_out
    return {"issued": issued, "held_out": held_out, "refused": refused}
