"""The limiter: everybody may connect while there is room; when there is none, unauthenticated clients go."""

from server.gateway.sockets.connection_limiter import (
    BAD_TOKENS,
    MAX_SOCKETS,
    REFUSED_LATER_SECONDS,
    SPARE,
    ConnectionLimiter,
)
from tests.support.sockets import RecordingTransport

NOW = 1_800_000_000_000


def opened(limiter: ConnectionLimiter, count: int = 1) -> list[RecordingTransport]:
    transports = [RecordingTransport() for _ in range(count)]
    for transport in transports:
        limiter.opened(transport)
    return transports


def test_a_campus_of_one_address_comes_in_at_once() -> None:
    """All of them before the first says hello."""
    limiter = ConnectionLimiter()
    campus = opened(limiter, 10_000)
    for student in campus:
        limiter.authenticated(student)
    assert (limiter.sockets, limiter.waiting) == (10_000, 0)
    assert not any(student.ended for student in campus)


def test_in_a_full_house_whoever_has_waited_longest_goes() -> None:
    limiter = ConnectionLimiter(max_sockets=2)
    first, second, *_ = opened(limiter, SPARE + 2)
    assert not first.ended
    opened(limiter)
    assert (first.ended, second.ended) == (["aborted"], [])
    limiter.closed(first)
    assert limiter.waiting == SPARE + 2


def test_who_has_shown_a_token_is_never_asked_to_go() -> None:
    limiter = ConnectionLimiter(max_sockets=2)
    (member,) = opened(limiter)
    limiter.authenticated(member)
    strangers = opened(limiter, SPARE + 10)
    assert not member.ended
    assert sum(bool(stranger.ended) for stranger in strangers) == 9


def test_who_waits_for_our_answer_is_not_asked_to_go_but_counts() -> None:
    limiter = ConnectionLimiter(max_sockets=1)
    (asker,) = opened(limiter)
    limiter.request_received(asker)
    (idle,) = opened(limiter)
    opened(limiter, SPARE)
    assert (asker.ended, idle.ended) == ([], ["aborted"])


def test_who_was_answered_waits_again_behind_the_others() -> None:
    limiter = ConnectionLimiter(max_sockets=1)
    asker, other = opened(limiter, 2)
    limiter.request_received(asker)
    limiter.response_sent(asker)
    opened(limiter, SPARE)
    assert (asker.ended, other.ended) == ([], ["aborted"])


def test_whoever_leaves_makes_room() -> None:
    limiter = ConnectionLimiter(max_sockets=1)
    member, asker, stranger = opened(limiter, 3)
    limiter.authenticated(member)
    limiter.request_received(asker)
    limiter.closed(member, was_authenticated=True)
    limiter.closed(asker, was_answering=True)
    limiter.closed(stranger)
    assert (limiter.sockets, limiter.requests, limiter.waiting) == (0, 0, 0)


def test_coming_twice_is_coming_once() -> None:
    """Both the switch and the protocol that follows it count the same connection."""
    limiter = ConnectionLimiter()
    (transport,) = opened(limiter)
    limiter.opened(transport)
    assert limiter.waiting == 1


def test_an_address_with_many_bad_tokens_is_told_so_later() -> None:
    limiter = ConnectionLimiter()
    waits = {limiter.penalty_for_bad_token("10.0.0.1", NOW) for _ in range(BAD_TOKENS.burst)}
    assert waits == {0.0}
    assert limiter.penalty_for_bad_token("10.0.0.1", NOW) == REFUSED_LATER_SECONDS
    assert limiter.penalty_for_bad_token("10.0.0.2", NOW) == 0.0


def test_an_address_is_forgiven() -> None:
    limiter = ConnectionLimiter()
    for _ in range(BAD_TOKENS.burst + 1):
        limiter.penalty_for_bad_token("10.0.0.1", NOW)
    later = NOW + BAD_TOKENS.burst * BAD_TOKENS.interval_ms + 1
    limiter.prune(later - 1_000)
    assert "10.0.0.1" in limiter._bad_token_buckets
    limiter.prune(later)
    assert limiter._bad_token_buckets == {}
    assert limiter.penalty_for_bad_token("10.0.0.1", later) == 0.0


def test_a_full_process_says_so() -> None:
    limiter = ConnectionLimiter(max_sockets=1)
    assert not limiter.is_full
    limiter.sockets = 1
    assert limiter.is_full
    assert not ConnectionLimiter(MAX_SOCKETS).is_full
