"""Writes a coupon as its student sees it: the only module that knows these JSON field names of the socket.

Called by flows, which store the result on the desk and publish it to rooms. wire.py has all other frames.
"""

from functools import lru_cache

import orjson

from server.core.coupons.coupons import UNMOVED, ClaimCoupon, Coupon, Standing
from server.core.instants import to_text


def coupon_json(coupon: ClaimCoupon) -> bytes:
    """Return `coupon_fields` as JSON, for a coupon that has not moved.

    The part that the winners of one moment share is made once, which takes 0.7 us for each coupon instead of
    4. Ids and codes are ours and need no escaping.
    """
    dates = (coupon.valid_from, coupon.valid_until, coupon.use_by)
    shared = _shared_of_coupon(coupon.template.form.name, coupon.template.form.use_url, *dates)
    return b'{"id":"%b","code":"%b",%b' % (coupon.id.encode(), coupon.code.encode(), shared)


@lru_cache(maxsize=1_024)
def _shared_of_coupon(
    name: str, use_url: str | None, valid_from: int, valid_until: int, use_by: int
) -> bytes:
    """Return the coupon's JSON without id and code, and without the opening brace."""
    fields = _coupon_fields(name, use_url, valid_from, valid_until, use_by)
    return orjson.dumps({**fields, **standing_fields(UNMOVED)})[1:]


def coupon_fields(coupon: Coupon | ClaimCoupon, standing: Standing = UNMOVED) -> dict[str, object]:
    """Return `coupon` of claim_confirmed and welcome. Invariant: its standing comes last, because
    scripts/confirm.lua splits there.
    """
    dates = (coupon.valid_from, coupon.valid_until, coupon.use_by)
    shared = _coupon_fields(coupon.template.form.name, coupon.template.form.use_url, *dates)
    return {"id": coupon.id, "code": coupon.code, **shared, **standing_fields(standing)}


def standing_fields(standing: Standing) -> dict[str, object]:
    """Return the standing. Invariant: `state` first, then `version` (absent if 0): desk/scripts/confirm.lua
    reads both.
    """
    fields: dict[str, object] = {"state": standing.state}
    if standing.version:
        fields["version"] = standing.version
    if standing.order_id is not None:
        fields["order_id"] = standing.order_id
    if standing.locked_until is not None:
        fields["locked_until"] = to_text(standing.locked_until)
    if standing.redeemed_at is not None:
        fields["redeemed_at"] = to_text(standing.redeemed_at)
    return fields


def coupon_changed(
    coupon_id: str, drop_id: str | None, use_by: int, standing: Standing
) -> dict[str, object]:
    """Return a coupon_changed frame; `drop_id` is None for a coupon without a drop."""
    of_drop = {} if drop_id is None else {"drop_id": drop_id}
    head = {"type": "coupon_changed", "coupon_id": coupon_id, **of_drop}
    return {**head, "use_by": to_text(use_by), **standing_fields(standing)}


def _coupon_fields(
    name: str, use_url: str | None, valid_from: int, valid_until: int, use_by: int
) -> dict[str, object]:
    fields: dict[str, object] = {
        "name": name,
        "valid_from": to_text(valid_from),
        "valid_until": to_text(valid_until),
        "use_by": to_text(use_by),
    }
    if use_url is not None:
        fields["use_url"] = use_url
    return fields
