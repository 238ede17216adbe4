"""One socket byte by byte: who may connect, what is written when, and every way it ends."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from websockets.frames import Opcode

from server.clock import now_ms
from server.core.addresses import TrustedProxies
from server.core.room_names import room_of
from server.frames.client_frames import MAX_FRAME_BYTES
from server.gateway.sockets import close_reasons
from server.gateway.sockets.close_reasons import SocketClose
from server.gateway.sockets.connection import MAX_UNSENT_BYTES
from server.gateway.sockets.connection_limiter import BAD_TOKENS, MAX_SOCKETS, REFUSED_LATER_SECONDS
from server.gateway.sockets.frames import close_frame, text_frame
from server.gateway.sockets.library_protocol import CHUNK_BYTES, MAX_BYTES_AFTER_CLOSE
from server.gateway.sockets.session import MESSAGES, Phase
from server.gateway.sockets.socket_closer import CLOSES_PER_TURN
from tests.support.sockets import Peer, RecordingHandler, next_pass
from tests.unit.gateway.test_frames import masked

pytestmark = pytest.mark.asyncio

ADDRESS = "10.0.0.1"
WHY = SocketClose(4003, "silent", "nothing was heard", 1_000)
Timer = tuple[
    float, Callable[..., None], tuple[object, ...]
]  # delay in seconds, callback, arguments


@pytest.fixture
def peer() -> Peer:
    """A client whose handshake was accepted."""
    made = Peer()
    assert made.shake_hands() == 101
    return made


def live(peer: Peer) -> Peer:
    """The same client after hello and welcome."""
    peer.send_hello()
    peer.connection.send_welcome(b'{"type":"welcome"', b"}")
    peer.received()
    return peer


@pytest.fixture
def deadlines(monkeypatch: pytest.MonkeyPatch) -> list[Timer]:
    """Timers that were set; they are not run."""
    timers: list[Timer] = []

    def call_later(delay: float, callback: Callable[..., Any], *arguments: object) -> None:
        timers.append((delay, callback, arguments))

    # The deadline of a fixture would be on the same loop.
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: _LoopWith(call_later))
    return timers


class _LoopWith:
    def __init__(self, call_later: Callable[..., None]) -> None:
        self.call_later = call_later


class TestHandshake:
    @pytest.mark.parametrize(
        ("path", "room"),
        [
            ("/v1/rooms/math-7", "math-7"),
            ("/v1/rooms/a.b:c_d-E9", "a.b:c_d-E9"),
            ("/v1/rooms/math?x=/y", "math"),
            (f"/v1/rooms/{'r' * 64}", "r" * 64),
            (f"/v1/rooms/{'r' * 65}", None),
            ("/v1/rooms/", None),
            ("/v1/rooms/?math", None),
            ("/v1/rooms", None),
            ("/v1/rooms/a/b", None),
            ("/v1/rooms/math/", None),
            ("/v2/rooms/math", None),
            ("math", None),
            ("/v1/rooms/a%20b", None),
            ("/v1/rooms/math%3A101", "math:101"),
            ("/v1/rooms/math%3a101?x=%2F", "math:101"),
            ("/v1/rooms/math%253A101", None),
            ("/v1/rooms/a%2Fb", None),
            ("/v1/rooms/%ff", None),
            ("/v1/rooms/%", None),
            ("/v1/%72ooms/math", "math"),
            ("/v1/rooms/.", None),
            ("/v1/rooms/..", None),
            ("/v1/rooms/%2E%2e", None),
            ("/v1/rooms/...", "..."),
            ("/v1/rooms/数学", None),
            ("", None),
        ],
    )
    async def test_the_path_names_the_room(self, path: str, room: str | None) -> None:
        assert room_of(path) == room

    async def test_a_path_that_is_no_room_is_not_found(self) -> None:
        assert Peer().shake_hands("/v1/rooms/a/b") == 404

    @pytest.mark.parametrize(
        "origins",
        [
            (),
            ("http://drops.example",),
            ("https://drops.example",),
            ("https://school.example",),
            ("https://school.example/",),
        ],
    )
    async def test_our_own_pages_and_allowed_ones_may_connect(
        self, origins: tuple[str, ...]
    ) -> None:
        """Programs may too; they send no origin."""
        assert Peer().shake_hands("/v1/rooms/r1", *origins) == 101

    @pytest.mark.parametrize(
        "origins",
        [
            ("https://evil.example",),
            ("http://school.example",),
            ("https://school.example:8443",),
            ("https://school.example.evil.example",),
            ("https://drops.example:8443",),
            ("https://evil.drops.example",),
            ("https://evil.example/drops.example",),
            ("https://drops.example@evil.example",),
            ("null",),
            ("",),
            ("https://school.example", "https://school.example"),
            ("https://school.example", "https://evil.example"),
        ],
    )
    async def test_pages_of_others_may_not(self, origins: tuple[str, ...]) -> None:
        assert Peer().shake_hands("/v1/rooms/r1", *origins) == 403

    async def test_nobody_comes_in_while_the_process_drains(self) -> None:
        assert Peer(RecordingHandler(is_draining=True)).shake_hands() == 503

    async def test_nobody_comes_in_where_the_process_is_full(self) -> None:
        host = RecordingHandler()
        host.connection_limiter.sockets = MAX_SOCKETS
        assert Peer(host).shake_hands() == 503

    async def test_what_is_no_handshake_is_turned_away(self) -> None:
        peer = Peer()
        peer.connection.data_received(b"GET /v1/rooms/r1 HTTP/1.1\r\nHost: drops.example\r\n\r\n")

        assert peer.transport.writes[0].startswith(b"HTTP/1.1 426 ")
        assert peer.connection.session is None

    @pytest.mark.parametrize("host", [(), ("Host: a.example", "Host: b.example")])
    async def test_a_handshake_names_one_host(self, host: tuple[str, ...]) -> None:
        peer = Peer()
        peer.connection.data_received(a_handshake(*host))

        assert peer.transport.writes[0].startswith(b"HTTP/1.1 400 ")
        assert peer.connection.session is None

    async def test_another_version_is_told_which_one_is_spoken(self) -> None:
        peer = Peer()
        peer.connection.data_received(a_handshake("Host: a.example", version="12"))

        assert peer.transport.writes[0].startswith(b"HTTP/1.1 426 ")
        assert b"\r\nSec-WebSocket-Version: 13\r\n" in peer.transport.writes[0]

    async def test_what_is_no_http_is_told_so(self) -> None:
        peer = Peer()
        peer.connection.data_received(a_handshake("Host: a.example", "No colon"))

        assert peer.transport.writes[0].startswith(b"HTTP/1.1 400 ")
        assert peer.transport.ended == ["half-closed"]


def a_handshake(*headers: str, version: str = "13") -> bytes:
    lines = (
        "GET /v1/rooms/r1 HTTP/1.1",
        *headers,
        "Connection: Upgrade",
        "Upgrade: websocket",
        f"Sec-WebSocket-Version: {version}",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol: classdrop.v1",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


class TestBeforeHello:
    async def test_who_shows_a_good_token_is_none(self, peer: Peer) -> None:
        limiter = peer.host.connection_limiter
        assert (limiter.waiting, limiter.sockets) == (1, 0)
        peer.send_hello()

        assert (limiter.waiting, limiter.sockets) == (0, 1)
        assert peer.host.joined == [peer.connection]

    @pytest.mark.parametrize("says_hello", [True, False])
    async def test_who_leaves_is_none(self, peer: Peer, says_hello: bool) -> None:
        if says_hello:
            peer.send_hello()
        peer.connection.connection_lost(None)

        limiter = peer.host.connection_limiter
        assert (limiter.waiting, limiter.sockets) == (0, 0)

    async def test_behind_a_proxy_of_ours_each_client_counts_for_itself(self) -> None:
        peer = Peer(RecordingHandler(proxies=TrustedProxies.of([ADDRESS])))
        assert peer.shake_hands(forwarded_for="192.0.2.9") == 101
        peer.send_frame(type="hello", token="x.y.z")

        assert set(peer.host.connection_limiter._bad_token_buckets) == {"192.0.2.9"}

    async def test_a_token_that_is_not_good_is_held_against_the_address(self, peer: Peer) -> None:
        peer.send_frame(type="hello", token="x.y.z")

        assert [part if isinstance(part, int) else part["code"] for part in peer.received()] == [
            "token_invalid",
            4501,
        ]
        assert ADDRESS in peer.host.connection_limiter._bad_token_buckets

    async def test_an_expired_token_is_not(self, peer: Peer) -> None:
        peer.send_hello(seconds=-600)

        assert peer.received()[-1] == 4001
        assert ADDRESS not in peer.host.connection_limiter._bad_token_buckets


class TestManyBadTokens:
    @pytest.fixture
    def late(self, peer: Peer, deadlines: list[Timer]) -> Peer:
        """Has shown a bad one where many did."""
        for _ in range(BAD_TOKENS.burst):
            peer.host.connection_limiter.penalty_for_bad_token(ADDRESS, now_ms())
        peer.send_frame(type="hello", token="x.y.z")
        return peer

    async def test_the_next_bad_one_is_refused_later_and_not_heard_until_then(
        self, late: Peer, deadlines: list[Timer]
    ) -> None:
        assert (late.received(), late.transport.is_reading_paused) == ([], True)
        ((delay, refuse, why),) = deadlines
        assert delay == REFUSED_LATER_SECONDS
        refuse(*why)

        assert late.received()[-1] == 4501
        assert not late.transport.is_reading_paused

    async def test_it_does_not_go_on_with_a_good_one(self, late: Peer) -> None:
        late.send_hello()

        assert late.host.joined == []

    async def test_who_has_gone_meanwhile_is_told_nothing(
        self, late: Peer, deadlines: list[Timer]
    ) -> None:
        written = len(late.transport.writes)
        late.connection.connection_lost(None)
        ((_, refuse, why),) = deadlines
        refuse(*why)

        assert len(late.transport.writes) == written

    async def test_a_good_one_of_the_same_address_joins_at_once(self, late: Peer) -> None:
        neighbour = Peer(late.host)
        assert neighbour.shake_hands() == 101
        neighbour.send_hello()

        assert late.host.joined == [neighbour.connection]


class TestWelcome:
    async def test_what_came_before_it_follows_it_in_one_write(self, peer: Peer) -> None:
        peer.send_hello()
        peer.connection.send_private(text_frame(b'{"type":"claim_confirmed"}'))
        peer.connection.send_private(text_frame(b'{"type":"claim_result"}'))
        assert peer.received() == []
        before = len(peer.transport.writes)
        peer.connection.send_welcome(b'{"type":"welcome"', b"}")

        assert len(peer.transport.writes) == before + 1
        assert [f["type"] for f in peer.received()] == [
            "welcome",
            "claim_confirmed",
            "claim_result",
        ]

    async def test_what_comes_after_it_is_written_at_once(self, peer: Peer) -> None:
        live(peer)
        peer.connection.send_private(text_frame(b'{"type":"claim_result"}'))

        assert peer.received() == [{"type": "claim_result"}]

    async def test_it_makes_the_session_live(self, peer: Peer) -> None:
        session = live(peer).connection.session
        assert session is not None
        assert session.phase is Phase.LIVE


class TestMessages:
    async def test_claims_and_cards_seen_are_passed_on(self, peer: Peer) -> None:
        live(peer)
        peer.send_frame(type="claim", drop_id="drp_1", request_id="r1")
        peer.send_frame(type="seen", drop_id="drp_1")
        peer.send_frame(type="pong")

        assert (peer.host.claims, peer.host.seen_drops) == ([("drp_1", "r1")], ["drp_1"])

    async def test_a_message_in_pieces_is_put_together(self, peer: Peer) -> None:
        live(peer)
        peer.send_fragments(b'{"type":"claim",', b'"drop_id":"drp_1",', b'"request_id":"r1"}')

        assert peer.host.claims == [("drp_1", "r1")]

    async def test_several_messages_in_one_read_are_all_taken(self, peer: Peer) -> None:
        live(peer)
        with peer.all_at_once():
            peer.send_frame(type="claim", drop_id="drp_1", request_id="r1")
            peer.send_frame(type="claim", drop_id="drp_2", request_id="r2")

        assert peer.host.claims == [("drp_1", "r1"), ("drp_2", "r2")]

    async def test_a_ping_is_answered(self, peer: Peer) -> None:
        live(peer).send_ping()
        assert peer.received() == ["pong"]

    async def test_a_flood_of_pings_ends_it(self, peer: Peer) -> None:
        live(peer)
        for _ in range(MESSAGES.burst + 10):
            peer.send_ping()

        assert peer.received()[-1] == close_reasons.FLOOD.code

    async def test_a_quarter_megabyte_of_pings_costs_no_more_than_the_first_few(
        self, peer: Peer
    ) -> None:
        """One read. The library by itself would answer them all before anybody could say stop."""
        live(peer).connection.data_received(masked(b"", Opcode.PING) * 40_000)
        pongs = [heard for heard in peer.received() if heard == "pong"]

        assert len(pongs) < MESSAGES.burst + CHUNK_BYTES // 6
        assert peer.transport.ended == ["half-closed", "aborted"]

    async def test_pieces_without_end_are_a_flood_however_small(self, peer: Peer) -> None:
        live(peer).connection.data_received(
            masked(b"", Opcode.TEXT, fin=False)
            + masked(b"", Opcode.CONT, fin=False) * 2 * MESSAGES.burst
        )

        assert peer.received()[-1] == close_reasons.FLOOD.code

    async def test_bytes_end_it(self, peer: Peer) -> None:
        live(peer).send_binary(b"\x00\x01")
        error, code = peer.received()
        assert (error["code"], code) == ("not_text", 1003)

    @pytest.mark.parametrize("pieces", [1, 3])
    async def test_a_message_that_is_too_big_ends_it(self, peer: Peer, pieces: int) -> None:
        piece = b" " * (MAX_FRAME_BYTES // pieces + 1)
        live(peer)
        if pieces == 1:
            peer.send_text(piece)
        else:
            peer.send_fragments(*[piece] * pieces)
        peer.connection.connection_lost(None)

        assert peer.received() == [1009]
        assert peer.host.reasons_closed == ["1009"]

    async def test_what_comes_after_the_end_is_not_done(self, peer: Peer) -> None:
        live(peer).connection.end(WHY)
        peer.send_frame(type="claim", drop_id="drp_1", request_id="r1")

        assert peer.host.claims == []


class TestSlowReader:
    async def test_one_who_does_not_read_is_cut_off_and_never_waited_for(self, peer: Peer) -> None:
        live(peer)
        peer.transport.unsent = MAX_UNSENT_BYTES + 1
        peer.connection.write(b"x")
        peer.connection.connection_lost(None)

        assert peer.transport.ended == ["aborted"]
        assert peer.host.reasons_closed == ["too_slow"]

    async def test_one_who_is_a_little_behind_is_not(self, peer: Peer) -> None:
        live(peer)
        peer.transport.unsent = MAX_UNSENT_BYTES
        peer.connection.write(b"x")

        assert peer.transport.ended == []

    async def test_nothing_more_is_written_to_one_who_is_cut_off(self, peer: Peer) -> None:
        live(peer)
        peer.transport.unsent = MAX_UNSENT_BYTES + 1
        peer.connection.write(b"x")
        written = len(peer.transport.writes)
        peer.connection.write(b"y")

        assert len(peer.transport.writes) == written
        assert peer.transport.ended == ["aborted"]

    async def test_nothing_is_written_to_one_who_is_gone(self, peer: Peer) -> None:
        live(peer).connection.connection_lost(None)
        written = len(peer.transport.writes)
        peer.connection.write(b"x")

        assert len(peer.transport.writes) == written


class TestLargeWelcome:
    """Larger than what a client may leave unsent of what it is pushed."""

    HEAD = b'{"type":"welcome","drops":"%b"' % (b"x" * 200_000)

    @pytest.fixture
    def joining(self, peer: Peer) -> Peer:
        peer.send_hello()
        peer.connection.send_private(text_frame(b'{"type":"claim_confirmed"}'))
        return peer

    def look(self, peer: Peer, unsent: int, seconds: float = 0) -> list[str]:
        """The end of the transport, once so much is unsent and so much time has passed."""
        peer.transport.unsent = unsent
        peer.host.allowances.update(now_ms() + round(seconds * 1_000))
        return peer.transport.ended

    async def test_it_arrives_whole_with_what_came_before_it(self, joining: Peer) -> None:
        joining.connection.send_welcome(self.HEAD, b',"student":"ada"}')
        told, confirmed = joining.received()
        assert (len(told["drops"]), told["student"]) == (200_000, "ada")
        assert confirmed == {"type": "claim_confirmed"}

    async def test_its_bytes_are_not_held_against_its_reader(self, joining: Peer) -> None:
        joining.connection.send_welcome(self.HEAD, b"}")
        joining.transport.unsent = len(self.HEAD) + MAX_UNSENT_BYTES
        joining.connection.write(b"x")
        assert joining.transport.ended == []

    async def test_what_is_pushed_meanwhile_is(self, joining: Peer) -> None:
        joining.connection.send_welcome(self.HEAD, b"}")
        joining.transport.unsent = len(self.HEAD) + MAX_UNSENT_BYTES + 100
        joining.connection.write(b"x")
        assert joining.transport.ended == ["aborted"]

    async def test_what_has_been_read_of_it_is_not_allowed_again(self, joining: Peer) -> None:
        joining.connection.send_welcome(self.HEAD, b"}")
        assert self.look(joining, 100_000) == []
        joining.transport.unsent = 100_000 + MAX_UNSENT_BYTES
        joining.connection.write(b"x")
        assert joining.transport.ended == []
        joining.transport.unsent += 1
        joining.connection.write(b"x")
        assert joining.transport.ended == ["aborted"]

    async def test_once_read_the_usual_bound_holds(self, joining: Peer) -> None:
        joining.connection.send_welcome(self.HEAD, b"}")
        assert self.look(joining, 0) == []
        assert len(joining.host.allowances) == 0
        joining.transport.unsent = MAX_UNSENT_BYTES + 1
        joining.connection.write(b"x")
        assert joining.transport.ended == ["aborted"]

    async def test_who_reads_on_is_not_cut_off(self, joining: Peer) -> None:
        joining.connection.send_welcome(self.HEAD, b"}")
        for second in range(1, 6):
            assert self.look(joining, 200_000 - second, seconds=9 * second) == []

    async def test_who_reads_nothing_for_long_is(self, joining: Peer) -> None:
        joining.connection.send_welcome(self.HEAD, b"}")
        joining.transport.unsent = 200_000
        assert self.look(joining, 200_000, seconds=9) == []
        assert self.look(joining, 200_000, seconds=20) == ["aborted"]
        joining.connection.connection_lost(None)
        assert joining.host.reasons_closed == ["too_slow"]
        assert len(joining.host.allowances) == 0

    async def test_who_reads_a_byte_at_a_time_is_in_the_end(self, joining: Peer) -> None:
        joining.connection.send_welcome(self.HEAD, b"}")
        ends = [bool(self.look(joining, 200_000 - s, seconds=s)) for s in range(0, 65, 5)]
        assert ends == [False] * 12 + [True]

    async def test_one_who_has_gone_meanwhile_is_told_nothing(self, joining: Peer) -> None:
        joining.connection.connection_lost(None)
        joining.connection.send_welcome(self.HEAD, b"}")
        joining.connection.allow_unsent(0)
        joining.host.allowances.update(now_ms())
        assert len(joining.host.allowances) == 0

    async def test_nor_one_who_is_on_the_way_out(self, joining: Peer) -> None:
        joining.connection.end(close_reasons.TOKEN_EXPIRED)
        written = len(joining.transport.writes)
        joining.connection.send_welcome(self.HEAD, b"}")
        assert len(joining.transport.writes) == written


class TestEnd:
    async def test_the_reason_is_said_before_the_close(self, peer: Peer) -> None:
        live(peer).connection.end(WHY)
        error, code = peer.received()

        assert error == {
            "type": "error",
            "code": "silent",
            "message": "nothing was heard",
            "retry_after_ms": 1_000,
        }
        assert code == 4003

    async def test_the_transport_goes_when_the_client_has_answered(self, peer: Peer) -> None:
        live(peer).connection.end(WHY)
        peer.received()
        assert peer.transport.ended == []
        peer.send_library_data()
        peer.connection.connection_lost(None)

        assert peer.transport.ended == ["half-closed"]
        assert peer.host.reasons_closed == ["silent"]

    async def test_a_client_that_does_not_answer_is_cut_off_after_a_while(
        self, peer: Peer, deadlines: list[Timer]
    ) -> None:
        live(peer).connection.end(WHY)
        ((delay, cut_off, _),) = deadlines
        assert (delay, peer.transport.ended) == (5.0, [])
        cut_off()

        assert peer.transport.ended == ["aborted"]

    async def test_the_cut_is_asked_for_once(self, peer: Peer, deadlines: list[Timer]) -> None:
        live(peer).connection.end(WHY)
        for _ in range(3):
            peer.send_ping()
        peer.send_close()

        assert len(deadlines) == 1

    async def test_the_cut_of_one_who_has_gone_does_nothing(
        self, peer: Peer, deadlines: list[Timer]
    ) -> None:
        live(peer).connection.end(WHY)
        peer.connection.connection_lost(None)
        ((_, cut_off, _),) = deadlines
        cut_off()

        assert peer.transport.ended == []

    async def test_ended_twice_it_is_cut_off(self, peer: Peer) -> None:
        live(peer).connection.end(WHY)
        peer.connection.end(WHY)

        assert peer.transport.ended == ["aborted"]

    async def test_one_without_a_handshake_is_cut_off(self) -> None:
        peer = Peer()
        peer.connection.end(WHY)

        assert (peer.transport.writes, peer.transport.ended) == ([], ["aborted"])

    async def test_a_client_that_closes_is_answered_and_half_closed(self, peer: Peer) -> None:
        live(peer).send_close(1000)
        assert peer.received() == [1000]
        assert peer.transport.ended == ["half-closed"]

        peer.connection.connection_lost(None)
        assert peer.host.reasons_closed == ["client"]

    async def test_what_the_room_says_after_the_close_goes_nowhere(self, peer: Peer) -> None:
        """The client's side of the goodbye takes as long as its network does."""
        live(peer).send_close(1000)
        written = len(peer.transport.writes)
        peer.connection.write(b"news of the room")

        assert len(peer.transport.writes) == written

    async def test_a_client_that_goes_without_a_word_gets_none(self, peer: Peer) -> None:
        written = len(live(peer).transport.writes)
        peer.connection.eof_received()
        await next_pass()

        assert (len(peer.transport.writes), peer.transport.ended) == (written, ["closed"])

    async def test_a_class_that_goes_at_once_is_closed_some_at_a_time(self) -> None:
        host = RecordingHandler()
        peers = [Peer(host) for _ in range(2 * CLOSES_PER_TURN + 1)]
        for one in peers:
            one.shake_hands()
            one.connection.eof_received()
        closed = []
        for _ in range(4):
            closed.append(sum(one.transport.is_closing() for one in peers))
            await next_pass()

        assert closed == [0, CLOSES_PER_TURN, 2 * CLOSES_PER_TURN, len(peers)]

    async def test_for_each_who_comes_one_who_goes_is_closed_first(self, peer: Peer) -> None:
        """Sockets of departed clients do not fill the process."""
        live(peer).connection.eof_received()
        peer.host.socket_closer.close_one()

        assert peer.transport.ended == ["closed"]
        peer.host.socket_closer.close_one()  # nobody is left to be closed
        await next_pass()
        assert peer.transport.ended == ["closed"]

    async def test_one_who_has_gone_is_told_nothing_more(self, peer: Peer) -> None:
        written = len(live(peer).transport.writes)
        peer.connection.eof_received()
        peer.connection.write(text_frame(b'{"type":"drop_opened"}'))

        assert len(peer.transport.writes) == written

    async def test_one_that_went_on_in_pieces_before_is_half_closed(self, peer: Peer) -> None:
        live(peer).send_ping()
        peer.connection.eof_received()

        assert peer.transport.ended == ["half-closed"]

    async def test_nothing_is_said_after_the_close(self, peer: Peer) -> None:
        """Whatever the room is told while the client answers: it would take the whole gateway down."""
        live(peer).connection.shutdown()
        assert peer.received()[-1] == 1012
        peer.connection.write(text_frame(b'{"type":"ping"}'))
        peer.send_library_data()
        assert peer.transport.ended == ["half-closed"]
        peer.connection.write(text_frame(b'{"type":"ping"}'))

        assert peer.received() == []

    async def test_nothing_is_said_to_one_who_has_half_closed(self, peer: Peer) -> None:
        live(peer).send_ping()
        peer.connection.eof_received()
        written = len(peer.transport.writes)
        peer.connection.write(text_frame(b'{"type":"ping"}'))

        assert len(peer.transport.writes) == written

    async def test_a_whole_process_takes_leave_with_the_same_bytes(self, peer: Peer) -> None:
        why = SocketClose(close_reasons.GOING_AWAY, "server_restart", "soon", 1_000)
        words = text_frame(b'{"type":"error","code":"server_restart"}') + close_frame(
            why.code, why.word
        )
        live(peer).connection.end_with(why, words)
        error, code = peer.received()
        assert (error["code"], code) == ("server_restart", 1012)

        peer.connection.write(text_frame(b'{"type":"ping"}'))
        peer.connection.data_received(masked(b'{"type":"pong"}'))
        assert (peer.received(), peer.transport.ended) == ([], [])
        peer.send_library_data()
        assert peer.transport.ended == ["closed"]

    async def test_who_has_been_sent_away_hears_no_second_reason(self, peer: Peer) -> None:
        """Its token may expire before it has answered the close."""
        farewell = text_frame(b'{"type":"error","code":"server_restart"}') + close_frame(1012, "")
        live(peer).connection.end_with(SocketClose(1012, "server_restart", "", 0), farewell)
        assert peer.received()[-1] == 1012
        peer.connection.end(WHY)
        peer.connection.end_with(WHY, close_frame(WHY.code, WHY.word))

        assert (peer.received(), peer.transport.ended) == ([], [])
        peer.connection.connection_lost(None)
        assert peer.host.reasons_closed == ["server_restart"]

    async def test_one_who_is_the_library_s_is_dismissed_by_it(self, peer: Peer) -> None:
        live(peer).send_ping()
        peer.received()
        peer.connection.end_with(SocketClose(1012, "server_restart", "soon", 1_000), b"")
        assert peer.received()[-1] == 1012

    async def test_nothing_is_written_behind_a_close(self, peer: Peer) -> None:
        """A transport that is half-closed would raise in the middle of a broadcast, and the room would
        be told nothing any more."""
        live(peer).send_close(1000)
        written = len(peer.transport.writes)
        peer.connection.write(text_frame(b'{"type":"drop_opened"}'))
        peer.connection.send_private(text_frame(b'{"type":"claim_result"}'))

        assert len(peer.transport.writes) == written

    async def test_who_leaves_without_reading_what_was_sent_is_cut_off(
        self, peer: Peer, deadlines: list[Timer]
    ) -> None:
        live(peer).transport.unsent = 1
        peer.connection.eof_received()
        ((_, cut_off, _),) = deadlines
        cut_off()

        assert peer.transport.ended == ["aborted"]

    async def test_who_breaks_the_rules_is_not_heard_any_more(self, peer: Peer) -> None:
        live(peer).send_text(b"no frame")
        assert peer.received()[-1] == close_reasons.PROTOCOL_ERROR.code
        assert peer.transport.ended == ["half-closed"]
        peer.connection.data_received(b"x" * MAX_BYTES_AFTER_CLOSE)
        assert peer.transport.ended == ["half-closed"]
        peer.connection.data_received(b"x")

        assert peer.transport.ended == ["half-closed", "aborted"]

    async def test_who_is_sent_away_and_floods_is_not_heard_any_more(self, peer: Peer) -> None:
        live(peer).connection.end(WHY)
        for _ in range(MESSAGES.burst + 1):
            peer.send_ping()

        assert peer.transport.ended == ["half-closed"]

    async def test_uvicorn_s_end_sends_everybody_elsewhere(self, peer: Peer) -> None:
        live(peer).connection.shutdown()
        error, code = peer.received()

        assert (error["code"], code) == ("server_restart", 1012)
