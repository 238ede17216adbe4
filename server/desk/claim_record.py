"""A claim as the desk keeps it: one string in the holders hash of its drop.

`state|claim|unit|slot|request|won_at|coupon`, written by claim.lua, confirm.lua, release.lua and the
rebuild; the coupon is JSON and last, because it may hold anything.
"""

from dataclasses import dataclass

import orjson

from server.core.drops.claims import ClaimState

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
    claim_id: str
    unit: int
    slot: int
    request_id: str
    won_at: int
    coupon: bytes

    @property
    def coupon_id(self) -> str | None:
        return str(orjson.loads(self.coupon)["id"]) if self.coupon else None


def parse(record: bytes) -> HeldClaim:
    state, claim_id, unit, slot, request_id, won_at, coupon = record.split(b"|", 6)
    return HeldClaim(
        _STATES[state.decode()],
        claim_id.decode(),
        int(unit),
        int(slot),
        request_id.decode(),
        int(won_at),
        coupon,
    )


def dump(claim: HeldClaim) -> bytes:
    head = (
        f"{_LETTERS[claim.state]}|{claim.claim_id}|{claim.unit}|{claim.slot}"
        f"|{claim.request_id}|{claim.won_at}|"
    )
    return head.encode() + claim.coupon
