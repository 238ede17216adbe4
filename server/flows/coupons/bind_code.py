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
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons import codes, coupon_events
from server.core.coupons.code_runs import binding_refusal
from server.core.coupons.coupon_events import ConfirmedCoupon
from server.core.coupons.coupons import Coupon, CouponState, hold_until
from server.core.ids import CouponId, Slot, StudentId
from server.core.promotions.batches import Batch
from server.core.promotions.holders import HolderKind, HolderLimit, holder_limits
from server.core.promotions.templates import Template
from server.core.refusals import Code, Refused
from server.desk import DeskReplacedError
from server.desk.claims.caps import Cap, CapName, CapsMissing, TakenSlots
from server.desk.drops.drop_desk import DropDesk
from server.flows.abort import Abort, abort_if, returns_refusal
from server.flows.access.blocked import BlockedAs, block_refusal
from server.flows.coupons.load_caps import caps_of_claim, read_used_slots
from server.flows.coupons.new_coupons import window_of
from server.flows.promotions.stops import claims_refusal
from server.flows.stores import batch_and_template
from server.ledger import desks, event_log
from server.ledger.coupons import codes as rows
from server.ledger.coupons import coupons, holder_slots
from server.ledger.coupons.codes import CampaignCode, CodeBinding, FoundCode
from server.ledger.coupons.holder_slots import HolderSlot
from server.ledger.drops import claims
from server.ledger.engine import Ledger

_TRIES: Final = 4  # another code of the same student, or a rebuild, may come in between


@dataclass(frozen=True, slots=True)
class _Slots:
    """The slots that a code is bound to. `in_campaign` is None where the campaign has no limit; `of_holders`
    are those of the person and the device; `epoch` is that of the desk that gave them, None where the desk
    counts nothing of this batch.
    """

    in_batch: Slot
    in_campaign: CampaignCode | None = None
    of_holders: tuple[HolderSlot, ...] = ()
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """The student who types, with what the conditions of a batch depend on."""

    student: StudentId
    tags: frozenset[str] = frozenset()
    is_new: bool = False
    person: str | None = None
    device: str | None = None


@returns_refusal
async def bind_code(
    ledger: Ledger, desk: DropDesk, account: Account, typed: str, now: int
) -> Coupon | Refused:
    """Return the coupon, which is in the student's wallet now. Repeatable: a code that is theirs already is
    returned as it is.

    Refuses with not_found, also where the batch is not for this account; blocked; wrong_state outside the
    batch's claim window and while claims are stopped; limit_reached (`limit`:
    batch, campaign, person or device); unavailable.
    """
    student = account.student
    async with ledger.read() as conn:
        found = await rows.find_code(conn, codes.spellings(typed))
        if found is None or not _may_see(found, student):
            return Refused(Code.NOT_FOUND)
        batch, template = await batch_and_template(conn, found.batch_id)
        stopped = await claims_refusal(conn, batch)
        blocked = await block_refusal(conn, _blocked_as(account), now)
    if found.student is None:
        if not batch.conditions.admits(student, account.tags, account.is_new):
            return Refused(Code.NOT_FOUND)
        abort_if(blocked or stopped or binding_refusal(batch, now))
        await _bind(ledger, desk, _Request(found.id, account, batch, template, now))
    async with ledger.read() as conn:
        (coupon,) = await coupons.by_ids(conn, [found.id])
    return coupon if coupon.student == student else Refused(Code.NOT_FOUND)


def _blocked_as(account: Account) -> BlockedAs:
    return BlockedAs(account.student, account.tags, account.person, account.device)


def _may_see(found: FoundCode, student: str) -> bool:
    if found.student is None:
        return found.state is CouponState.USABLE
    return found.student == student


@dataclass(frozen=True, slots=True)
class _Request:
    coupon_id: CouponId
    account: Account
    batch: Batch
    template: Template
    now: int

    @property
    def student(self) -> StudentId:
        return self.account.student

    @property
    def caps(self) -> list[Cap]:
        """Return the caps on the desk that the code counts for."""
        return caps_of_claim(self.batch, self.account.person, self.account.device)


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
    found = _Slots(Slot(0))
    if request.batch.quantity is None:  # no drop can use it, so the desk counts nothing of it
        found = await _find_in_ledger(ledger, desk, request)
    caps = request.caps
    if not caps:
        return found
    taken = await _take_on_desk(ledger, desk, request, caps, reads_ledger=reads_ledger)
    if isinstance(taken, CapName):
        raise _limit_reached(taken)
    for cap in caps:
        found = _with_slot(found, request, cap, taken.slots[cap.name])
    return replace(found, epoch=taken.epoch)


