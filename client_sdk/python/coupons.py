"""How my coupons stand: which of two words about one coupon is the later one, and what time makes of it.

Used by `room`. Pure: no IO, no timer. Twin of `javascript/coupons.js`.
"""

from typing import Final, cast

from client_sdk.python.frames import instant_ms, is_instant
from client_sdk.python.shapes import Coupon, CouponChange

# A word we do not know is ignored.
STATES: Final = frozenset({"usable", "locked", "redeemed", "expired", "voided"})
_STANDING: Final = ("state", "version", "order_id", "locked_until", "redeemed_at")


class Coupons:
    def __init__(self) -> None:
        self._latest: dict[str, dict[str, object]] = {}  # by coupon id: how it stands

    def take(self, change: CouponChange) -> bool:
        """Whether this says something new. Its version says so; without one it is believed."""
        coupon_id = change["coupon_id"]
        known = _version(self._latest.get(coupon_id, {}))
        version = change.get("version", known + 1)
        if change["state"] not in STATES or version <= known:
            return False
        self._latest[coupon_id] = {**_standing(change), "version": version}
        if is_instant(change.get("use_by")):
            self._latest[coupon_id]["use_by"] = change["use_by"]
        return True

    def as_known(self, coupon: Coupon, server_now: int) -> Coupon:
        """The coupon as it was told, or as a later word said; a usable one is expired by server time."""
        latest = self._latest.get(coupon["id"], {})
        if _version(latest) > _version(coupon):
            plain = {name: value for name, value in coupon.items() if name not in _STANDING}
            coupon = cast(Coupon, {**plain, **latest})
        else:
            self._latest[coupon["id"]] = _standing(coupon)
        ends_at = expires_at(coupon)
        is_over = ends_at is not None and server_now >= ends_at
        return {**coupon, "state": "expired"} if is_over else coupon


def expires_at(coupon: Coupon | None) -> int | None:
    """The moment of server time, in ms, at which it expires; None where it does not by itself."""
    if coupon is None or coupon.get("state", "usable") != "usable":
        return None
    use_by = coupon["use_by"] if is_instant(coupon.get("use_by")) else None
    return None if use_by is None else instant_ms(use_by)


def differ(one: Coupon | None, other: Coupon | None) -> bool:
    """Whether a page has to show something else."""
    return _shown(one) != _shown(other)


def _shown(coupon: Coupon | None) -> tuple[object, ...]:
    fields = cast(dict[str, object], coupon or {})
    return fields.get("state", "usable"), _version(fields), fields.get("use_by")


def _version(fields: object) -> int:
    version = cast(dict[str, object], fields).get("version")
    return version if isinstance(version, int) else 0


def _standing(fields: object) -> dict[str, object]:
    told = cast(dict[str, object], fields)
    return {name: told[name] for name in _STANDING if name in told}
