"""The session's state machine, without a socket: every effect of every message."""

import orjson
import pytest

from server.frames.client_frames import ClaimFrame, SeenFrame
from server.gateway.sockets import close_reasons
from server.gateway.sockets.session import (
    HELLO_MS,
    MESSAGES,
    MESSAGES_BEFORE_HELLO,
    SILENCE_MS,
    Effect,
    End,
    Join,
    Phase,
    Session,
)
from server.tokens import LEEWAY_MS, TokenKeys

NOW = 1_800_000_000_000
KEYS = TokenKeys(("k" * 32,))


def a_token(*, role: str = "student", room: str = "math", seconds: int = 60) -> str:
    return KEYS.sign(
        {"sub": "ada", "role": role, "rooms": [room], "tags": [], "exp": NOW // 1000 + seconds}
    )


def a_session() -> Session:
    return Session("math", KEYS, NOW)


def a_live_session(*, seconds: int = 60) -> Session:
    session = a_session()
    session.receive(hello(a_token(seconds=seconds)), NOW)
    session.phase = Phase.LIVE
    return session


def hello(token: str) -> bytes:
    return orjson.dumps({"type": "hello", "token": token})


def claim(drop_id: object = "drp_1", request_id: object = "r1") -> bytes:
    return orjson.dumps({"type": "claim", "drop_id": drop_id, "request_id": request_id})


def ended_by(effect: Effect) -> close_reasons.SocketClose | None:
    return effect.why if isinstance(effect, End) else None


def test_a_good_hello_joins() -> None:
    session = a_session()
    effect = session.receive(hello(a_token()), NOW)
    assert isinstance(effect, Join)
    assert effect.identity.subject == "ada"
    assert session.phase is Phase.JOINING


@pytest.mark.parametrize("role", ["instructor", "operator"])
def test_who_teaches_may_join(role: str) -> None:
    assert isinstance(a_session().receive(hello(a_token(role=role)), NOW), Join)


@pytest.mark.parametrize("role", ["finance", "service", "support"])
def test_who_has_no_business_in_a_room_may_not(role: str) -> None:
    effect = a_session().receive(hello(a_token(role=role)), NOW)
    assert ended_by(effect) is close_reasons.WRONG_ROOM


def test_a_token_for_another_room_is_sent_away() -> None:
    effect = a_session().receive(hello(a_token(room="art")), NOW)
    assert ended_by(effect) is close_reasons.WRONG_ROOM


@pytest.mark.parametrize(
    ("token", "reason"), [("", "malformed"), ("x.y.z", "malformed"), ("e" * 3_500, "too_long")]
)
def test_what_is_no_token_is_sent_away(token: str, reason: str) -> None:
    ended = ended_by(a_session().receive(hello(token), NOW))
    assert ended == close_reasons.token_invalid(reason)


def test_a_token_signed_with_another_secret_is_sent_away() -> None:
    stranger = TokenKeys(("x" * 32,)).sign(
        {"sub": "ada", "role": "student", "rooms": ["math"], "exp": NOW // 1000 + 60}
    )
    assert ended_by(a_session().receive(hello(stranger), NOW)) == close_reasons.token_invalid(
        "signature"
    )


def test_an_expired_token_is_told_to_fetch_a_new_one() -> None:
    old = a_token(seconds=-61)
    assert ended_by(a_session().receive(hello(old), NOW)) is close_reasons.TOKEN_EXPIRED


def test_a_token_that_expired_within_the_leeway_is_good() -> None:
    assert isinstance(a_session().receive(hello(a_token(seconds=-59)), NOW), Join)


@pytest.mark.parametrize("text", [claim(), orjson.dumps({"type": "pong"})])
def test_whatever_comes_before_hello_ends_the_socket(text: bytes) -> None:
    assert ended_by(a_session().receive(text, NOW)) is close_reasons.PROTOCOL_ERROR


def test_a_second_hello_ends_the_socket() -> None:
    effect = a_live_session().receive(hello(a_token()), NOW)
    assert ended_by(effect) is close_reasons.PROTOCOL_ERROR


def test_a_claim_is_passed_on() -> None:
    assert a_live_session().receive(claim(), NOW) == ClaimFrame("drp_1", "r1")


def test_a_card_on_the_screen_is_passed_on() -> None:
    text = orjson.dumps({"type": "seen", "drop_id": "drp_1"})
    assert a_live_session().receive(text, NOW) == SeenFrame("drp_1")


def test_a_claim_after_the_token_expired_is_not_made() -> None:
    later = NOW + 60_000 + LEEWAY_MS
    assert ended_by(a_live_session().receive(claim(), later)) is close_reasons.TOKEN_EXPIRED


def test_a_frame_of_a_later_version_is_ignored() -> None:
    assert a_live_session().receive(orjson.dumps({"type": "wave", "x": 1}), NOW) is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"hello",
        b"[]",
        b"null",
        b'"claim"',
        b"{}",
        b'{"type":1}',
        b'{"type":"claim"}',
        claim(drop_id=7),
        claim(request_id="r" * 65),
        claim(request_id="a b"),
        claim(request_id=""),
        claim(drop_id="d\x00"),
        b'{"type":"seen"}',
        b"[" * 2_000,
    ],
)
def test_garbage_ends_the_socket(text: bytes) -> None:
    assert ended_by(a_live_session().receive(text, NOW)) is close_reasons.PROTOCOL_ERROR