def _with_slot(found: _Slots, request: _Request, cap: Cap, slot: Slot) -> _Slots:
    match cap.name:
        case CapName.BATCH:
            return replace(found, in_batch=slot)
        case CapName.CAMPAIGN:
            code = CampaignCode(request.coupon_id, cap.id, request.student, slot, cap.most)
            return replace(found, in_campaign=code)
        case CapName.PERSON | CapName.DEVICE:
            limit = HolderLimit(HolderKind(cap.name.value), cap.holder, cap.most)
            one = HolderSlot(limit, request.batch.id, slot, coupon_id=request.coupon_id)
            return replace(found, of_holders=(*found.of_holders, one))


async def _find_in_ledger(ledger: Ledger, desk: DropDesk, request: _Request) -> _Slots:
    """Return free slots of a batch that the desk does not count, for the student, the person and the device.

    Two codes at once may find the same; the ledger refuses the second, which tries again.
    """
    batch, account = request.batch, request.account
    of_holders: list[HolderSlot] = []
    async with ledger.read() as conn:
        used = await claims.used_slots(conn, batch.id, account.student)
        in_batch = next((Slot(n) for n in range(1, batch.per_student + 1) if n not in used), None)
        full = None if in_batch is not None else CapName.BATCH
        for limit in holder_limits(batch, account.person, account.device):
            slot = await holder_slots.find_free(conn, batch.id, limit)
            if slot is None:
                full = full or CapName(limit.kind.value)
            else:
                of_holders.append(HolderSlot(limit, batch.id, slot, coupon_id=request.coupon_id))
    if in_batch is None or full is not None:
        await _give_back(desk, request)  # an earlier try may have taken a slot of the campaign
        raise _limit_reached(full or CapName.BATCH)
    return _Slots(in_batch, of_holders=tuple(of_holders))


async def _take_on_desk(
    ledger: Ledger, desk: DropDesk, request: _Request, caps: Sequence[Cap], *, reads_ledger: bool
) -> TakenSlots | CapName:
    """Return the slots, or the cap of which the student has used all."""
    arguments = (request.batch.shard, caps, request.student, request.coupon_id)
    of_ledger = (ledger, request.batch.shard, caps, request.student)
    known = await read_used_slots(*of_ledger) if reads_ledger else None
    taken = await desk.take_slots(*arguments, known)
    if isinstance(taken, CapsMissing):
        known = await read_used_slots(*of_ledger)
        taken = await desk.take_slots(*arguments, known)
    if isinstance(taken, CapsMissing):  # told what the student has used, a desk gives slots
        raise DeskReplacedError(f"the desk of {request.batch.id} was rebuilt meanwhile")
    return taken


def _limit_reached(cap: CapName) -> Abort:
    detail = f"you have all you may of this {cap.value}"
    return Abort(Refused(Code.LIMIT_REACHED, detail, {"limit": cap.value}))


async def _give_back(desk: DropDesk, request: _Request) -> None:
    if request.caps:
        await desk.give_slots_back(
            request.batch.shard, request.caps, request.student, request.coupon_id
        )


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
        if is_bound:
            await _count_further(conn, request, slots)
            told = await _told(conn, request, binding)
            await event_log.record(conn, [coupon_events.confirmed(told, request.now)])
    return is_bound


async def _told(conn: AsyncConnection, request: _Request, binding: CodeBinding) -> ConfirmedCoupon:
    code, source = await rows.code_and_source(conn, binding.coupon_id)
    return ConfirmedCoupon(
        id=binding.coupon_id,
        code=code,
        student=binding.student,
        batch_id=request.batch.id,
        template_id=request.batch.template_id,
        template_version=request.batch.template_version,
        valid_from=binding.valid_from,
        valid_until=binding.valid_until,
        hold_until=binding.hold_until,
        source=source,
    )


async def _count_further(conn: AsyncConnection, request: _Request, slots: _Slots) -> None:
    """Count the bound code in its campaign, for its person and for its device."""
    if slots.in_campaign is not None:
        await rows.count_in_campaign(conn, slots.in_campaign)
    await holder_slots.count(conn, slots.of_holders)
    if request.account.person:
        person = (request.student, request.account.person)
        await holder_slots.note_persons(conn, [person], request.now)
