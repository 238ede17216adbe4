"""Parses and writes a claim as the desk stores it: one string in the `holders` hash of its drop.

The form is `state|claim|unit|slot|request|won_at|coupon`. claim.lua, confirm.lua, release.lua, give_up.lua
and the rebuild write it. The coupon is JSON and comes last, because it may contain a `|`.
"""

from dataclasses import dataclass

import orjson

from server.core.drops.claims import ClaimState
from server.core.ids import ClaimId, CouponId, Slot, Unit

_LETTERS = {
    ClaimState.WON: "w",
    ClaimState.CONFIRMED: "c",
    ClaimState.RELEASED: "l",
    ClaimState.REVOKED: "v",
}
_STATES = {letter: state for state, letter in _LETTERS.items()}


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """A student's claim as the desk has it.

    `won_at` is in ms. `coupon` is the JSON of `claim_confirmed`: empty until the claim is confirmed, and kept
    when it is released.
    """

    state: ClaimState
    claim_id: ClaimId
    unit: Unit
    slot: Slot
    request_id: str
    won_at: int
    coupon: bytes

    @property
    def coupon_id(self) -> CouponId | None:
        return CouponId(orjson.loads(self.coupon)["id"]) if self.coupon else None


def parse(record: bytes) -> HeldClaim:
    """Parse a value of the `holders` hash."""
    state, claim_id, unit, slot, request_id, won_at, coupon = record.split(b"|", 6)
    return HeldClaim(
        state=_STATES[state.decode()],
        claim_id=ClaimId(claim_id.decode()),
        unit=Unit(int(unit)),
        slot=Slot(int(slot)),
        request_id=request_id.decode(),
        won_at=int(won_at),
        coupon=coupon,
    )


def dump(claim: HeldClaim) -> bytes:
    """Return the value that `parse` reads."""
    head = (
        f"{_LETTERS[claim.state]}|{claim.claim_id}|{claim.unit}|{claim.slot}"
        f"|{claim.request_id}|{claim.won_at}|"
    )
    return head.encode() + claim.coupon
