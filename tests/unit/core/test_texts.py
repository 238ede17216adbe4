"""Texts that are invisible, or that read as something else than they are."""

import pytest

from server.core.texts import is_slug, text_fault


@pytest.mark.parametrize(
    "text",
    [
        *("\u200b", "\u2060\ufeff", "\u3164", "\u2800", "\u115f\u1160", "\uffa0", "\u034f"),
        *("\u200d", "\ufe0f", "\u00ad", "\u180e", "\U000e0041", " \u200b ", "\u3000\u3164"),
    ],
)
def test_a_text_of_invisible_characters_is_refused(text: str) -> None:
    assert text_fault(text) == "invisible"


@pytest.mark.parametrize(
    "mark", list("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2069")
)
def test_a_character_that_turns_the_direction_of_writing_is_refused_anywhere(mark: str) -> None:
    assert text_fault(f"10 off{mark} of 100") == "bidi_control"


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "\n", "春季", "10 off", "خصم ١٠", "הנחה", "\U0001f469\u200d\U0001f3eb"),
        *("☎\ufe0f", "a\u200bb", "é", "e\u0301"),
    ],
)
def test_usual_texts_have_no_fault(text: str) -> None:
    assert text_fault(text) is None


def test_a_slug_is_ten_small_characters() -> None:
    assert is_slug("0k3v9xq2mw")
    assert not any(map(is_slug, ("0k3v9xq2m", "0k3v9xq2mw0", "0K3V9XQ2MW", "0k3v9-q2mw")))
