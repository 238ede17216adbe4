"""A storm's student, with a transport that only records what is written."""

import asyncio
import json
from typing import Any

import pytest
from websockets.frames import Frame
from websockets.frames import Opcode as LibraryOpcode
from websockets.protocol import SERVER, Protocol, State

from loadtest.clients.websocket_codec import Address, Handshake
from loadtest.storm.recording import Recording
from loadtest.storm.student import LOST_STATE, SharedState, Student
from tests.support.eventually import eventually
from tests.unit.loadtest.clients.test_websocket_codec import accepting
from tests.unit.loadtest.lesson.test_student_outcomes import COUPON

MARK = "storm-1"
DROP = {"id": "drp_1", "message": f"Load test. {MARK}", "state": "open"}


class Wire(asyncio.WriteTransport):
    """A transport that decodes the frames written after the handshake."""

    def __init__(self) -> None:
        super().__init__()
        self.is_aborted = False
        self.is_read = True
        self._server = Protocol(SERVER, state=State.OPEN)

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        if not bytes(data).startswith(b"GET "):
            self._server.receive_data(bytes(data))

    def is_closing(self) -> bool:
        return self.is_aborted

    def pause_reading(self) -> None:
        self.is_read = False

    def abort(self) -> None:
        self.is_aborted = True

    @property
    def heard(self) -> list[dict[str, Any]]:
        events = self._server.events_received()
        return [
            json.loads(bytes(frame.data))
            for frame in events
            if isinstance(frame, Frame) and frame.opcode is LibraryOpcode.TEXT
        ]


class Seat:
    """A student who has joined. `reaction_s` None: one who never taps; `seen_s` None: never tells that
    the card was seen."""

    def __init__(
        self,
        reaction_s: float | None = 0.0,
        *,
        seen_s: float | None = None,
        is_deaf: bool = False,
    ) -> None:
        self.record = Recording(["ann"], [0])
        self.lost: list[int | None] = []
        self.taps = 0
        shared = SharedState(
            MARK,
            "r-1",
            lambda _: reaction_s,
            self.record,
            self._left,
            tapped=self._tapped,
            seen_s=lambda: seen_s,
            is_deaf=is_deaf,
        )
        self.handshake = Handshake(Address.of("http://x"), "algebra", "classdrop.v1")
        self.student = Student(0, "the-token", self.handshake, shared)
        self.wire = Wire()
        self.come_in()

    def come_in(self, *drops: dict[str, Any], claims: list[dict[str, Any]] | None = None) -> None:
        self.wire = Wire()
        self.student.connection_made(self.wire)
        self.student.data_received(accepting(self.handshake))
        assert self.wire.heard == [{"type": "hello", "token": "the-token"}]
        self.hear(type="welcome", drops=list(drops), claims=claims or [])

    def hear(self, **frame: Any) -> None:
        payload = json.dumps(frame).encode()
        self.student.data_received(Frame(LibraryOpcode.TEXT, payload).serialize(mask=False))

    def close(self, code: int) -> None:
        closing = Frame(LibraryOpcode.CLOSE, code.to_bytes(2, "big"))
        self.student.data_received(closing.serialize(mask=False))
        self.student.connection_lost(None)

    def _left(self, _student: Student, code: int | None, _retry_after_ms: int | None) -> None:
        self.lost.append(code)

    def _tapped(self, _student: Student) -> None:
        self.taps += 1


@pytest.fixture
def seat() -> Seat:
    return Seat()


CLAIM = {"type": "claim", "drop_id": "drp_1", "request_id": "r-1"}


def test_student_who_is_welcomed_is_in(seat: Seat) -> None:
    assert seat.record.joins == 1
    assert seat.record.joined[0]


def test_student_taps_when_the_card_comes(seat: Seat) -> None:
    seat.hear(type="drop_opened", drop=DROP)

    assert seat.wire.heard == [CLAIM]
    assert seat.record.tap_due[0] == seat.record.pushed[0] > 0


def test_who_never_taps_only_looks() -> None:
    seat = Seat(reaction_s=None)
    seat.hear(type="drop_opened", drop=DROP)

    assert seat.wire.heard == []
    assert seat.record.pushes == 1
    assert not seat.record.tap_due[0]


@pytest.mark.asyncio
async def test_who_only_looks_tells_that_the_card_was_seen() -> None:
    seat = Seat(reaction_s=None, seen_s=0.0)
    seat.hear(type="drop_opened", drop=DROP)

    heard = await eventually(lambda: seat.wire.heard)
    assert heard == [{"type": "seen", "drop_id": "drp_1"}]


def test_tap_that_comes_first_says_that_the_card_was_seen() -> None:
    seat = Seat(reaction_s=0.0, seen_s=1.0)
    seat.hear(type="drop_opened", drop=DROP)

    assert seat.wire.heard == [CLAIM]


def test_every_tap_is_waited_for_until_its_answer(seat: Seat) -> None:
    seat.hear(type="drop_opened", drop=DROP)
    seat.close(1012)
    seat.come_in(DROP)
    assert seat.taps == 2
    assert seat.student.claim_key == ("drp_1", "r-1")

    seat.student.answer_due_at = 1.0
    seat.hear(type="claim_result", drop_id="drp_1", request_id="r-1", outcome="sold_out")
    assert seat.student.answer_due_at is None


