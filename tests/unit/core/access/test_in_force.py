"""The rules in memory: who is blocked, which tokens are revoked, and what is forgotten when."""

from dataclasses import replace

import pytest

from server.core.access.in_force import AccessRules
from server.core.access.rules import AccessRule, RuleKind
from server.core.identity import Identity, Role

NOW = 1_800_000_000_000
ANN = Identity(
    subject="ann",
    role=Role.STUDENT,
    rooms=frozenset({"r1"}),
    tags=frozenset({"night", "grade-9"}),
    expires_at=NOW + 3_600_000,
    person="p-1",
    device="d-1",
    token_id="jti-1",
    made_at=NOW - 60_000,
)
BOB = replace(ANN, subject="bob", tags=frozenset(), person=None, device=None, token_id=None)


def rule(kind: RuleKind, value: str, number: int = 1, **fields: object) -> AccessRule:
    made = AccessRule(f"blk_{number}", kind, value, "abuse", "olga", NOW, version=number)
    return replace(made, **fields)  # type: ignore[arg-type]


def rules_with(*given: AccessRule) -> AccessRules:
    made = AccessRules()
    made.apply(given, NOW)
    return made


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (RuleKind.STUDENT, "ann"),
        (RuleKind.PERSON, "p-1"),
        (RuleKind.DEVICE, "d-1"),
        (RuleKind.TAG, "night"),
    ],
)
def test_a_block_names_a_student_a_person_a_device_or_a_tag(kind: RuleKind, value: str) -> None:
    rules = rules_with(rule(kind, value))

    assert rules.blocks_somebody
    assert rules.is_blocked(ANN, NOW)
    assert not rules.is_blocked(BOB, NOW)


def test_nobody_is_blocked_and_no_token_revoked_without_a_rule() -> None:
    rules = AccessRules()

    assert not rules.blocks_somebody
    assert not rules.is_blocked(ANN, NOW)
    assert rules.revoked_by(ANN) is None
    assert (len(rules), rules.version) == (0, 0)


def test_a_block_ends_by_itself() -> None:
    rules = rules_with(rule(RuleKind.STUDENT, "ann", until=NOW + 1_000))

    assert rules.is_blocked(ANN, NOW + 999)
    assert not rules.is_blocked(ANN, NOW + 1_000)


def test_what_is_over_is_forgotten() -> None:
    rules = rules_with(
        rule(RuleKind.STUDENT, "ann", 1, until=NOW + 1_000), rule(RuleKind.STUDENT, "bob", 2)
    )
    rules.prune(NOW + 1_000)

    assert len(rules) == 1
    assert rules.is_blocked(BOB, NOW + 1_000)


def test_a_rule_that_was_ended_is_forgotten() -> None:
    rules = rules_with(rule(RuleKind.STUDENT, "ann"))
    rules.apply([rule(RuleKind.STUDENT, "ann", version=2, ended_at=NOW, ended_by="olga")], NOW)

    assert not rules.blocks_somebody
    assert rules.version == 2


def test_the_end_of_a_rule_does_not_end_the_one_in_its_place() -> None:
    """Both have the version of one change, and may be read in either order."""
    ended = rule(RuleKind.STUDENT, "ann", 1, version=2, ended_at=NOW, ended_by="olga")
    in_its_place = rule(RuleKind.STUDENT, "ann", 2)
    for order in ([ended, in_its_place], [in_its_place, ended]):
        rules = rules_with(rule(RuleKind.STUDENT, "ann", 1))
        rules.apply(order, NOW)
        assert rules.is_blocked(ANN, NOW)


def test_all_is_forgotten_before_all_is_read_again() -> None:
    rules = rules_with(
        rule(RuleKind.STUDENT, "ann", 1), rule(RuleKind.MADE_BEFORE, "a", 2, made_before=NOW)
    )
    rules.clear()

    assert (len(rules), rules.version, rules.blocks_somebody) == (0, 0, False)
    assert rules.revoked_by(ANN) is None


@pytest.mark.parametrize(
    ("given", "claim"),
    [
        (rule(RuleKind.JTI, "jti-1"), "jti"),
        (rule(RuleKind.SUBJECT, "ann", made_before=NOW), "sub"),
        (rule(RuleKind.MADE_BEFORE, "2027", made_before=NOW), "iat"),
    ],
)
def test_a_token_is_revoked_by_its_id_its_subject_or_its_time(
    given: AccessRule, claim: str
) -> None:
    assert rules_with(given).revoked_by(ANN) == claim


@pytest.mark.parametrize("kind", [RuleKind.SUBJECT, RuleKind.MADE_BEFORE])
def test_a_token_that_was_made_later_is_good(kind: RuleKind) -> None:
    rules = rules_with(rule(kind, "ann", made_before=NOW))

    assert rules.revoked_by(replace(ANN, made_at=NOW)) is None
    assert rules.revoked_by(replace(ANN, made_at=NOW - 1)) is not None


def test_a_token_that_does_not_say_when_it_was_made_counts_as_old() -> None:
    rules = rules_with(rule(RuleKind.SUBJECT, "ann", made_before=NOW))

    assert rules.revoked_by(replace(ANN, made_at=0)) == "sub"


def test_others_tokens_are_good() -> None:
    rules = rules_with(
        rule(RuleKind.JTI, "jti-1", 1), rule(RuleKind.SUBJECT, "ann", 2, made_before=NOW)
    )

    assert rules.revoked_by(BOB) is None


def test_the_latest_of_several_times_counts_and_an_end_brings_the_earlier_one_back() -> None:
    early = rule(RuleKind.MADE_BEFORE, "a", 1, made_before=NOW - 100_000)
    late = rule(RuleKind.MADE_BEFORE, "b", 2, made_before=NOW, until=NOW + 10)
    rules = rules_with(early, late)
    assert rules.revoked_by(ANN) == "iat"

    rules.prune(NOW + 10)
    assert rules.revoked_by(ANN) is None
    assert rules.revoked_by(replace(ANN, made_at=NOW - 100_001)) == "iat"


def test_only_revocations_make_the_sockets_be_looked_through() -> None:
    rules = rules_with(rule(RuleKind.STUDENT, "ann", 1))
    assert rules.revocations == 0

    rules.apply([rule(RuleKind.JTI, "jti-1", 2)], NOW)
    assert rules.revocations == 1
