"""The frames of draws and tasks, and what is refused of a client's frames about them."""

from dataclasses import replace

import orjson
import pytest

from server.core.draws.entries import Entry
from server.core.drops.draw_cards import DrawCard, DrawPhase
from server.core.drops.drops import DropState
from server.frames import client_frames, wire
from tests.unit.frames.test_wire import DROP, EVERYTHING, NINE, NINE_TEXT

SEALED = DrawCard("c0", DrawPhase.SEALED, entries=3, root="ab")
DRAWN = replace(SEALED, phase=DrawPhase.DRAWN, seed="5e", winners=2)
ENTRY = Entry(0, "9a", "r1", NINE, "00" * 16)


def test_a_card_shows_what_is_known_of_its_draw() -> None:
    def shown(draw: DrawCard) -> object:
        drop = replace(DROP, mode="draw", draw=draw)
        return wire.public_drop(drop, DropState.DRAWING, 3)["draw"]

    assert shown(DrawCard("c0")) == {"commitment": "c0"}
    assert shown(SEALED) == {"commitment": "c0", "entries": 3, "root": "ab"}
    assert shown(DRAWN) == {
        "commitment": "c0",
        "entries": 3,
        "root": "ab",
        "seed": "5e",
        "winners": 2,
    }


def test_a_closed_card_has_its_seal_once_there_is_one() -> None:
    closed = wire.public_drop(EVERYTHING, DropState.CLOSED, 0)
    sealed = wire.public_drop(replace(EVERYTHING, seal={"root": "ab"}), DropState.CLOSED, 0)
    assert "seal" not in closed
    assert sealed["seal"] == {"root": "ab"}


def test_the_frames_of_a_draw() -> None:
    place = {"epoch": "e1", "offset": 7}
    assert orjson.loads(wire.draw_sealed("drp_1", SEALED, "e1", 7)) == {
        "type": "draw_sealed",
        "drop_id": "drp_1",
        "entries": 3,
        "root": "ab",
        **place,
    }
    assert orjson.loads(wire.draw_done("drp_1", DRAWN, "e1", 7)) == {
        "type": "draw_done",
        "drop_id": "drp_1",
        "seed": "5e",
        "winners": 2,
        **place,
    }


def test_an_entry_is_answered_and_welcomed_with_its_receipt() -> None:
    receipt = ENTRY.receipt("drp_1")
    answered = wire.entry_fields("r1", "drp_1", ENTRY)
    welcomed = wire.my_entry("drp_1", ENTRY)

    assert (answered["outcome"], answered["receipt"]) == ("entered", receipt)
    assert welcomed == {
        "drop_id": "drp_1",
        "state": "entered",
        "won_at": NINE_TEXT,
        "receipt": receipt,
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "claim", "drop_id": "drp_1", "request_id": "r1", "client_random": "00"},
        {"type": "claim", "drop_id": "drp_1", "request_id": "r1", "client_random": 7},
        {"type": "answer", "drop_id": "drp_1", "option": True},
        {"type": "answer", "drop_id": "drp_1", "option": None},
        {"type": "answer", "drop_id": "", "option": 1},
    ],
)
def test_a_frame_of_the_wrong_form_is_no_frame(fields: dict[str, object]) -> None:
    assert client_frames.parse(orjson.dumps(fields)) is None


def test_a_claim_may_bring_its_random_bytes_and_an_answer_an_index_or_a_text() -> None:
    random = "0f" * 16
    claim = {"type": "claim", "drop_id": "drp_1", "request_id": "r1", "client_random": random}
    assert client_frames.parse(orjson.dumps(claim)) == client_frames.ClaimFrame(
        "drp_1", "r1", random
    )
    for option in (1, "blue"):
        answer = {"type": "answer", "drop_id": "drp_1", "option": option}
        assert client_frames.parse(orjson.dumps(answer)) == client_frames.AnswerFrame(
            "drp_1", option
        )
