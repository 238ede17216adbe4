"""A student types a code: the coupon is theirs, within the limit of its batch.

Called by the API. The order, and why:

1. one look at the code, the same for every code there is or is not: unknown, voided and somebody else's are
   one answer;
2. the desk gives the slot, where the batch may be dropped: who taps and types at once is counted once
   (promise I2). Asked again for the same code it gives the same slot;
3. one conditional UPDATE binds the code, on the desk that gave the slot and no other; the ledger has its own
   constraint on (batch, student, slot) over claims and codes.

A slot whose code went to somebody else is given back. Where this process dies between 2 and 3, the student
may ask again for an hour; after that the slot is free once the desk is rebuilt.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import IntegrityError

from server.core import codes
from server.core.batches import Batch
from server.core.code_runs import binding_refusal
from server.core.coupons import Coupon, CouponState, hold_until, use_window
from server.core.refusals import Code, Refused
from server.core.templates import Template
from server.desk import DeskReplacedError
from server.desk.drop_desk import DropDesk
from server.flows.places import offer_of
from server.flows.stopping import Stop, refusing, stop_if
from server.flows.stops import claims_refusal
from server.ledger import claims, coupons, desks
from server.ledger import codes as rows
from server.ledger.codes import Binding, Found
from server.ledger.engine import Ledger

_TRIES: Final = 4  # another tap or code of the same student, or a rebuild, may come in between


@dataclass(frozen=True, slots=True)
class _Slot:
    """`epoch`: which load of the desk gave it; None: the desk has no part in it."""

    number: int
    epoch: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """Who types, and what the conditions of a batch ask of their account."""

    student: str
    tags: frozenset[str] = frozenset()
    is_new: bool = False


@refusing
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
        batch, template = await offer_of(conn, found.batch_id)
        stopped = await claims_refusal(conn, batch)
    if found.student is None:
        if not batch.conditions.admits(account.tags, account.is_new):
            return Refused(Code.NOT_FOUND)
        stop_if(stopped or binding_refusal(batch, now))
        await _bind(ledger, desk, _Wish(found.id, student, batch, template, now))
    async with ledger.read() as conn:
        (coupon,) = await coupons.by_ids(conn, [found.id])
    return coupon if coupon.student == student else Refused(Code.NOT_FOUND)


def _may_see(found: Found, student: str) -> bool:
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
        slot = await _take_slot(ledger, desk, wish)
        try:
            is_bound = await _write(ledger, wish, slot)
        except (IntegrityError, DeskReplacedError):
            continue  # another of the student's own came first, or the desk was loaded anew
        if not is_bound and slot.epoch is not None and not await _is_theirs(ledger, wish):
            await desk.give_slot_back(wish.batch.shard, wish.batch.id, wish.student, wish.coupon_id)
        return
    raise Stop(Refused(Code.UNAVAILABLE))


async def _take_slot(ledger: Ledger, desk: DropDesk, wish: _Wish) -> _Slot:
    batch = wish.batch
    if batch.quantity is None:  # no drop can use it, so no desk knows it
        async with ledger.read() as conn:
            used = await claims.used_slots(conn, batch.id, wish.student)
        free = next((n for n in range(1, batch.per_student + 1) if n not in used), None)
        slot = _Slot(free, None) if free is not None else None
    else:
        taken = await desk.take_slot(
            batch.shard, batch.id, wish.student, wish.coupon_id, batch.per_student
        )
        slot = _Slot(*taken) if taken is not None else None
    if slot is None:
        raise Stop(
            Refused(Code.LIMIT_REACHED, "you have all you may of this batch", {"limit": "batch"})
        )
    return slot


async def _is_theirs(ledger: Ledger, wish: _Wish) -> bool:
    """By a request of theirs that was quicker: the slot is in use."""
    async with ledger.read() as conn:
        (coupon,) = await coupons.by_ids(conn, [wish.coupon_id])
    return coupon.student == wish.student


async def _write(ledger: Ledger, wish: _Wish, slot: _Slot) -> bool:
    batch = wish.batch
    window = batch.claim_window
    usable = use_window(
        wish.template.validity, wish.now, window.until_at if window is not None else None
    )
    binding = Binding(
        wish.coupon_id,
        wish.student,
        slot.number,
        wish.now,
        usable.from_at,
        usable.until_at,
        hold_until(wish.now, batch.hold_seconds),
    )
    async with ledger.begin() as conn:
        if slot.epoch is not None and await desks.is_loaded_since(conn, batch.shard, slot.epoch):
            raise DeskReplacedError(f"the desk of {batch.id} was loaded anew meanwhile")
        return await rows.bind(conn, binding)
