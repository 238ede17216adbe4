"""Room names, and how a path names a room."""

import string
from urllib.parse import quote

import pytest

from server.core.room_names import is_room_name, room_of

LEGAL = string.ascii_letters + string.digits + "_.:-"


@pytest.mark.parametrize("character", LEGAL)
def test_every_legal_character_is_read_as_it_was_sent(character: str) -> None:
    """Sent as it is, and encoded in both spellings."""
    room = f"a{character}b"
    code = f"{ord(character):02X}"
    for sent in (room, quote(room, safe=""), f"a%{code}b", f"a%{code.lower()}b"):
        assert room_of(f"/v1/rooms/{sent}") == room
        assert room_of(f"/v1/rooms/{sent}?x=%2F") == room
    assert room_of(f"/v1/rooms/a%25{code}b") is None


@pytest.mark.parametrize("name", [".", "..", "", "a b", "a/b", "r" * 65, "数学", "a%3Ab", "a\n"])
def test_a_name_that_a_path_cannot_reach_is_refused(name: str) -> None:
    assert not is_room_name(name)
    assert room_of(f"/v1/rooms/{quote(name, safe='')}") is None


@pytest.mark.parametrize("name", ["...", ":", "-", "r" * 64, LEGAL[:64]])
def test_odd_looking_names_are_accepted(name: str) -> None:
    assert is_room_name(name)