def test_text_that_is_not_utf8_has_its_own_code() -> None:
    assert ended_by(a_live_session().receive(b'{"type":"\xff"}', NOW)) is close_reasons.NOT_UTF8


def test_a_flood_of_messages_ends_the_socket() -> None:
    session = a_live_session()
    effects = [session.receive(b'{"type":"pong"}', NOW) for _ in range(100)]
    assert ended_by(effects[-1]) is close_reasons.FLOOD


def test_a_stranger_has_less_to_say_than_one_with_a_token() -> None:
    stranger, member = a_session(), a_live_session()
    assert [stranger.is_flooded(NOW) for _ in range(MESSAGES_BEFORE_HELLO.burst + 1)][-2:] == [
        False,
        True,
    ]
    assert [member.is_flooded(NOW) for _ in range(MESSAGES.burst + 1)][-2:] == [False, True]


def test_the_next_message_may_come_when_its_interval_is_over_and_not_before() -> None:
    for early_ms, is_flood in ((1, True), (0, False)):
        session = a_live_session()
        assert not any(session.is_flooded(NOW) for _ in range(MESSAGES.burst))
        assert session.is_flooded(NOW + MESSAGES.interval_ms - early_ms) is is_flood


def test_a_steady_client_is_never_a_flood() -> None:
    session = a_live_session(seconds=100_000)
    effects = [session.receive(claim(), NOW + 50 * n) for n in range(1, 1_000)]
    assert all(isinstance(effect, ClaimFrame) for effect in effects)


def test_who_says_nothing_at_first_is_ended() -> None:
    session = a_session()
    assert session.tick(NOW + HELLO_MS - 1) is None
    assert ended_by(session.tick(NOW + HELLO_MS)) is close_reasons.NO_HELLO


def test_who_falls_silent_is_ended() -> None:
    session = a_live_session(seconds=100_000)
    assert session.tick(NOW + SILENCE_MS - 1) is None
    assert ended_by(session.tick(NOW + SILENCE_MS)) is close_reasons.SILENT


def test_any_message_breaks_the_silence() -> None:
    session = a_live_session(seconds=100_000)
    session.receive(b'{"type":"pong"}', NOW + SILENCE_MS - 1)
    assert session.tick(NOW + SILENCE_MS) is None


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_set_makes_nobody_silent_and_spares_nobody(hours: int) -> None:
    moved = hours * 3_600_000
    live, stranger = a_live_session(seconds=100_000), a_session()
    now = NOW + 1_000 + moved
    live.shift_clock(moved, now)
    stranger.shift_clock(moved, now)

    assert live.tick(now) is None
    assert stranger.tick(now) is None
    assert ended_by(live.tick(NOW + moved + SILENCE_MS)) is close_reasons.SILENT
    assert ended_by(stranger.tick(NOW + moved + HELLO_MS)) is close_reasons.NO_HELLO


def test_who_spoke_since_the_clock_was_set_is_not_heard_in_the_future() -> None:
    live = a_live_session(seconds=100_000)
    now = NOW + 3_600_000
    live.receive(b'{"type":"pong"}', now)
    live.shift_clock(3_600_000, now)

    assert ended_by(live.tick(now + SILENCE_MS)) is close_reasons.SILENT


def test_a_token_expires_on_a_living_socket() -> None:
    assert ended_by(a_live_session().tick(NOW + 60_000 + LEEWAY_MS)) is close_reasons.TOKEN_EXPIRED


def test_who_has_shown_a_token_may_say_as_much_as_anybody_at_once() -> None:
    """A good hello gives a new bucket; the small one from before the hello is dropped."""
    session = a_live_session()
    said = [session.receive(b'{"type":"pong"}', NOW) for _ in range(MESSAGES.burst)]

    assert said == [None] * MESSAGES.burst
