"""Approvals: which sends need one, and who may give it."""

import pytest

from server.core.approvals.approvals import (
    NO_LIMITS,
    Approval,
    ApprovalKind,
    ApprovalState,
    SendLimits,
    decision_refusal,
    expires_at,
    over_limits,
)
from server.core.refusals import Code, Refused


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


def refusal(
    of: Approval, actor: str, wanted: ApprovalState, now: int = 0, waits_ms: int = 100
) -> Refused | None:
    return decision_refusal(of, actor, wanted, now, waits_ms)


def test_nobody_decides_about_what_they_asked_for() -> None:
    found = refusal(approval(ApprovalState.WAITING), "olga", ApprovalState.APPROVED)
    assert found is not None
    assert found.code is Code.WRONG_ROLE


def test_a_decision_may_be_sent_again_but_not_turned_round() -> None:
    waiting, approved = approval(ApprovalState.WAITING), approval(ApprovalState.APPROVED)
    assert refusal(waiting, "otto", ApprovalState.REJECTED) is None
    assert refusal(approved, "otto", ApprovalState.APPROVED) is None
    found = refusal(approved, "otto", ApprovalState.REJECTED)
    assert found is not None
    assert (found.code, found.facts) == (Code.WRONG_STATE, {"state": "approved"})


def test_what_nobody_answered_in_time_is_not_answered_any_more() -> None:
    waiting, approved = approval(ApprovalState.WAITING), approval(ApprovalState.APPROVED)
    for wanted in (ApprovalState.APPROVED, ApprovalState.REJECTED):
        assert refusal(waiting, "otto", wanted, now=99) is None
        found = refusal(waiting, "otto", wanted, now=100)
        assert found is not None
        assert (found.code, found.facts) == (Code.WRONG_STATE, {"state": "expired"})
    assert refusal(waiting, "otto", ApprovalState.APPROVED, now=100, waits_ms=0) is None
    assert refusal(approved, "otto", ApprovalState.APPROVED, now=100) is None
    expired = refusal(approval(ApprovalState.EXPIRED), "otto", ApprovalState.APPROVED)
    assert expired is not None


def test_only_what_waits_expires() -> None:
    assert expires_at(approval(ApprovalState.WAITING), 100) == 100
    assert expires_at(approval(ApprovalState.WAITING), 0) is None
    assert expires_at(approval(ApprovalState.APPROVED), 100) is None
