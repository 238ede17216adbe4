"""The audience of a drop, and which outcomes are final."""

import pytest

from server.core.drops.claims import Audience, Outcome

NOBODY_S_TAGS: frozenset[str] = frozenset()


def audience(tags: str = "", students: str = "") -> Audience:
    return Audience(frozenset(tags.split()), frozenset(students.split()))


class TestAudience:
    def test_empty_is_everybody(self) -> None:
        assert audience().is_everybody
        assert audience().admits("ada", NOBODY_S_TAGS)

    @pytest.mark.parametrize("some", [audience("new"), audience("", "ada"), audience("new", "ada")])
    def test_any_condition_limits_the_audience(self, some: Audience) -> None:
        assert not some.is_everybody
        assert not some.admits("bob", NOBODY_S_TAGS)

    def test_one_tag_of_several_is_enough(self) -> None:
        some = audience("new vip")
        assert some.admits("bob", frozenset({"vip", "late"}))
        assert not some.admits("bob", frozenset({"late"}))

    def test_a_name_is_enough_without_a_tag(self) -> None:
        some = audience("new", "ada")
        assert some.admits("ada", NOBODY_S_TAGS)
        assert some.admits("bob", frozenset({"new"}))

    def test_a_tag_is_no_name(self) -> None:
        assert not audience("ada").admits("ada", NOBODY_S_TAGS)
        assert not audience("", "new").admits("bob", frozenset({"new"}))


class TestOutcome:
    def test_outcomes_that_ask_for_the_same_request_again_are_not_final(self) -> None:
        again = {outcome for outcome in Outcome if not outcome.is_final}
        assert again == {Outcome.RETRY, Outcome.RATE_LIMITED}
