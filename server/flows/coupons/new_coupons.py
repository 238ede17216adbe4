"""Make the coupon of a claim: its code, template version, use window and hold.

Called by persist_claims.py for many claims, by restore_claims.py for a claim that has lost its coupon, and by
bind_code.py for the use window alone. Reads and writes nothing.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from server.core.coupons import codes
from server.core.coupons.coupons import UseWindow, hold_until, use_window
from server.core.ids import ClaimId, CouponId
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.desk.outbox import OutboxEntry
from server.ids import new_id, new_ids
from server.ledger.coupons.coupons import NewCoupon
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
        made.append(_new_coupon(entry, ids, standing[entry.claim_id], batch, windows[moment]))
    return made


def new_coupon(row: ClaimRow, batch: Batch, template: Template) -> NewCoupon:
    """Return a coupon, under a new code, for a claim that is in the ledger without one."""
    code = codes.make(secrets.token_bytes(codes.ENTROPY_BYTES), batch.code_prefix)
    ids, window = (
        _Ids(row.id, CouponId(new_id("cpn")), code),
        window_of(batch, template, row.won_at),
    )
    return _new_coupon(row, ids, row, batch, window)


def window_of(batch: Batch, template: Template, from_at: int) -> UseWindow:
    """Return when a coupon may be used. `from_at` (ms) is when it was won, or its code bound."""
    batch_until = batch.claim_window.until_at if batch.claim_window is not None else None
    return use_window(template.form.validity, from_at, batch_until)


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
