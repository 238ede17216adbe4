"""Bind a code: a student types it, and the coupon becomes theirs, within the limits of batch and campaign.

Called by the API. Order, and why:

1. find the code. The read is the same for every input, and unknown codes, voided codes and those of other
   students give the same reply, so that nothing is revealed;
2. take slots on the desk: one of the batch, if it may be dropped, and one of its campaign, if that has a
   limit for each student. The desk counts taps and codes together, so a student who does both at once stays
   within the limit (promise I2). A repeated request for the same code gets the same slots. If no drop of
   the batch is open, the desk may not know what the student has used, and is told here;
3. bind the code by one conditional UPDATE, if the desk that gave the slots has not been rebuilt since. The
   ledger has its own constraints on (batch, student, slot) and (campaign, student, slot).

Slots of a code that was not bound are given back to the desk. If this process dies between 2 and 3, the
student can repeat the request for an hour; after that the slots are free when the desk is rebuilt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import IntegrityError

from server.core.coupons import codes
from server.core.coupons.code_runs import binding_refusal
from server.core.coupons.coupons import Coupon, CouponState, hold_until
from server.core.ids import CouponId, Slot, StudentId
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.core.refusals import Code, Refused
from server.desk import DeskReplacedError
from server.desk.caps import Cap, CapName, CapsMissing, TakenSlots
from server.desk.drop_desk import DropDesk
from server.flows.abort import Abort, abort_if, returns_refusal
from server.flows.coupons.load_caps import caps_of, read_used_slots
from server.flows.coupons.new_coupons import window_of
from server.flows.promotions.stops import claims_refusal
from server.flows.stores import batch_and_template
from server.ledger import desks
from server.ledger.coupons import codes as rows
from server.ledger.coupons import coupons
from server.ledger.coupons.codes import CampaignCode, CodeBinding, FoundCode
from server.ledger.drops import claims
from server.ledger.engine import Ledger

_TRIES: Final = 4  # another code of the same student, or a rebuild, may come in between


@dataclass(frozen=True, slots=True)
class _Slots:
    """The slots that a code is bound to. `in_campaign` is None where the campaign has no limit; `epoch` is
    that of the desk that gave them, None where the desk counts nothing of this batch.
    """

    in_batch: Slot
    in_campaign: CampaignCode | None = None
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """The student who types, with what the conditions of a batch depend on."""

    student: StudentId
    tags: frozenset[str] = frozenset()
    is_new: bool = False


@returns_refusal
async def bind_code(
    ledger: Ledger, desk: DropDesk, account: Account, typed: str, now: int
) -> Coupon | Refused:
    """Return the coupon, which is in the student's wallet now. Repeatable: a code that is theirs already is
    returned as it is.

    Refuses with not_found, also where the batch is not for this account; wrong_state outside the batch's
    claim window and while claims are stopped; limit_reached (`limit`: batch or campaign); unavailable.
    """
    student = account.student
    async with ledger.read() as conn:
        found = await rows.find_code(conn, codes.spellings(typed))
        if found is None or not _may_see(found, student):
            return Refused(Code.NOT_FOUND)
        batch, template = await batch_and_template(conn, found.batch_id)
        stopped = await claims_refusal(conn, batch)
    if found.student is None:
        if not batch.conditions.admits(account.tags, account.is_new):
            return Refused(Code.NOT_FOUND)
        abort_if(stopped or binding_refusal(batch, now))
        await _bind(ledger, desk, _Request(found.id, student, batch, template, now))
    async with ledger.read() as conn:
        (coupon,) = await coupons.by_ids(conn, [found.id])
    return coupon if coupon.student == student else Refused(Code.NOT_FOUND)


def _may_see(found: FoundCode, student: str) -> bool:
    if found.student is None:
        return found.state is CouponState.USABLE
    return found.student == student


@dataclass(frozen=True, slots=True)
class _Request:
    coupon_id: CouponId
    student: StudentId
    batch: Batch
    template: Template
    now: int


async def _bind(ledger: Ledger, desk: DropDesk, request: _Request) -> None:
    is_conflict = False
    for _ in range(_TRIES):
        slots = await _take_slots(ledger, desk, request, reads_ledger=is_conflict)
        try:
            is_bound = await _write(ledger, request, slots)
        except DeskReplacedError:
            continue  # the slots were those of a desk that is gone
        except IntegrityError:
            # The ledger has used one of these slots. Of a batch without a desk, another code of this student
            # came first, and the next try finds a free slot. Else the desk has forgotten a slot: give these
            # back, and tell it with the next try what the ledger knows.
            is_conflict = request.batch.quantity is not None
            if is_conflict:
                await _give_back(desk, request)
            continue
        if not is_bound and not await _is_theirs(ledger, request):
            await _give_back(desk, request)
        return
    await _give_back(desk, request)
    raise Abort(Refused(Code.UNAVAILABLE))


async def _take_slots(
    ledger: Ledger, desk: DropDesk, request: _Request, *, reads_ledger: bool
) -> _Slots:
    """Take the slots for one try; Abort(limit_reached) where the student has used all of batch or campaign.

    `reads_ledger`: let the desk also count the slots that the ledger has used.
    """
    batch, in_batch = request.batch, Slot(0)
    if batch.quantity is None:  # no drop can use it, so the desk counts nothing of it
        async with ledger.read() as conn:
            used = await claims.used_slots(conn, batch.id, request.student)
        free = (Slot(n) for n in range(1, batch.per_student + 1) if n not in used)
        in_batch = next(free, Slot(0))
        if not in_batch:
            await _give_back(desk, request)  # an earlier try may have taken a slot of the campaign
            raise _limit_reached(CapName.BATCH)
    caps = caps_of(batch)
    if not caps:
        return _Slots(in_batch)
    taken = await _take_on_desk(ledger, desk, request, caps, reads_ledger=reads_ledger)
    if isinstance(taken, CapName):
        raise _limit_reached(taken)
    in_campaign = None
    for cap in caps:
        slot = taken.slots[cap.name]
        if cap.name is CapName.BATCH:
            in_batch = slot
        else:
            in_campaign = CampaignCode(request.coupon_id, cap.id, request.student, slot, cap.most)
    return _Slots(in_batch, in_campaign, taken.epoch)


async def _take_on_desk(
    ledger: Ledger, desk: DropDesk, request: _Request, caps: Sequence[Cap], *, reads_ledger: bool
) -> TakenSlots | CapName:
    """Return the slots, or the cap of which the student has used all."""
    arguments = (request.batch.shard, caps, request.student, request.coupon_id)
    known = None
    if reads_ledger:
        known = await read_used_slots(ledger, request.batch, request.student)
    taken = await desk.take_slots(*arguments, known)
    if isinstance(taken, CapsMissing):
        known = await read_used_slots(ledger, request.batch, request.student)
        taken = await desk.take_slots(*arguments, known)
    if isinstance(taken, CapsMissing):  # told what the student has used, a desk gives slots
        raise DeskReplacedError(f"the desk of {request.batch.id} was rebuilt meanwhile")
    return taken


def _limit_reached(cap: CapName) -> Abort:
    detail = f"you have all you may of this {cap.value}"
    return Abort(Refused(Code.LIMIT_REACHED, detail, {"limit": cap.value}))


async def _give_back(desk: DropDesk, request: _Request) -> None:
    caps = caps_of(request.batch)
    if caps:
        await desk.give_slots_back(request.batch.shard, caps, request.student, request.coupon_id)


async def _is_theirs(ledger: Ledger, request: _Request) -> bool:
    """Return whether a parallel request of the same student has bound the code: then the slots are in use."""
    async with ledger.read() as conn:
        (coupon,) = await coupons.by_ids(conn, [request.coupon_id])
    return coupon.student == request.student


async def _write(ledger: Ledger, request: _Request, slots: _Slots) -> bool:
    """Bind the code in the ledger; False where it is bound or voided already.

    IntegrityError: the ledger has used one of the slots. DeskReplacedError: the desk was rebuilt since.
    """
    batch = request.batch
    usable = window_of(batch, request.template, request.now)
    binding = CodeBinding(
        coupon_id=request.coupon_id,
        student=request.student,
        slot=slots.in_batch,
        bound_at=request.now,
        valid_from=usable.from_at,
        valid_until=usable.until_at,
        hold_until=hold_until(request.now, batch.hold_seconds),
    )
    async with ledger.begin() as conn:
        if slots.epoch is not None and await desks.is_loaded_since(conn, batch.shard, slots.epoch):
            raise DeskReplacedError(f"the desk of {batch.id} was rebuilt meanwhile")
        is_bound = await rows.bind(conn, binding)
        if is_bound and slots.in_campaign is not None:
            await rows.count_in_campaign(conn, slots.in_campaign)
    return is_bound
