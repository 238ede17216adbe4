"""The claims of a student in a welcome. Used by `room.py`."""

from collections.abc import Mapping

from server.core.drops.claims import ClaimState
from server.core.ids import DropId
from server.desk.claims.claim_record import HeldClaim
from server.frames import wire, wire_state


def known(held: Mapping[DropId, HeldClaim | None]) -> dict[DropId, HeldClaim]:
    """Return the claims that there are."""
    return {drop_id: claim for drop_id, claim in held.items() if claim is not None}


def claims_to_show(
    mine: Mapping[DropId, HeldClaim], left_out: frozenset[str]
) -> list[dict[str, object]]:
    """Return the claims for the welcome's tail, without those of drops that the head has left out. Where
    coupons do not all fit, the newest ones are included."""
    held = {d: claim for d, claim in mine.items() if d not in left_out} if left_out else mine
    newest = sorted(held.items(), key=lambda one: one[1].won_at, reverse=True)
    coupons = [(d, claim.coupon) for d, claim in newest if claim.state is ClaimState.CONFIRMED]
    fitting = wire_state.coupons_within(coupons) if coupons else ()
    return [
        wire.my_claim(d, claim.state, claim.won_at, claim.coupon if d in fitting else b"")
        for d, claim in held.items()
    ]
