"""Prefixes of codes."""

import pytest

from server.core.promotions.code_prefixes import is_prefix


@pytest.mark.parametrize("text", ["", "A", "LIVE2026", "0O1I" * 3])
def test_up_to_twelve_capitals_and_digits_are_a_prefix(text: str) -> None:
    assert is_prefix.__wrapped__(text)


@pytest.mark.parametrize("text", ["live", "L-V", "L V", "券", "A" * 13, "A\n"])
def test_nothing_else_is(text: str) -> None:
    assert not is_prefix.__wrapped__(text)
