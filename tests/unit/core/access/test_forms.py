"""Forms that an operator may send: blocks, revocations, and the words of a stop."""

import pytest

from server.core.access.blocks import BLOCKED, BlockForm
from server.core.access.blocks import violations as block_violations
from server.core.access.instructors import stopped
from server.core.access.revocations import RevocationForm, good_again_at
from server.core.access.revocations import violations as revocation_violations
from server.core.access.rules import AccessRule, RuleKind
from server.core.promotions.template_rules import MAX_INSTANT
from server.core.refusals import Code
from server.core.violations import Violation

NOW = 1_800_000_000_123
TOO_MANY = {f"k{n}": "v" for n in range(21)}


@pytest.mark.parametrize(
    ("form", "broken"),
    [
        (BlockForm(RuleKind.STUDENT, "ann", "abuse"), []),
        (BlockForm(RuleKind.STUDENT, "ann", "abuse", NOW + 1), []),
        (BlockForm(RuleKind.PERSON, "x" * 128, "abuse"), []),
        (BlockForm(RuleKind.PERSON, "x" * 129, "abuse"), [("value", "too_long")]),
        (BlockForm(RuleKind.PERSON, "p 1", "abuse"), [("value", "bad_character")]),
        (BlockForm(RuleKind.DEVICE, "d|1", "abuse"), [("value", "bad_character")]),
        (BlockForm(RuleKind.STUDENT, "an n", "abuse"), [("value", "bad_character")]),
        (BlockForm(RuleKind.TAG, "x" * 65, "abuse"), [("value", "too_long")]),
        (BlockForm(RuleKind.TAG, "night", "  "), [("reason", "too_short")]),
        (BlockForm(RuleKind.TAG, "night", "x" * 201), [("reason", "too_long")]),
        (BlockForm(RuleKind.TAG, "night", "abuse", NOW), [("until", "over")]),
        (BlockForm(RuleKind.TAG, "night", "abuse", MAX_INSTANT + 1), [("until", "too_large")]),
        (BlockForm(RuleKind.TAG, "night", "abuse", None, TOO_MANY), [("metadata", "too_many")]),
    ],
)
def test_a_block(form: BlockForm, broken: list[tuple[str, str]]) -> None:
    assert block_violations(form, NOW) == [Violation(*one) for one in broken]


@pytest.mark.parametrize(
    ("form", "broken"),
    [
        (RevocationForm(jti="a"), []),
        (RevocationForm(sub="ann"), []),
        (RevocationForm(made_before=NOW), []),
        (RevocationForm(), [("jti", "missing")]),
        (RevocationForm(jti="a", sub="ann"), [("sub", "only_one")]),
        (
            RevocationForm(jti="a", sub="ann", made_before=NOW),
            [("sub", "only_one"), ("made_before", "only_one")],
        ),
        (RevocationForm(jti="a", metadata=TOO_MANY), [("metadata", "too_many")]),
        (RevocationForm(jti="x" * 201), [("jti", "too_long")]),
        (RevocationForm(sub=""), [("sub", "too_short")]),
        (RevocationForm(made_before=NOW + 2_000), [("made_before", "too_large")]),
    ],
)
def test_a_revocation(form: RevocationForm, broken: list[tuple[str, str]]) -> None:
    assert revocation_violations(form, NOW) == [Violation(*one) for one in broken]


def test_a_subjects_tokens_are_good_again_with_the_next_second() -> None:
    """A token says the second in which it was made and no more."""
    form = RevocationForm(sub="ann")

    assert (form.kind, good_again_at(form, NOW)) == (RuleKind.SUBJECT, 1_800_000_001_000)


def test_a_time_is_taken_as_it_was_sent_and_one_token_has_none() -> None:
    assert good_again_at(RevocationForm(made_before=NOW - 5), NOW) == NOW - 5
    assert RevocationForm(made_before=NOW - 5).kind is RuleKind.MADE_BEFORE
    assert good_again_at(RevocationForm(jti="a"), NOW) is None
    assert RevocationForm(jti="a").kind is RuleKind.JTI


def test_the_refusals_say_what_to_do() -> None:
    assert BLOCKED.code is Code.BLOCKED
    refused = stopped("tina", "left the school")
    assert (refused.code, refused.facts) == (
        Code.INSTRUCTOR_STOPPED,
        {"instructor": "tina", "reason": "left the school"},
    )


def test_a_rule_is_in_force_until_it_is_ended_or_over() -> None:
    made = AccessRule("blk_1", RuleKind.TAG, "night", "abuse", "olga", NOW, until=NOW + 10)
    ended = AccessRule("blk_1", RuleKind.TAG, "night", "abuse", "olga", NOW, ended_at=NOW)

    assert made.is_in_force(NOW + 9)
    assert not made.is_in_force(NOW + 10)
    assert not ended.is_in_force(NOW)
