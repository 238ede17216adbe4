"""A socket ends with its token: found without a timer for each."""

from dataclasses import replace

import pytest

from server.gateway.sockets import close_reasons
from server.gateway.sockets.connection import Connection
from server.gateway.sockets.token_ends import TokenEnds
from tests.support.sockets import a_member, an_identity

SOON, LATER, MUCH_LATER = 1_000_500, 1_000_900, 10**15


def waiting(ends: TokenEnds, *moments: int) -> list[Connection]:
    members = []
    for moment in moments:
        connection, _ = a_member(replace(an_identity("ada"), expires_at=moment))
        ends.add(connection, moment)
        members.append(connection)
    return members


def test_those_whose_token_has_ended_are_found_and_nobody_else() -> None:
    ends = TokenEnds()
    first, second, _ = waiting(ends, SOON, LATER, MUCH_LATER)
    assert ends.due(SOON - 1) == []
    assert ends.due(SOON) == [first]
    assert set(ends.due(LATER)) == {first, second}


def test_who_was_missed_is_found_later() -> None:
    """The loop was busy for minutes, or the clock was set."""
    ends = TokenEnds()
    (first,) = waiting(ends, SOON)
    assert ends.due(SOON + 600_000) == [first]


@pytest.mark.asyncio
async def test_who_has_been_told_is_not_told_again() -> None:
    ends = TokenEnds()
    (first,) = waiting(ends, SOON)
    first.end(close_reasons.TOKEN_EXPIRED)
    assert ends.due(SOON) == []


def test_who_has_left_is_forgotten() -> None:
    ends = TokenEnds()
    first, second = waiting(ends, SOON, SOON)
    ends.discard(first, SOON)
    ends.discard(first, MUCH_LATER)
    assert (len(ends), ends.due(SOON)) == (1, [second])
    ends.discard(second, SOON)
    assert (len(ends), ends.due(SOON)) == (0, [])
