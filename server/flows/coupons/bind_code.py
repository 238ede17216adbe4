"""A student types a code: the coupon is theirs, within the limit of its batch.

Called by the API. The order, and why:

1. one look at the code, the same for every code there is or is not: unknown, voided and somebody else's are
   one answer;
2. the desk gives a slot of the batch, where that may be dropped, and one of its campaign, where that has a
   limit for each student: who taps and types at once is counted once (promise I2). Asked again for the same
   code it gives the same slots. Where no drop of the batch is open the desk may not know what its students
   have used, and is told of this one;
3. one conditional UPDATE binds the code, on the desk that gave the slots and no other; the ledger has its own
   constraints on (batch, student, slot) and (campaign, student, slot) over claims and codes.

Slots whose code went to somebody else are given back. Where this process dies between 2 and 3, the student
may ask again for an hour; after that the slots are free once the desk is rebuilt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import IntegrityError

from server.core.coupons import codes
from server.core.coupons.code_runs import binding_refusal
from server.core.coupons.coupons import Coupon, CouponState, hold_until
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.core.refusals import Code, Refused
from server.desk import DeskReplacedError
from server.desk.caps import Cap, CapName, CapsMissing, TakenSlots
from server.desk.drop_desk import DropDesk
from server.flows.abort import Abort, abort_if, returns_refusal
from server.flows.coupons.load_caps import caps_of, used_by_student
from server.flows.coupons.new_coupons import window_of
from server.flows.promotions.stops import claims_refusal
from server.flows.stores import batch_and_template
from server.ledger import desks
from server.ledger.coupons import codes as rows
from server.ledger.coupons import coupons
from server.ledger.coupons.codes import CampaignCode, CodeBinding, FoundCode
from server.ledger.drops import claims
from server.ledger.engine import Ledger

_TRIES: Final = 4  # another tap or code of the same student, or a rebuild, may come in between


@dataclass(frozen=True, slots=True)
class _Slots:
    """`epoch`: which load of the desk gave them; None: the desk has no part in it. `in_campaign`, None: it
    has no limit."""

    in_batch: int
    in_campaign: CampaignCode | None = None
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """Who types, and what the conditions of a batch ask of their account."""

    student: str
    tags: frozenset[str] = frozenset()
    is_new: bool = False


@returns_refusal
async def bind_code(
    ledger: Ledger, desk: DropDesk, account: Account, typed: str, now: int
) -> Coupon | Refused:
    """The coupon, now in the student's wallet. Repeatable: one that is theirs is answered as it is.
    not_found, also where the batch is not for this account; wrong_state outside the batch's claim window and
    while claims are stopped; limit_reached.
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
        await _bind(ledger, desk, _Wish(found.id, student, batch, template, now))
    async with ledger.read() as conn:
        (coupon,) = await coupons.by_ids(conn, [found.id])
    return coupon if coupon.student == student else Refused(Code.NOT_FOUND)


def _may_see(found: FoundCode, student: str) -> bool:
    if found.student is None:
        return found.state is CouponState.USABLE
    return found.student == student


@dataclass(frozen=True, slots=True)
class _Wish:
    coupon_id: str
    student: str
    batch: Batch
    template: Template
    now: int


async def _bind(ledger: Ledger, desk: DropDesk, wish: _Wish) -> None:
    for _ in range(_TRIES):
        slots = await _take_slots(ledger, desk, wish)
        try:
            is_bound = await _write(ledger, wish, slots)
        except (IntegrityError, DeskReplacedError):
            continue  # another of the student's own came first, or the desk was loaded anew
        if not is_bound and not await _is_theirs(ledger, wish):
            await _give_back(desk, wish)
        return
    raise Abort(Refused(Code.UNAVAILABLE))


async def _take_slots(ledger: Ledger, desk: DropDesk, wish: _Wish) -> _Slots:
    """Stop(limit_reached) where the student has used all of the batch, or of the campaign."""
    batch, in_batch = wish.batch, 0
    if batch.quantity is None:  # no drop can use it, so no desk counts for it
        async with ledger.read() as conn:
            used = await claims.used_slots(conn, batch.id, wish.student)
        in_batch = next((n for n in range(1, batch.per_student + 1) if n not in used), 0)
        if not in_batch:
            await _give_back(desk, wish)  # of the campaign's, by a try before
            raise _limit_reached(CapName.BATCH)
    caps = caps_of(batch)
    if not caps:
        return _Slots(in_batch)
    taken = await _take_on_desk(ledger, desk, wish, caps)
    if isinstance(taken, CapName):
        raise _limit_reached(taken)
    in_campaign = None
    for cap in caps:
        slot = taken.slots[cap.name]
        if cap.name is CapName.BATCH:
            in_batch = slot
        else:
            in_campaign = CampaignCode(wish.coupon_id, cap.id, wish.student, slot, cap.most)
    return _Slots(in_batch, in_campaign, taken.epoch)


async def _take_on_desk(
    ledger: Ledger, desk: DropDesk, wish: _Wish, caps: Sequence[Cap]
) -> TakenSlots | CapName:
    asked = (wish.batch.shard, caps, wish.student, wish.coupon_id)
    taken = await desk.take_slots(*asked)
    if isinstance(taken, CapsMissing):
        known = await used_by_student(ledger, wish.batch, wish.student)
        taken = await desk.take_slots(*asked, known)
    if isinstance(taken, CapsMissing):  # it takes what it is told
        raise DeskReplacedError(f"the desk of {wish.batch.id} was loaded anew meanwhile")
    return taken


def _limit_reached(cap: CapName) -> Abort:
    detail = f"you have all you may of this {cap.value}"
    return Abort(Refused(Code.LIMIT_REACHED, detail, {"limit": cap.value}))


async def _give_back(desk: DropDesk, wish: _Wish) -> None:
    caps = caps_of(wish.batch)
    if caps:
        await desk.give_slots_back(wish.batch.shard, caps, wish.student, wish.coupon_id)


async def _is_theirs(ledger: Ledger, wish: _Wish) -> bool:
    """By a request of theirs that was quicker: the slots are in use."""
    async with ledger.read() as conn:
        (coupon,) = await coupons.by_ids(conn, [wish.coupon_id])
    return coupon.student == wish.student


async def _write(ledger: Ledger, wish: _Wish, slots: _Slots) -> bool:
    batch = wish.batch
    usable = window_of(batch, wish.template, wish.now)
    binding = CodeBinding(
        wish.coupon_id,
        wish.student,
        slots.in_batch,
        wish.now,
        usable.from_at,
        usable.until_at,
        hold_until(wish.now, batch.hold_seconds),
    )
    async with ledger.begin() as conn:
        if slots.epoch is not None and await desks.is_loaded_since(conn, batch.shard, slots.epoch):
            raise DeskReplacedError(f"the desk of {batch.id} was loaded anew meanwhile")
        is_bound = await rows.bind(conn, binding)
        if is_bound and slots.in_campaign is not None:
            await rows.count_in_campaign(conn, slots.in_campaign)
    return is_bound
