"""Masked names of winners: what is shown of a name, and how few of them."""

import pytest

from server.core.drops.winner_names import MAX_NAMES, NamedWinners, mask


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("王小明", "王*"),
        ("王五", "王*"),
        ("amy", "A***"),
        ("Amelie Müller", "A***"),
        ("student-17", "S***"),
        ("13800001234", "1***"),
        (" 　王 小明", "王*"),
        ("ﾜﾀﾅﾍﾞ", "ワ*"),  # half-width kana, as NFKC has it
        ("🎉小明", "小*"),
        ("ßab", "S***"),
        ("王", "*"),
        ("A", "***"),
        ("", "***"),
        ("\u202e\u200b🎉", "***"),
    ],
)
def test_a_name_is_its_first_character_and_stars(name: str, shown: str) -> None:
    assert mask(name) == shown


def test_names_beyond_the_bound_are_counted() -> None:
    some = NamedWinners(("A***",) * (MAX_NAMES - 1), 2)
    both = some + NamedWinners(("王*", "李*", "B***"), 10)

    assert both == NamedWinners((*some.names, "王*"), 14)


def test_the_last_names_are_kept_and_the_others_are_a_number() -> None:
    before = NamedWinners([str(number) for number in range(20)], 3)

    kept = before.followed_by(NamedWinners(("a", "b", "c", "d", "e", "f"), 1))

    assert (kept.names[0], kept.names[-1], len(kept.names), kept.more) == ("2", "f", 24, 6)
