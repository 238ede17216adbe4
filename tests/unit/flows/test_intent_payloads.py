"""Intents of an older release may be pending when a new one starts, so their stored form never changes."""

import pytest

from server.core.ids import ClaimId, CouponId, StudentId
from server.flows.drops.intents.intent_payloads import (
    ClosePayload,
    ExtendPayload,
    MoveHoldPayload,
    OpenPayload,
    Payload,
    ReleasedClaim,
    ReleasePayload,
    ReopenPayload,
    TopUpPayload,
    new_intent,
    payload_of,
)

STORED = [
    (OpenPayload(), "open", {}),
    (OpenPayload(1_700_000_000_250), "open", {"opens_at": 1_700_000_000_250}),
    (TopUpPayload("alt_1"), "top_up", {"allotment_id": "alt_1"}),
    (
        ExtendPayload(duration_ms=30_000, expected_closes_at=1_700_000_000_000),
        "extend",
        {"ms": 30_000, "expected_closes_at": 1_700_000_000_000},
    ),
    (ClosePayload(), "close", {"openings": 1}),
    (ReopenPayload(3), "reopen", {"openings": 3}),
    (
        ReleasePayload(
            (
                ReleasedClaim(ClaimId("clm_1"), StudentId("s1"), CouponId("cpn_1")),
                ReleasedClaim(ClaimId("clm_2"), StudentId("s2"), CouponId("cpn_2")),
            )
        ),
        "release",
        {"claims": [["clm_1", "s1", "cpn_1"], ["clm_2", "s2", "cpn_2"]]},
    ),
    (MoveHoldPayload(("cpn_1", "cpn_2")), "move_hold", {"coupons": ["cpn_1", "cpn_2"]}),
]


@pytest.mark.parametrize(("payload", "kind", "stored"), STORED)
def test_each_kind_is_stored_as_ever_and_read_back_the_same(
    payload: Payload, kind: str, stored: dict[str, object]
) -> None:
    intent = new_intent("drp_1", payload, 5)
    assert (intent.kind, intent.payload, intent.drop_id, intent.created_at) == (
        kind,
        stored,
        "drp_1",
        5,
    )
    assert payload_of(intent) == payload
