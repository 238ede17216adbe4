"""Answers to claims: made of a kept head and tail, they are the frames that the wire would write."""

import orjson
import pytest

from server.core.drops import why
from server.core.drops.claims import ClaimState, Outcome
from server.core.ids import ClaimId, Slot, Unit
from server.desk.claims.claim_answers import ClaimAnswer
from server.desk.claims.claim_record import HeldClaim
from server.frames import wire
from server.gateway import claim_replies
from server.gateway.sockets.frames import text_frame

HELD = HeldClaim(
    ClaimState.CONFIRMED, ClaimId("clm_1"), Unit(1), Slot(1), "r1", 0, b'{"id":"cpn_1"}'
)


@pytest.mark.parametrize("request_id", ["r", "r1", "r" * 64, "drp_1", "sold_out", "a.b:c_d-E"])
@pytest.mark.parametrize(
    "answer",
    [
        ClaimAnswer(Outcome.SOLD_OUT),
        ClaimAnswer(Outcome.SOLD_OUT, why=why.taken(500, 1_000, 1_412)),
        ClaimAnswer(Outcome.CLOSED, why=why.ended(1_000, 1_412)),
        ClaimAnswer(Outcome.WON, HELD),
        ClaimAnswer(Outcome.LIMIT_REACHED, limit="batch"),
        ClaimAnswer(Outcome.RATE_LIMITED, retry_after_ms=250),
    ],
)
@pytest.mark.parametrize("tap", [1, 1_204])
def test_a_result_is_what_the_wire_writes(request_id: str, answer: ClaimAnswer, tap: int) -> None:
    fields = wire.claim_fields(
        request_id,
        "drp_1",
        answer.outcome,
        answer.retry_after_ms,
        answer.limit,
        None if answer.why is None else answer.why.told(tap),
    )
    written = text_frame(wire.claim_result(fields))
    assert claim_replies.claim_result("drp_1", request_id, answer, tap) == written


def test_results_of_two_drops_are_not_mixed_up() -> None:
    of_each = [
        claim_replies.claim_result(drop_id, "r1", ClaimAnswer(Outcome.SOLD_OUT))
        for drop_id in ("drp_1", "drp_2")
    ]
    assert [orjson.loads(frame[2:])["drop_id"] for frame in of_each] == ["drp_1", "drp_2"]


def test_a_confirmation_carries_the_coupon() -> None:
    frame = claim_replies.claim_confirmed("drp_1", HELD)
    assert orjson.loads(frame[2:])["coupon"] == {"id": "cpn_1"}
