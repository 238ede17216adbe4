"""The states of the student's coupons: which of two messages is the later one, and what has expired.

Called by `room`. Pure: no IO, no timer. Twin of `javascript/coupons.js`.
"""

from typing import Final, cast

from client_sdk.python.frames import instant_ms, is_instant
from client_sdk.python.shapes import Coupon, CouponChange, WalletCoupon

# A state that is not listed comes from a later server and is ignored.
STATES: Final = frozenset({"usable", "locked", "redeemed", "expired", "voided"})
_STATE_FIELDS: Final = ("state", "version", "order_id", "locked_until", "redeemed_at")


class Coupons:
    """The latest known state of each coupon.

    Frames may arrive in any order, and a wallet that was read earlier may be handed in later. The version
    of a coupon counts its changes of state, so the higher version is the later one.
    """

    def __init__(self) -> None:
        self._latest: dict[str, dict[str, object]] = {}  # coupon id -> its state fields
        self._told: dict[str, int] = {}  # coupon id -> the version of which events have told

    def take(self, change: CouponChange) -> bool:
        """Keep the change, and return whether it is newer than what is known.

        A change without a version counts as newer.
        """
        coupon_id = change["coupon_id"]
        latest = self._latest.get(coupon_id)
        version = change.get("version", _version(latest or {}) + 1)
        if change["state"] not in STATES or (latest is not None and version <= _version(latest)):
            return False
        self._latest[coupon_id] = {**_state_fields(change), "version": version}
        if is_instant(change.get("use_by")):
            self._latest[coupon_id]["use_by"] = change["use_by"]
        return True

    def tell(self, change: CouponChange, *, is_move: bool) -> bool:
        """Return whether an event is to tell of this state, once for each version, whoever reports it: a
        frame, a wallet or a welcome.

        `is_move` False: it is how a coupon stands, which is no event for one not known before.
        """
        coupon_id = change["coupon_id"]
        latest, told = _version(self._latest.get(coupon_id, {})), self._told.get(coupon_id)
        if change.get("version", latest) < latest or (told is not None and latest <= told):
            return False
        self._told[coupon_id] = latest
        return is_move or told is not None

    def with_latest_state(self, coupon: Coupon, server_now: int) -> Coupon:
        """Return the coupon with its latest known state; a usable one expires by the server's time."""
        latest = self._latest.get(coupon["id"], {})
        if _version(latest) > _version(coupon):
            plain = {name: value for name, value in coupon.items() if name not in _STATE_FIELDS}
            coupon = cast(Coupon, {**plain, **latest})
        else:
            self._latest[coupon["id"]] = _state_fields(coupon)
        ends_at = expires_at(coupon)
        is_over = ends_at is not None and server_now >= ends_at
        return {**coupon, "state": "expired"} if is_over else coupon


def expires_at(coupon: Coupon | None) -> int | None:
    """Return the server's time, in ms, at which the coupon expires; None where time does not end it."""
    if coupon is None or coupon.get("state", "usable") != "usable":
        return None
    use_by = coupon["use_by"] if is_instant(coupon.get("use_by")) else None
    return None if use_by is None else instant_ms(use_by)


def change_of(coupon: Coupon | WalletCoupon, drop_id: str | None) -> CouponChange:
    """Return how a coupon stands, as a change."""
    fields: dict[str, object] = {"coupon_id": coupon["id"]}
    if drop_id is not None:
        fields["drop_id"] = drop_id
    if coupon.get("use_by") is not None:
        fields["use_by"] = coupon["use_by"]
    return cast(CouponChange, {**fields, "state": "usable", **_state_fields(coupon)})


def differ(one: Coupon | None, other: Coupon | None) -> bool:
    """Return whether the two differ in what a page shows."""
    return _visible(one) != _visible(other)


def _visible(coupon: Coupon | None) -> tuple[object, ...]:
    fields = cast(dict[str, object], coupon or {})
    return fields.get("state", "usable"), _version(fields), fields.get("use_by")


def _version(fields: object) -> int:
    version = cast(dict[str, object], fields).get("version")
    return version if isinstance(version, int) else 0


def _state_fields(fields: object) -> dict[str, object]:
    known = cast(dict[str, object], fields)
    return {name: known[name] for name in _STATE_FIELDS if name in known}
