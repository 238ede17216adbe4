"""Answers to students of a lesson become the verdict's history of each drop."""

import pytest

from client_sdk.python import Claim, ClaimState
from client_sdk.python.shapes import Coupon
from loadtest.lesson.student_outcomes import StudentOutcomes
from loadtest.verdict import StudentReport

AT = 1_800_000_000_000
COUPON: Coupon = {
    "id": "cpn_1",
    "code": "AB12",
    "name": "Ten off",
    "valid_from": "2026-03-01T00:00:00.000Z",
    "valid_until": "2026-03-08T00:00:00.000Z",
    "use_by": "2026-03-08T00:00:00.000Z",
    "state": "usable",
}


@pytest.fixture
def outcomes() -> StudentOutcomes:
    outcomes = StudentOutcomes()
    outcomes.add_drop("drp_1", 5, AT)
    return outcomes


def reports(outcomes: StudentOutcomes) -> list[StudentReport]:
    (history,) = outcomes.histories(is_private=True)
    assert (history.drop_id, history.stock) == ("drp_1", 5)
    return list(history.reports)


def claim(state: ClaimState, outcome: str | None = None, coupon: Coupon | None = None) -> Claim:
    return Claim("drp_1", state, outcome=outcome, coupon=coupon)


def test_winner_is_one_who_was_told_so_and_then_confirmed(outcomes: StudentOutcomes) -> None:
    assert outcomes.saw_drop("drp_1", "ann")
    outcomes.tap("drp_1", "ann")
    for heard in (
        claim(ClaimState.PENDING),
        claim(ClaimState.WON, "won"),
        claim(ClaimState.CONFIRMED, "won", COUPON),
    ):
        outcomes.claim_changed("ann", heard)

    assert reports(outcomes) == [
        StudentReport("ann", outcome="won", coupons=frozenset({"cpn_1"}), is_confirmed=True)
    ]


def test_tap_without_an_answer_stays_without_one(outcomes: StudentOutcomes) -> None:
    outcomes.tap("drp_1", "ann")
    outcomes.claim_changed("ann", claim(ClaimState.PENDING))

    assert reports(outcomes) == [StudentReport("ann")]


def test_refusal_may_become_a_win_and_not_the_reverse(outcomes: StudentOutcomes) -> None:
    outcomes.tap("drp_1", "ann")
    outcomes.claim_changed("ann", claim(ClaimState.REFUSED, "sold_out"))
    assert reports(outcomes)[0].outcome == "sold_out"

    outcomes.claim_changed("ann", claim(ClaimState.WON, "won"))
    outcomes.claim_changed("ann", claim(ClaimState.REFUSED, "sold_out"))
    assert reports(outcomes)[0].outcome == "won"


def test_win_that_was_taken_back_is_kept(outcomes: StudentOutcomes) -> None:
    outcomes.claim_changed("ann", claim(ClaimState.WON, "won"))
    outcomes.claim_changed("ann", claim(ClaimState.REVOKED))

    assert reports(outcomes)[0].is_revoked


def test_second_sight_of_a_drop_is_none(outcomes: StudentOutcomes) -> None:
    assert outcomes.saw_drop("drp_1", "ann")
    assert not outcomes.saw_drop("drp_1", "ann")


def test_who_leaves_with_an_open_question_need_not_be_answered(outcomes: StudentOutcomes) -> None:
    outcomes.tap("drp_1", "ann")
    outcomes.saw_drop("drp_1", "bob")
    outcomes.claim_changed("bob", claim(ClaimState.REFUSED, "sold_out"))
    for name in ("ann", "bob"):
        outcomes.joined(name, AT - 1)
        outcomes.left(name, AT + 60_000)

    assert {one.student: one.has_left for one in reports(outcomes)} == {"ann": True, "bob": False}


@pytest.mark.parametrize(
    ("since", "until", "is_blind"),
    [
        (AT - 1, None, True),
        (AT - 1, AT + 60_000, True),
        (AT + 1, None, False),  # joined after the drop opened
        (AT - 1, AT + 1_000, False),  # left just after the drop opened
    ],
)
def test_who_sat_through_a_drop_must_have_seen_it(
    since: int, until: int | None, is_blind: bool, outcomes: StudentOutcomes
) -> None:
    outcomes.joined("ann", since)
    if until is not None:
        outcomes.left("ann", until)

    assert [one.was_reached for one in reports(outcomes)] == ([False] if is_blind else [])


def test_outcomes_of_two_processes_merge_into_one(outcomes: StudentOutcomes) -> None:
    worker = StudentOutcomes()
    worker.joined("ann", AT - 1)
    worker.tap("drp_1", "ann")
    outcomes.merge(worker.changes())
    worker.claim_changed("ann", claim(ClaimState.CONFIRMED, "won", COUPON))
    worker.joined("bob", AT - 1)
    outcomes.merge(worker.changes())

    assert reports(outcomes) == [
        StudentReport("ann", outcome="won", coupons=frozenset({"cpn_1"}), is_confirmed=True),
        StudentReport("bob", has_tapped=False, was_reached=False),
    ]
    assert worker.changes() == {"drops": [], "reports": [], "stays": []}
