"""Ids and numbers that stand side by side cannot be swapped: a type checker says so.

mypy runs with `warn_unused_ignores`. If one of the lines below were no error, its `type: ignore` would be
one, and `make lint` would fail. At run time the types do nothing, which is all that these tests run.
"""

from server.core.drops.claims import ClaimState
from server.core.ids import BatchId, ClaimId, CouponId, DropId, Slot, StudentId, Unit
from server.desk.claims.claim_record import HeldClaim
from server.desk.feed.feed_messages import Confirmation
from server.ledger.drops.claims import CampaignClaim

DROP, BATCH, CLAIM = DropId("drp_1"), BatchId("bat_1"), ClaimId("clm_1")
ADA, UNIT, SLOT = StudentId("ada"), Unit(7), Slot(1)


def test_a_unit_is_no_slot() -> None:
    HeldClaim(ClaimState.WON, CLAIM, UNIT, SLOT, "r1", 0, b"")
    swapped = HeldClaim(
        ClaimState.WON,
        CLAIM,
        SLOT,  # type: ignore[arg-type]
        UNIT,  # type: ignore[arg-type]
        "r1",
        0,
        b"",
    )
    assert swapped.unit == 1


def test_a_drop_is_no_batch() -> None:
    def open_drop(drop_id: DropId, batch_id: BatchId) -> tuple[str, str]:
        return drop_id, batch_id

    assert open_drop(DROP, BATCH) == ("drp_1", "bat_1")
    assert open_drop(BATCH, DROP)  # type: ignore[arg-type]


def test_a_student_is_no_drop() -> None:
    Confirmation(ADA, DROP, b"{}")
    assert Confirmation(DROP, ADA, b"{}")  # type: ignore[arg-type]


def test_a_claim_is_no_coupon_and_no_plain_text() -> None:
    CampaignClaim(CLAIM, "cmp_1", ADA, SLOT, 1)
    assert CampaignClaim(CouponId("cpn_1"), "cmp_1", ADA, SLOT, 1)  # type: ignore[arg-type]
    assert CampaignClaim("clm_1", "cmp_1", ADA, SLOT, 1)  # type: ignore[arg-type]
