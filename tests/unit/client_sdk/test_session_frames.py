"""Frames of draws, offers and tasks become events of a live session, and a repeated one becomes none."""

import json
from typing import Any

from client_sdk.python.session import Session
from client_sdk.python.shapes import Emit
from tests.contract.scripted_sessions import BASE, VECTORS, filled

DROP = filled({"use": "drop"})
OFFER = next(one["frame"]["offer"] for one in VECTORS["frames"] if one["name"] == "offer")
PROGRESS = {"drop_id": DROP["id"], "done": 1, "needed": 1, "passed": True}


def live() -> Session:
    session = Session("algebra", lambda: 0.5)
    session.start(BASE)
    session.token("token", BASE)
    session.opened(BASE)
    welcome = {**filled({"use": "welcome"}), "drops": [DROP], "claims": []}
    session.frame(json.dumps({"type": "welcome", **welcome}), BASE)
    return session


def events(session: Session, frame: dict[str, Any]) -> list[Any]:
    effects = session.frame(json.dumps(frame), BASE)
    return [one.event for one in effects if isinstance(one, Emit)]


def draw_frame(session: Session, kind: str, **fields: object) -> dict[str, Any]:
    return {
        "type": kind,
        "drop_id": DROP["id"],
        "epoch": session.room.epoch,
        "offset": session.room.offset + 1,
        **fields,
    }


def test_a_draw_is_sealed_and_done_once() -> None:
    session = live()
    sealed = draw_frame(session, "draw_sealed", entries=3, root="ab")
    first, again = events(session, sealed), events(session, sealed)
    done = draw_frame(session, "draw_done", seed="cd", winners=2)
    last, repeated = events(session, done), events(session, done)

    assert [one.type for one in (*first, *last)] == ["drop_changed", "drop_changed"]
    assert again == repeated == []
    (shown,) = session.state.drops
    assert shown["state"] == "drawing"
    assert shown.get("draw") == {"entries": 3, "root": "ab", "seed": "cd", "winners": 2}


def test_a_closed_drop_is_sealed_once_and_stays_closed() -> None:
    session = live()
    closed = draw_frame(session, "drop_closed", reason="stopped", closed_at=DROP["closes_at"])
    events(session, closed)
    seal = {"root": "ab", "count": 1, "stock": 3, "came_back": 0, "given_again": 0, "seal": "cd"}
    sealed = draw_frame(session, "drop_sealed", seal=seal)
    (told,), again = events(session, sealed), events(session, sealed)

    assert (told.type, again) == ("drop_changed", [])
    (shown,) = session.state.drops
    assert (shown["state"], shown.get("seal")) == ("closed", seal)
    assert events(session, draw_frame(session, "drop_sealed", seal=seal) | {"drop_id": "x"}) == []


def test_a_draw_that_the_room_does_not_show_changes_nothing() -> None:
    session = live()
    unknown = draw_frame(session, "draw_sealed", entries=3, root="ab") | {"drop_id": "drp_x"}
    assert events(session, unknown) == []


def test_an_offer_and_its_end_are_events() -> None:
    session = live()
    (offered,) = events(session, {"type": "offer", "offer": OFFER})
    ended = {"type": "offer_withdrawn", "offer_id": OFFER["id"], "state": "withdrawn"}
    (withdrawn,) = events(session, ended)

    assert (offered.type, offered.offer["id"]) == ("offer", OFFER["id"])
    assert (withdrawn.offer_id, withdrawn.state) == (OFFER["id"], "withdrawn")


def test_an_answer_is_sent_while_the_connection_is_live_only() -> None:
    session, stopped = live(), Session("algebra", lambda: 0.5)

    assert any("answer" in getattr(one, "text", "") for one in session.answer("drp_1", 1, BASE))
    assert stopped.answer("drp_1", 1, BASE) == []


def test_the_reply_to_a_call_of_a_task_is_an_event() -> None:
    effects = live().task_answered(PROGRESS, BASE)  # type: ignore[arg-type]
    assert [one.event.type for one in effects if isinstance(one, Emit)] == ["task"]
