"""The Python SDK against `client_sdk/vectors.json`: what the JavaScript SDK and the server agree to."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from client_sdk.python import frames
from tests.contract.scripted_sessions import BASE, VECTORS, ScriptedSession, fits

SESSIONS = VECTORS["sessions"]
OURS = [vector for vector in VECTORS["frames"] if vector["from"] == "client"]
THEIRS = [vector for vector in VECTORS["frames"] if vector["from"] == "server"]
WRITERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "hello": lambda frame: frames.hello(frame["token"]),
    "claim": lambda frame: frames.claim(frame["drop_id"], frame["request_id"]),
    "seen": lambda frame: frames.seen(frame["drop_id"]),
    "answer": lambda frame: frames.answer(frame["drop_id"], frame["option"]),
    "pong": lambda _: frames.PONG,
}


def _names(vectors: list[Any]) -> list[str]:
    return [vector["name"] for vector in vectors]


@pytest.mark.parametrize("script", SESSIONS, ids=_names(SESSIONS))
def test_scripted_session_has_the_effects_and_the_state_it_should(
    script: Mapping[str, Any],
) -> None:
    session = ScriptedSession(script)
    for step in script["steps"]:
        found, expected = session.take(step), step.get("out", [])
        assert len(found) == len(expected), (step, found)
        for effect, wanted in zip(found, expected, strict=True):
            assert fits(effect, wanted), (step, effect, wanted)
        if "state" in step:
            assert fits(session.state(), step["state"]), (step, session.state())
        if "wake_at" in step:
            assert session.wake_at == step["wake_at"], step


@pytest.mark.parametrize("vector", OURS, ids=_names(OURS))
def test_our_frames_are_written_to_the_letter(vector: Mapping[str, Any]) -> None:
    assert WRITERS[vector["frame"]["type"]](vector["frame"]) == vector["text"]


@pytest.mark.parametrize("vector", THEIRS, ids=_names(THEIRS))
def test_the_servers_frames_are_read(vector: Mapping[str, Any]) -> None:
    assert frames.decode(vector["text"]) == vector["frame"]


@pytest.mark.parametrize("vector", VECTORS["ignored"], ids=_names(VECTORS["ignored"]))
def test_what_is_no_frame_is_ignored(vector: Mapping[str, Any]) -> None:
    assert frames.decode(vector["text"]) is None


@pytest.mark.parametrize("vector", VECTORS["close_codes"], ids=lambda vector: str(vector["code"]))
def test_close_code_says_whether_to_come_back(vector: Mapping[str, Any]) -> None:
    assert frames.is_reconnectable(vector["code"]) is vector["comes_back"]


@pytest.mark.parametrize("vector", VECTORS["instants"], ids=lambda vector: str(vector["text"]))
def test_instant_is_read_and_written(vector: Mapping[str, Any]) -> None:
    assert frames.instant_ms(vector["text"]) == vector["ms"]
    assert frames.instant_text(vector["ms"]) == vector["text"]


def test_an_instant_without_an_offset_is_none() -> None:
    with pytest.raises(ValueError, match="offset"):
        frames.instant_ms("2026-03-01T09:00:00")


@pytest.mark.parametrize("vector", VECTORS["addresses"], ids=lambda vector: str(vector["room"]))
def test_address_of_a_room(vector: Mapping[str, Any]) -> None:
    if vector["socket"] is not None:
        assert frames.socket_url(vector["url"], vector["room"]) == vector["socket"]
        return
    with pytest.raises(ValueError, match="room"):
        frames.socket_url(vector["url"], vector["room"])


def test_every_frame_of_the_contract_has_a_vector() -> None:
    assert {vector["frame"]["type"] for vector in VECTORS["frames"]} == {
        *("hello", "seen", "claim", "answer", "pong"),
        *("welcome", "drop_opened", "drop_changed", "drop_progress", "drop_closed"),
        *("claim_result", "claim_confirmed", "claim_revoked", "coupon_released"),
        *("coupon_changed", "message", "task_progress", "offer", "offer_withdrawn"),
        *("drop_sealed", "draw_sealed", "draw_done", "winners"),
        *("presence", "ping", "error"),
    }


def test_fixtures_are_frames_as_the_server_writes_them() -> None:
    welcome = VECTORS["fixtures"]["welcome"]
    assert frames.decode(json.dumps(welcome)) == welcome
    assert frames.instant_ms(welcome["now"]) == BASE
