"""Make the coupons of claims and issuances: code, template version, use window and hold.

Called by persist_claims.py for many claims, by restore_claims.py for a claim that has lost its coupon, and by
bind_code.py for the use window alone; by issue_piece.py for the students of an issuance. Reads and writes
nothing.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from server.core.coupons import codes, coupon_events
from server.core.coupons.claim_sources import link_of, source_of
from server.core.coupons.coupon_events import ConfirmedCoupon
from server.core.coupons.coupons import ClaimCoupon, UseWindow, hold_until, use_window
from server.core.coupons.issuances import Issuance
from server.core.event_types import Event
from server.core.ids import ClaimId, CouponId, Slot, StudentId
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.desk.claims.outbox import OutboxEntry
from server.ids import new_id, new_ids
from server.ledger.coupons.coupons import IssuedCoupon, NewCoupon
from server.ledger.drops.claims import ClaimRow, ClaimStanding
from server.ledger.promotions.budgets import BUDGET_EXPOSED


def new_coupons(
    entries: Sequence[OutboxEntry],
    standing: Mapping[ClaimId, ClaimStanding],
    facts: Mapping[str, tuple[Batch, Template]],
) -> list[NewCoupon]:
    """Return a coupon for each entry whose batch is in `facts`, each under a new code.

    Random bytes and ids are drawn once for all: with a thousand claims that is most of the cost.
    """
    known = [entry for entry in entries if entry.batch_id in facts]
    entropy = secrets.token_bytes(codes.ENTROPY_BYTES * len(known))
    made, windows = [], dict[tuple[str, int], UseWindow]()
    for number, (entry, coupon_id) in enumerate(
        zip(known, new_ids("cpn", len(known)), strict=True)
    ):
        batch, template = facts[entry.batch_id]
        start = number * codes.ENTROPY_BYTES
        code = codes.make(entropy[start : start + codes.ENTROPY_BYTES], batch.code_prefix)
        moment = (entry.batch_id, entry.won_at)  # all winners of one script call share it
        if moment not in windows:
            windows[moment] = window_of(batch, template, entry.won_at)
        ids = _Ids(entry.claim_id, CouponId(coupon_id), code)
        coupon = _new_coupon(entry, ids, standing[entry.claim_id], batch, windows[moment])
        source = source_of(entry.room, entry.request_id)
        made.append(coupon if source == coupon.source else coupon._replace(source=source))
    return made


def new_coupon(row: ClaimRow, room: str, batch: Batch, template: Template) -> NewCoupon:
    """Return a coupon, under a new code, for a claim of a drop in `room` that the ledger has without one."""
    code = codes.make(secrets.token_bytes(codes.ENTROPY_BYTES), batch.code_prefix)
    ids, window = (
        _Ids(row.id, CouponId(new_id("cpn")), code),
        window_of(batch, template, row.won_at),
    )
    return _new_coupon(row, ids, row, batch, window)._replace(
        source=source_of(room, row.request_id)
    )


class Given(NamedTuple):
    """One coupon that an issuance gives: to whom, on which slot of its batch, as which part of a pack."""

    student: StudentId
    slot: Slot
    part: int = 1


def issued_coupons(
    issuance: Issuance, batch: Batch, template: Template, given: Sequence[Given], now: int
) -> list[IssuedCoupon]:
    """Return a coupon of the batch for each of `given`, each under a new code. They have no hold: a hold lets
    a class that is live have what one student does not use.
    """
    entropy = secrets.token_bytes(codes.ENTROPY_BYTES * len(given))
    window = window_of(batch, template, now)
    budget = None if batch.greatest_discount is None else BUDGET_EXPOSED
    made = []
    for number, (one, coupon_id) in enumerate(zip(given, new_ids("cpn", len(given)), strict=True)):
        start = number * codes.ENTROPY_BYTES
        made.append(
            IssuedCoupon(
                CouponId(coupon_id),
                codes.make(entropy[start : start + codes.ENTROPY_BYTES], batch.code_prefix),
                batch.id,
                batch.template_id,
                batch.template_version,
                issuance.source.value,
                one.student,
                window.from_at,
                window.until_at,
                None,
                now,
                one.slot,
                budget,
                issuance.id,
                one.part,
            )
        )
    return made


def window_of(batch: Batch, template: Template, from_at: int) -> UseWindow:
    """Return when a coupon may be used. `from_at` (ms) is when it was won, or its code bound."""
    batch_until = batch.claim_window.until_at if batch.claim_window is not None else None
    return use_window(template.form.validity, from_at, batch_until)


def confirmed_events(
    made: Sequence[NewCoupon], found: Sequence[ClaimCoupon], entries: Sequence[OutboxEntry]
) -> list[Event]:
    """Return the events of the coupons that this transaction has inserted: those that were read back under
    the id that was made for them. A claim that was redelivered has its coupon, and its event, already.
    """
    there = {each.id for each in found}
    rooms = {entry.claim_id: entry.room for entry in entries}
    return [confirmed_event(each, rooms[each.claim_id]) for each in made if each.id in there]


def confirmed_event(coupon: NewCoupon, room: str) -> Event:
    """Return the event of a claim's coupon that was just inserted."""
    link_id = link_of(room)
    told = ConfirmedCoupon(
        id=coupon.id,
        code=coupon.code,
        student=coupon.student,
        batch_id=coupon.batch_id,
        template_id=coupon.template_id,
        template_version=coupon.template_version,
        valid_from=coupon.valid_from,
        valid_until=coupon.valid_until,
        hold_until=coupon.hold_until,
        source=coupon.source,
        drop_id=coupon.drop_id,
        room=None if link_id else room,
        link_id=link_id,
    )
    return coupon_events.confirmed(told, coupon.created_at)


class _Ids(NamedTuple):
    claim_id: ClaimId
    coupon_id: CouponId
    code: str


def _new_coupon(
    claim: OutboxEntry | ClaimRow,
    ids: _Ids,
    standing: ClaimStanding | ClaimRow,
    batch: Batch,
    window: UseWindow,
) -> NewCoupon:
    """Return the coupon. Slot and time of confirmation come from `standing`: a reassigned claim has another
    slot than `claim`, the entry that the desk wrote.
    """
    return NewCoupon(
        id=ids.coupon_id,
        code=ids.code,
        batch_id=batch.id,
        template_id=batch.template_id,
        template_version=batch.template_version,
        claim_id=ids.claim_id,
        drop_id=claim.drop_id,
        student=claim.student,
        valid_from=window.from_at,
        valid_until=window.until_at,
        hold_until=hold_until(standing.confirmed_at, batch.hold_seconds),
        created_at=standing.confirmed_at,
        slot=standing.slot,
        budget=None if batch.greatest_discount is None else BUDGET_EXPOSED,
    )
