"""The verdict finds every broken promise, and nothing if all promises held."""

from dataclasses import replace

import pytest

from loadtest.verdict import (
    DropHistory,
    Finding,
    LedgerSnapshot,
    ListedClaim,
    Rule,
    StudentReport,
    judge,
)

WINNERS = ("s0", "s1", "s2")
LOSERS = ("s3", "s4")


def won(student: str) -> StudentReport:
    return StudentReport(
        student, outcome="won", coupons=frozenset({f"c-{student}"}), is_confirmed=True
    )


def refused(student: str) -> StudentReport:
    return StudentReport(student, outcome="sold_out")


def history(*changed: StudentReport, stock: int = 3, is_private: bool = True) -> DropHistory:
    """Return a drop with three winners and two refused; `changed` replaces the report of its student or adds
    one."""
    told = {one.student: one for one in [*map(won, WINNERS), *map(refused, LOSERS), *changed]}
    return DropHistory("drp_1", stock, list(told.values()), is_private)


def snapshot(*students: str, state: str = "confirmed", quantity: int = 3) -> LedgerSnapshot:
    """Return a snapshot in which all of these students are confirmed and nothing was returned."""
    count = len(students)
    listed = [ListedClaim(student, state) for student in students]
    return LedgerSnapshot(quantity, quantity - count, count, count, 0, 0, listed)


def rules(findings: list[Finding]) -> set[Rule]:
    return {finding.rule for finding in findings}


def test_nothing_is_found_where_all_promises_held() -> None:
    assert judge(history(), snapshot(*WINNERS)) == []


def test_server_that_oversells_by_one_is_caught() -> None:
    findings = judge(history(won("s3")), snapshot(*WINNERS, "s3", quantity=4))

    assert rules(findings) == {Rule.OVERSOLD}
    assert "4 told that they won, stock 3" in str(findings[0])


def test_oversale_that_the_books_hide_is_caught() -> None:
    findings = judge(history(won("s3")), snapshot(*WINNERS))

    assert {Rule.OVERSOLD, Rule.LOST} <= rules(findings)


def test_server_that_loses_one_is_caught() -> None:
    findings = judge(history(), snapshot("s0", "s1"))

    assert {Rule.LOST, Rule.LEFT_OVER} == rules(findings)
    assert findings[0].students == ("s2",)


def test_server_that_gives_one_student_two_units_is_caught() -> None:
    findings = judge(history(refused("s2")), snapshot("s0", "s0", "s1"))

    assert rules(findings) == {Rule.DOUBLED}
    assert findings[0].students == ("s0",)


def test_student_who_is_told_of_two_coupons_is_caught() -> None:
    twice = replace(won("s0"), coupons=frozenset({"c-1", "c-2"}))

    assert rules(judge(history(twice), snapshot(*WINNERS))) == {Rule.DOUBLED}


def test_server_that_leaves_one_student_without_an_answer_is_caught() -> None:
    findings = judge(history(StudentReport("s4")), snapshot(*WINNERS))

    assert rules(findings) == {Rule.UNANSWERED}
    assert findings[0].students == ("s4",)
    assert "0 of them hold a claim" in findings[0].text


def test_error_is_no_answer() -> None:
    findings = judge(history(StudentReport("s4", outcome="wrong_room")), snapshot(*WINNERS))

    assert [str(finding) for finding in findings] == [
        "unanswered: tapped, and was told wrong_room (drp_1): s4"
    ]


def test_unanswered_student_who_holds_a_claim_is_said_to() -> None:
    findings = judge(history(StudentReport("s2")), snapshot(*WINNERS))

    assert rules(findings) == {Rule.UNANSWERED, Rule.NOT_NOTIFIED}
    assert any("1 of them hold a claim" in finding.text for finding in findings)


def test_student_who_left_needs_no_answer() -> None:
    left = StudentReport("s2", has_left=True)

    assert judge(history(left), snapshot(*WINNERS)) == []


def test_student_who_was_told_no_and_holds_a_unit_is_caught() -> None:
    assert rules(judge(history(refused("s2")), snapshot(*WINNERS))) == {Rule.NOT_NOTIFIED}


@pytest.mark.parametrize("state", ["won", "anything"])
def test_win_that_the_ledger_never_got_is_caught(state: str) -> None:
    of_desk = replace(
        snapshot(*WINNERS), claims=[ListedClaim("s0", state), *map(_kept, ("s1", "s2"))]
    )

    assert rules(judge(history(), of_desk)) == {Rule.UNCONFIRMED}


def test_confirmation_that_was_never_told_is_caught() -> None:
    waiting = replace(won("s0"), is_confirmed=False)

    findings = judge(history(waiting), snapshot(*WINNERS))
    assert rules(findings) == {Rule.UNCONFIRMED}
    assert findings[0].students == ("s0",)


def test_win_that_was_taken_back_is_caught() -> None:
    back = replace(won("s0"), is_revoked=True)

    assert rules(judge(history(back), snapshot(*WINNERS))) == {Rule.REVOKED}


def test_student_in_the_room_who_never_saw_the_drop_is_caught() -> None:
    blind = StudentReport("s5", has_tapped=False, was_reached=False)

    assert rules(judge(history(blind), snapshot(*WINNERS))) == {Rule.UNREACHED}


def test_desk_that_differs_from_the_ledger_is_caught() -> None:
    differing = replace(snapshot(*WINNERS), confirmed=2, difference=1)

    assert rules(judge(history(), differing)) == {Rule.COUNTS_DIFFER}


def test_units_that_are_in_no_count_are_caught() -> None:
    assert rules(judge(history(), replace(snapshot(*WINNERS), remaining=1))) == {Rule.COUNTS_DIFFER}


def test_units_left_over_while_students_hear_sold_out_are_caught() -> None:
    two = history(refused("s2"))

    assert rules(judge(two, snapshot("s0", "s1"))) == {Rule.LEFT_OVER}


def test_unit_that_came_back_may_be_left_over() -> None:
    two = replace(snapshot("s0", "s1"), returned=1, remaining=0)

    assert judge(history(refused("s2")), two) == []


def test_strangers_are_found_only_where_nobody_else_can_be() -> None:
    with_stranger = snapshot("s0", "s1", "somebody")
    told = refused("s2")

    assert rules(judge(history(told), with_stranger)) == {Rule.STRANGERS}
    assert judge(history(told, is_private=False), with_stranger) == []


def test_finding_names_a_few_students_and_counts_the_rest() -> None:
    finding = Finding(Rule.LOST, "drp_1", "lost", tuple("abcdefg"))

    assert str(finding) == "lost: lost (drp_1): a, b, c, d, e and 2 more"


def _kept(student: str) -> ListedClaim:
    return ListedClaim(student, "confirmed")
