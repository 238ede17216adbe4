"""Which coupon a claim becomes: its code, its batch's version of the template, its window and its hold.

Called by persist_claims.py for a batch of claims, by restore_claims.py for one that has lost its coupon, and
by bind_code.py for the window alone. Asks nothing and writes nothing.
"""

import secrets
from collections.abc import Mapping, Sequence

from server.core.coupons import codes
from server.core.coupons.coupons import UseWindow, hold_until, use_window
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.desk.outbox import OutboxEntry
from server.ids import new_id, new_ids
from server.ledger.coupons.coupons import NewCoupon
from server.ledger.drops.claims import ClaimRow, ClaimStanding
from server.ledger.promotions.budgets import BUDGET_EXPOSED


def new_coupons(
    entries: Sequence[OutboxEntry],
    standing: Mapping[str, ClaimStanding],
    facts: Mapping[str, tuple[Batch, Template]],
) -> list[NewCoupon]:
    """Of those whose batch there is; what is bought by the dozen is made by the dozen."""
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
        names, window = (entry.claim_id, coupon_id, code), windows[moment]
        made.append(_new_coupon(entry, names, standing[entry.claim_id], batch, window))
    return made


def new_coupon(row: ClaimRow, batch: Batch, template: Template) -> NewCoupon:
    """Of a claim that is in the ledger without one, under a code that nobody has seen yet."""
    code = codes.make(secrets.token_bytes(codes.ENTROPY_BYTES), batch.code_prefix)
    names, window = (row.id, new_id("cpn"), code), window_of(batch, template, row.won_at)
    return _new_coupon(row, names, row, batch, window)


def window_of(batch: Batch, template: Template, from_at: int) -> UseWindow:
    """`from_at`: when it was won, or its code bound."""
    batch_until = batch.claim_window.until_at if batch.claim_window is not None else None
    return use_window(template.form.validity, from_at, batch_until)


def _new_coupon(
    claim: OutboxEntry | ClaimRow,
    names: tuple[str, str, str],
    standing: ClaimStanding | ClaimRow,
    batch: Batch,
    window: UseWindow,
) -> NewCoupon:
    """`names`: of the claim, the coupon, and the code. A claim may stand on another slot than it was sold."""
    claim_id, coupon_id, code = names
    return NewCoupon(
        coupon_id,
        code,
        batch.id,
        batch.template_id,
        batch.template_version,
        claim_id,
        claim.drop_id,
        claim.student,
        window.from_at,
        window.until_at,
        hold_until(standing.confirmed_at, batch.hold_seconds),
        standing.confirmed_at,
        standing.slot,
        None if batch.greatest_discount is None else BUDGET_EXPOSED,
    )
