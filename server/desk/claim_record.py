"""A claim as the desk keeps it: one string in the holders hash of its drop.

`state|claim|unit|slot|request|won_at|coupon`, written by claim.lua, confirm.lua, release.lua and the
rebuild; the coupon is JSON and last, because it may hold anything.
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
    """`coupon` is the JSON that `claim_confirmed` shows; empty until confirmed, and kept when lost."""

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
    head = (
        f"{_LETTERS[claim.state]}|{claim.claim_id}|{claim.unit}|{claim.slot}"
        f"|{claim.request_id}|{claim.won_at}|"
    )
    return head.encode() + claim.coupon
