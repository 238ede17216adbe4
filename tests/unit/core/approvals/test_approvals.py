"""Approvals: which sends need one, and who may give it."""

import pytest

from server.core.approvals.approvals import (
    NO_LIMITS,
    Approval,
    ApprovalKind,
    ApprovalState,
    SendLimits,
    decision_refusal,
    over_limits,
)
from server.core.refusals import Code


@pytest.mark.parametrize(
    ("limits", "students", "each", "over"),
    [
        (NO_LIMITS, None, None, []),
        (SendLimits(100, 5_000), 100, 50, []),
        (SendLimits(100), 101, None, ["students"]),
        (SendLimits(100), None, 1, ["students"]),
        (SendLimits(0, 5_000), 101, 50, ["amount"]),
        (SendLimits(0, 5_000), 1, None, ["amount"]),
        (SendLimits(100, 5_000), None, 1, ["students", "amount"]),
    ],
)
def test_a_send_over_a_limit_needs_a_second_person(
    limits: SendLimits, students: int | None, each: int | None, over: list[str]
) -> None:
    assert over_limits(limits, students, each) == over


def approval(state: ApprovalState) -> Approval:
    return Approval(
        id="apv_1",
        kind=ApprovalKind.ISSUANCE,
        subject="iss_1",
        state=state,
        facts={},
        asked_by="olga",
        asked_at=0,
    )


def test_nobody_decides_about_what_they_asked_for() -> None:
    found = decision_refusal(approval(ApprovalState.WAITING), "olga", ApprovalState.APPROVED)
    assert found is not None
    assert found.code is Code.WRONG_ROLE


def test_a_decision_may_be_sent_again_but_not_turned_round() -> None:
    waiting, approved = approval(ApprovalState.WAITING), approval(ApprovalState.APPROVED)
    assert decision_refusal(waiting, "otto", ApprovalState.REJECTED) is None
    assert decision_refusal(approved, "otto", ApprovalState.APPROVED) is None
    found = decision_refusal(approved, "otto", ApprovalState.REJECTED)
    assert found is not None
    assert (found.code, found.facts) == (Code.WRONG_STATE, {"state": "approved"})
