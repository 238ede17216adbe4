"""Make private offers: one transaction keeps a unit of the batch for each student (promise I10).

Called by the API for instructors and teaching assistants. What is looked at, in the order of every way of
issuing (flows/coupons/issuing/issue_piece.py): blocks, stops, windows, the conditions of the batch, limits,
units, budget. The first that applies to one student leaves that student out, and is told; a batch that has
not enough units for the others refuses the whole request. All is looked at again when an offer is accepted.

Lock order: the batch, its room quota, budgets; the rows of offers are new.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.coupons.issuances import ItemOutcome, window_refusal
from server.core.ids import StudentId
from server.core.offers.offers import (
    MAX_OPEN_IN_ROOM,
    Offer,
    OfferForm,
    OffersMade,
    OfferState,
    limited_among,
    violations,
)
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.core.refusals import Code, Refused
from server.core.violations import Violation, refused
from server.desk.claims.caps import Cap, CapName
from server.flows.abort import Abort, abort_if, returns_refusal
from server.flows.access.blocked import blocked_among
from server.flows.access.instructors import instructor_refusal
from server.flows.coupons.issuing.issue_eligibility import ineligible_among
from server.flows.coupons.load_caps import read_used_slots_of_many
from server.flows.idempotency import find_previous_result
from server.flows.offers.offer_notices import record_made, show_made
from server.flows.promotions.budgets import reserve
from server.flows.promotions.stops import claims_refusal
from server.flows.stores import Stores, batch_and_template
from server.ids import new_id, new_ids
from server.ledger import acts
from server.ledger.idempotency import IdempotencyKey
from server.ledger.offers import offers
from server.ledger.promotions import batch_stock, campaigns

_TRIES: Final = 3  # another request may make an offer to the same student in between


@dataclass(frozen=True, slots=True)
class _Request:
    room: str
    form: OfferForm
    group_id: str
    now: int


@returns_refusal
async def make_offers(
    stores: Stores, room: str, form: OfferForm, key: IdempotencyKey | None, now: int
) -> OffersMade | Refused:
    """Keep a unit of the batch for each of these students, and tell them.

    Refuses with invalid_field, stock_short (`available`), too_many, wrong_state while claims are stopped or
    outside the batch's windows, instructor_stopped. The same `key` makes the offers once.
    """
    broken = [*violations(form)]
    if broken:
        return refused(broken)
    request = _Request(room, form, new_id("ofg"), now)
    for tries_left in reversed(range(_TRIES)):
        try:
            made = await _make(stores, request, key)
            break
        except IntegrityError:
            if not tries_left:
                raise
    async with stores.ledger.read() as conn:
        _, template = await batch_and_template(conn, form.batch_id)
    await show_made(stores.feed, made.offers, {form.batch_id: template})
    return made


async def _make(stores: Stores, request: _Request, key: IdempotencyKey | None) -> OffersMade:
    form, now = request.form, request.now
    batch = await _batch(stores, request)
    used = await _used_slots(stores, batch, form)
    async with stores.ledger.begin() as conn:
        earlier = await find_previous_result(conn, key, request.group_id, now)
        if earlier is not None:
            return OffersMade(tuple(await offers.of_group(conn, earlier)))
        abort_if(await instructor_refusal(conn, stores.actor, now))
        abort_if(await claims_refusal(conn, batch))
        left_out = await _left_out(conn, batch, request, used)
        students = [one for one in dict.fromkeys(form.students) if one not in left_out]
        if await offers.count_open(conn, request.room) + len(students) > MAX_OPEN_IN_ROOM:
            raise Abort(Refused(Code.TOO_MANY, "the room has too many open offers"))
        await _take(conn, batch, request.room, len(students), now)
        made = _offers(request, stores.actor, students)
        await offers.insert_offers(conn, made)
        await record_made(conn, made, now)
        if made:
            what = {"room": request.room, "offers": len(made)}
            await acts.write_act(conn, stores.actor, Action.OFFER_MADE, form.batch_id, now, **what)
    return OffersMade(tuple(made), left_out)


async def _batch(stores: Stores, request: _Request) -> Batch:
    """Return the batch; Abort where the room may not offer it, or not now."""
    form, now = request.form, request.now
    async with stores.ledger.read() as conn:
        try:
            batch, template = await batch_and_template(conn, form.batch_id)
        except LookupError:
            raise Abort(refused([Violation("batch_id", "unknown")])) from None
        campaign = batch.campaign_id and await campaigns.find(conn, batch.campaign_id)
    if batch.rooms is not None and batch.room_quota_of(request.room) is None:
        raise Abort(refused([Violation("batch_id", "wrong_room")]))
    _abort_outside_windows(batch, template, campaign or None, now)
    return batch


def _abort_outside_windows(batch: Batch, template: Template, campaign: object, now: int) -> None:
    closed = window_refusal(batch, template, campaign, now)  # type: ignore[arg-type]
    if closed is not None:
        raise Abort(Refused(Code.WRONG_STATE, closed))


async def _used_slots(stores: Stores, batch: Batch, form: OfferForm) -> dict[StudentId, int]:
    cap = Cap(CapName.BATCH, batch.id, batch.per_student)
    used = await read_used_slots_of_many(stores.ledger, batch, [cap], set(form.students), {})
    return {student: len(caps[CapName.BATCH]) for student, caps in used.items()}


async def _left_out(
    conn: AsyncConnection, batch: Batch, request: _Request, used: dict[StudentId, int]
) -> dict[StudentId, str]:
    students = list(dict.fromkeys(request.form.students))
    blocked = await blocked_among(conn, students, request.now)
    unfit = await ineligible_among(conn, batch, students)
    with_offer = await offers.students_with_open(conn, batch.id, students)
    limited = limited_among(students, used, with_offer, batch.per_student)
    found: dict[StudentId, str] = {}
    for reason, among in (
        (ItemOutcome.LIMIT_REACHED, limited),
        (ItemOutcome.NOT_ELIGIBLE, unfit),
        (ItemOutcome.BLOCKED, blocked),
    ):
        found |= {one: reason.value for one in students if one in among}
    return found


async def _take(conn: AsyncConnection, batch: Batch, room: str, units: int, now: int) -> None:
    if not units:
        return
    if not await batch_stock.take_offers(conn, batch, room, units):
        left = await batch_stock.lock(conn, [batch.id])
        available = min(left[batch.id] or 0, batch.droppable_in(room))
        raise Abort(
            Refused(
                Code.STOCK_SHORT,
                "the batch, or this room's share of it, has fewer left",
                {"available": max(0, available)},
            )
        )
    await reserve(conn, batch, units, now)


def _offers(request: _Request, actor: str, students: list[StudentId]) -> list[Offer]:
    form = request.form
    return [
        Offer(
            id=offer_id,
            group_id=request.group_id,
            room=request.room,
            batch_id=form.batch_id,
            student=student,
            state=OfferState.OFFERED,
            expires_at=request.now + 1_000 * form.expires_in_seconds,
            created_by=actor,
            created_at=request.now,
            course=form.course,
            message=form.message,
            metadata=form.metadata,
        )
        for student, offer_id in zip(students, sorted(new_ids("ofr", len(students))), strict=True)
    ]
