"""Answers that are written as bytes elsewhere are what their models document."""

import orjson

from server.api.drops.claims import ClaimResponse
from server.api.drops.rooms import SnapshotResponse
from server.core.drops.claims import ClaimState, Outcome
from server.core.drops.drops import CloseReason, DropState
from server.core.instants import to_text
from server.frames import wire
from tests.support.builders.desks import a_room_drop

COUPON = orjson.dumps(
    {
        "id": "cpn_1",
        "code": "AAAA-BBBB",
        "name": "Ten off",
        "valid_from": to_text(0),
        "valid_until": to_text(1_000),
        "use_by": to_text(1_000),
        "state": "usable",
    }
)


EXPLAINED = {
    "reason": "taken",
    "units": 500,
    "last_at": to_text(0),
    "after_ms": 412,
    "tap": 1204,
}


def test_a_claims_answer_is_as_documented() -> None:
    for outcome in Outcome:
        fields = wire.claim_fields("q", "drp_1", outcome, 500, "batch", EXPLAINED)
        shown = ClaimResponse.model_validate(fields, extra="forbid")
        assert shown.model_dump(mode="json") == fields


def test_a_snapshot_is_as_documented() -> None:
    drop = wire.public_drop(a_room_drop(closed_at=5_000), DropState.CLOSED, 0)
    assert drop["close_reason"] == CloseReason.STOPPED
    head = wire.welcome_head(room="r", now=1, epoch="e", offset=2, present=3, drops=[drop])
    claim = wire.my_claim("drp_1", ClaimState.CONFIRMED, 4, COUPON)
    text = head + wire.welcome_tail("ann", [claim])
    shown = SnapshotResponse.model_validate_json(text, extra="forbid")
    assert shown.model_dump(mode="json") == orjson.loads(text)