def test_answer_over_http_is_one_and_brings_the_coupon(seat: Seat) -> None:
    seat.hear(type="drop_opened", drop=DROP)
    seat.student.http_answered(
        {"drop_id": "drp_1", "request_id": "r-1", "outcome": "won", "coupon": COUPON}
    )

    assert seat.record.outcomes == ["won"]
    assert seat.record.coupons == {0: {"cpn_1"}}
    assert seat.record.troubles == {"answered over HTTP": 1}


@pytest.mark.parametrize(("is_final", "outcome"), [(True, "wrong_room"), (False, None)])
def test_refusal_over_http_is_an_answer_where_asking_again_changes_nothing(
    is_final: bool, outcome: str | None, seat: Seat
) -> None:
    seat.hear(type="drop_opened", drop=DROP)
    seat.student.http_refused("wrong_room", is_final=is_final)

    assert seat.record.outcomes == [outcome]


def test_who_is_deaf_stops_reading_once_welcomed() -> None:
    assert not Seat(is_deaf=True).wire.is_read
    assert Seat().wire.is_read


def test_change_of_our_drop_is_noted_by_its_new_quantity(seat: Seat) -> None:
    seat.hear(type="drop_changed", drop={**DROP, "quantity": 7})
    seat.hear(type="drop_changed", drop={**DROP, "quantity": 9, "message": "hello"})

    assert list(seat.record.changed) == [7]
    assert seat.record.changes == 1


def test_drop_of_somebody_else_is_left_alone(seat: Seat) -> None:
    seat.hear(type="drop_opened", drop={**DROP, "message": "hello"})

    assert seat.wire.heard == []
    assert seat.record.pushes == 0


def test_answer_and_confirmation_are_written_down(seat: Seat) -> None:
    seat.hear(type="drop_opened", drop=DROP)
    result = {"type": "claim_result", "drop_id": "drp_1", "request_id": "r-1"}
    seat.hear(**result, outcome="won", coupon_id="cpn_1")
    seat.hear(type="claim_confirmed", drop_id="drp_1", coupon={"id": "cpn_1"})

    assert seat.record.outcomes == ["won"]
    assert seat.record.coupons == {0: {"cpn_1"}}
    assert seat.record.confirmations == 1


def test_win_that_is_taken_back_is_written_down(seat: Seat) -> None:
    seat.hear(type="drop_opened", drop=DROP)
    seat.hear(type="claim_revoked", drop_id="drp_1")

    assert seat.record.revoked == {0}


def test_ping_is_answered(seat: Seat) -> None:
    seat.hear(type="ping", now="2026-03-01T09:00:00.000Z")

    assert seat.wire.heard == [{"type": "pong"}]


def test_claim_without_an_answer_is_sent_again_after_a_reconnect(seat: Seat) -> None:
    seat.hear(type="drop_opened", drop=DROP)
    seat.close(1012)
    assert seat.lost == [1012]
    assert not seat.record.connected[0]

    seat.come_in(DROP)

    assert seat.wire.heard == [CLAIM]
    assert seat.record.pushes == 1


def test_claim_that_the_welcome_answers_is_not_sent_again(seat: Seat) -> None:
    seat.hear(type="drop_opened", drop=DROP)
    seat.close(1012)

    coupon = {"id": "cpn_1"}
    seat.come_in(DROP, claims=[{"drop_id": "drp_1", "state": "confirmed", "coupon": coupon}])

    assert seat.wire.heard == []
    assert seat.record.outcomes == ["won"]
    assert seat.record.confirmed[0]


@pytest.mark.asyncio
async def test_tap_that_comes_due_in_the_handshake_waits_for_the_welcome() -> None:
    """A frame before the hello breaks the protocol, and the server would close the connection."""
    seat = Seat(reaction_s=0.001)
    seat.hear(type="drop_opened", drop=DROP)
    seat.close(1012)
    seat.wire = Wire()
    seat.student.connection_made(seat.wire)
    await eventually(lambda: seat.taps)
    assert seat.wire.heard == []

    seat.student.data_received(accepting(seat.handshake))
    seat.hear(type="welcome", drops=[DROP], claims=[])

    assert seat.wire.heard == [{"type": "hello", "token": "the-token"}, CLAIM]


def test_drop_that_was_missed_is_tapped_after_the_welcome(seat: Seat) -> None:
    seat.close(4002)
    seat.come_in(DROP)

    assert seat.wire.heard == [CLAIM]


def test_server_that_speaks_something_else_is_left(seat: Seat) -> None:
    seat.student.data_received(b"\x01\x05hello")

    assert seat.wire.is_aborted
    assert seat.record.troubles.total() == 1


def test_winner_who_comes_back_to_no_claim_is_noted(seat: Seat) -> None:
    seat.hear(type="drop_opened", drop=DROP)
    seat.hear(type="claim_result", drop_id="drp_1", request_id="r-1", outcome="won")
    seat.close(1006)
    seat.come_in(DROP, claims=[{"drop_id": "drp_1", "state": "won"}])
    assert not seat.record.troubles

    seat.close(1006)
    seat.come_in(DROP)

    assert seat.record.troubles == {LOST_STATE: 1}
    assert seat.record.rejoins == 2
