"""Who may be here: everybody while there is room, and whoever has shown a token when there is none."""

from server.gateway.connection_limiter import (
    BAD_TOKENS,
    MAX_SOCKETS,
    REFUSED_LATER_SECONDS,
    SPARE,
    ConnectionLimiter,
)
from tests.support.sockets import NotedTransport

NOW = 1_800_000_000_000


def came(keeper: ConnectionLimiter, count: int = 1) -> list[NotedTransport]:
    transports = [NotedTransport() for _ in range(count)]
    for transport in transports:
        keeper.came(transport)
    return transports


def test_a_campus_of_one_address_comes_in_at_once() -> None:
    """All of them before the first says hello."""
    keeper = ConnectionLimiter()
    campus = came(keeper, 10_000)
    for student in campus:
        keeper.has_shown_token(student)
    assert (keeper.sockets, keeper.waiting) == (10_000, 0)
    assert not any(student.ended for student in campus)


def test_in_a_full_house_whoever_has_waited_longest_goes() -> None:
    keeper = ConnectionLimiter(max_sockets=2)
    first, second, *_ = came(keeper, SPARE + 2)
    assert not first.ended
    came(keeper)
    assert (first.ended, second.ended) == (["aborted"], [])
    keeper.left(first)
    assert keeper.waiting == SPARE + 2


def test_who_has_shown_a_token_is_never_asked_to_go() -> None:
    keeper = ConnectionLimiter(max_sockets=2)
    (member,) = came(keeper)
    keeper.has_shown_token(member)
    strangers = came(keeper, SPARE + 10)
    assert not member.ended
    assert sum(bool(stranger.ended) for stranger in strangers) == 9


def test_who_waits_for_our_answer_is_not_asked_to_go_but_counts() -> None:
    keeper = ConnectionLimiter(max_sockets=1)
    (asker,) = came(keeper)
    keeper.has_asked(asker)
    (idle,) = came(keeper)
    came(keeper, SPARE)
    assert (asker.ended, idle.ended) == ([], ["aborted"])


def test_who_was_answered_waits_again_behind_the_others() -> None:
    keeper = ConnectionLimiter(max_sockets=1)
    asker, other = came(keeper, 2)
    keeper.has_asked(asker)
    keeper.was_answered(asker)
    came(keeper, SPARE)
    assert (asker.ended, other.ended) == ([], ["aborted"])


def test_whoever_leaves_makes_room() -> None:
    keeper = ConnectionLimiter(max_sockets=1)
    member, asker, stranger = came(keeper, 3)
    keeper.has_shown_token(member)
    keeper.has_asked(asker)
    keeper.left(member, had_token=True)
    keeper.left(asker, had_asked=True)
    keeper.left(stranger)
    assert (keeper.sockets, keeper.requests, keeper.waiting) == (0, 0, 0)


def test_coming_twice_is_coming_once() -> None:
    """At the front door, and at the protocol it becomes."""
    keeper = ConnectionLimiter()
    (transport,) = came(keeper)
    keeper.came(transport)
    assert keeper.waiting == 1


def test_an_address_with_many_bad_tokens_is_told_so_later() -> None:
    keeper = ConnectionLimiter()
    waits = {keeper.blame("10.0.0.1", NOW) for _ in range(BAD_TOKENS.burst)}
    assert waits == {0.0}
    assert keeper.blame("10.0.0.1", NOW) == REFUSED_LATER_SECONDS
    assert keeper.blame("10.0.0.2", NOW) == 0.0


def test_an_address_is_forgiven() -> None:
    keeper = ConnectionLimiter()
    for _ in range(BAD_TOKENS.burst + 1):
        keeper.blame("10.0.0.1", NOW)
    later = NOW + BAD_TOKENS.burst * BAD_TOKENS.interval_ms + 1
    keeper.forget_reformed(later - 1_000)
    assert "10.0.0.1" in keeper._offenders
    keeper.forget_reformed(later)
    assert keeper._offenders == {}
    assert keeper.blame("10.0.0.1", later) == 0.0


def test_a_full_process_says_so() -> None:
    keeper = ConnectionLimiter(max_sockets=1)
    assert not keeper.is_full
    keeper.sockets = 1
    assert keeper.is_full
    assert not ConnectionLimiter(MAX_SOCKETS).is_full
