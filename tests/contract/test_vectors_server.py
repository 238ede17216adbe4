"""The server against `client_sdk/vectors.json`: the frames and close codes it shares with the SDKs."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import orjson
import pytest

from server.contract_json import template_form_from_json
from server.core.coupons.coupons import Coupon, CouponState, Standing
from server.core.drops.claims import Audience, ClaimState, Outcome
from server.core.drops.draw_cards import DrawCard, DrawPhase
from server.core.drops.drops import CloseReason, DropState, RoomDrop, Window
from server.core.drops.tasks import Progress
from server.core.drops.winner_names import NamedWinners
from server.core.ids import BatchId, StudentId
from server.core.instants import from_text, to_text
from server.core.messages import Channel, Message, MessageKind, MessageState
from server.core.offers.offers import Offer, OfferState
from server.core.promotions.templates import (
    AmountOff,
    RelativeValidity,
    Scope,
    Template,
    TemplateForm,
    Threshold,
)
from server.core.room_names import is_room_name, room_of
from server.frames import (
    client_frames,
    coupon_frames,
    message_frames,
    offer_frames,
    task_frames,
    wire,
)
from server.gateway.sockets import close_reasons
from tests.contract.scripted_sessions import VECTORS

Fields = Mapping[str, Any]

TO_US = [vector for vector in VECTORS["frames"] if vector["from"] == "client"]
FROM_US = [vector for vector in VECTORS["frames"] if vector["from"] == "server"]
# Outcomes of what is not built yet (draws): clients know the word already.
LATER = {"entered"}
COMES_BACK = {vector["code"]: vector["comes_back"] for vector in VECTORS["close_codes"]}
# Close code -> the words of the `error` before it.
OURS: dict[int, set[str]] = {close_reasons.GOING_AWAY: {"server_restart"}}
for one in close_reasons.ALL:
    OURS.setdefault(one.code, set()).add(one.word)


def _names(vectors: Iterable[Fields]) -> list[str]:
    return [vector["name"] for vector in vectors]


@pytest.mark.parametrize("vector", VECTORS["addresses"], ids=lambda vector: str(vector["room"]))
def test_the_server_reads_a_room_s_address_as_the_sdks_write_it(vector: Fields) -> None:
    assert is_room_name(vector["room"]) is (vector["socket"] is not None)
    if vector["socket"] is not None:
        assert room_of("/v1/rooms/" + vector["socket"].rpartition("/")[2]) == vector["room"]


# --- the meaning of a vector, in the server's own words ------------------------------------------


def a_drop(shown: Fields) -> tuple[RoomDrop, DropState, int]:
    """Return the drop of these fields, its state, and the number of its units left."""
    drop = RoomDrop(
        id=shown["id"],
        room="algebra",
        shard=0,
        batch_id=BatchId("bat_1"),
        per_student=1,
        audience=Audience(),
        **{name: shown[name] for name in _AS_SHOWN},
        window=Window(
            from_text(shown["opens_at"]),
            from_text(shown["closes_at"] or shown["opens_at"]),
            shown["closes_at"] is None,
        ),
        rehearsal=shown.get("rehearsal", False),
        style=shown.get("style", {}),
        hold_seconds=shown.get("hold_seconds"),
        use_url=shown.get("use_url"),
    )
    if "closed_at" in shown:
        reason = CloseReason(shown["close_reason"])
        drop = replace(drop, closed_at=from_text(shown["closed_at"]), close_reason=reason)
    return drop, DropState(shown["state"]), shown["remaining"]


_AS_SHOWN = (
    *("name", "description", "message", "currency", "discount", "threshold"),
    *("scope", "validity", "mode", "quantity"),
)


def a_coupon(shown: Fields) -> bytes:
    """Return the JSON that the worker writes for the desk."""
    template = Template(
        TemplateForm(
            name=shown["name"],
            description="",
            currency="CNY",
            discount=AmountOff(1000),
            threshold=Threshold(),
            scope=Scope(),
            validity=RelativeValidity(60),
            use_url=shown.get("use_url"),
        ),
        id="tpl_1",
        version=1,
    )
    coupon = Coupon(
        id=shown["id"],
        code=shown["code"],
        batch_id=BatchId("bat_1"),
        template=template,
        student=StudentId("stu_1"),
        state=CouponState.USABLE,
        valid_from=from_text(shown["valid_from"]),
        valid_until=from_text(shown["valid_until"]),
        created_at=0,
        hold_until=from_text(shown["use_by"]),
    )
    return orjson.dumps(coupon_frames.coupon_fields(coupon, a_standing(shown)))


def a_standing(shown: Fields) -> Standing:
    return Standing(
        CouponState(shown["state"]),
        shown.get("version", 0),
        shown.get("order_id"),
        from_text(shown["locked_until"]) if "locked_until" in shown else None,
        from_text(shown["redeemed_at"]) if "redeemed_at" in shown else None,
    )


# --- what the server writes -----------------------------------------------------------------------


def _welcome(frame: Fields) -> bytes:
    head = wire.welcome_head(
        room=frame["room"],
        now=from_text(frame["now"]),
        epoch=frame["epoch"],
        offset=frame["offset"],
        present=frame["present"],
        drops=[wire.public_drop(*a_drop(shown)) for shown in frame["drops"]],
    )
    claims = [_my_claim(claim) for claim in frame["claims"]]
    return head + wire.welcome_tail(frame["student"], claims)


def _my_claim(claim: Fields) -> Mapping[str, object]:
    coupon = a_coupon(claim["coupon"]) if "coupon" in claim else b""
    state, won_at = ClaimState(claim["state"]), from_text(claim["won_at"])
    return wire.my_claim(claim["drop_id"], state, won_at, coupon)


def _drop(frame: Fields) -> bytes:
    shown = wire.public_drop(*a_drop(frame["drop"]))
    return wire.drop_frame(frame["type"], shown, frame["epoch"], frame["offset"])


def _drop_closed(frame: Fields) -> bytes:
    reason = wire.public_reason(CloseReason(frame["reason"]))
    closed_at = from_text(frame["closed_at"])
    return wire.drop_closed(frame["drop_id"], reason, closed_at, frame["epoch"], frame["offset"])


def _drop_progress(frame: Fields) -> bytes:
    own = ("type", "drop_id", "remaining", "state")
    more = {name: count for name, count in frame.items() if name not in own}
    state = DropState(frame["state"])
    return wire.drop_progress(frame["drop_id"], frame["remaining"], state, more)


def _claim_result(frame: Fields) -> bytes:
    outcome = frame["outcome"]
    fields = wire.claim_fields(
        frame["request_id"],
        frame["drop_id"],
        outcome if outcome in LATER else Outcome(outcome),
        frame.get("retry_after_ms"),
        frame.get("limit"),
    )
    coupon = {"coupon_id": frame["coupon_id"]} if "coupon_id" in frame else {}
    more = {name: frame[name] for name in ("task", "progress", "why") if name in frame}
    return wire.claim_result({**fields, **coupon, **more})


def _task_progress(frame: Fields) -> bytes:
    fields = {name: value for name, value in frame.items() if name not in ("type", "drop_id")}
    return task_frames.task_progress(frame["drop_id"], Progress(**fields))


def _claim_lost(frame: Fields) -> bytes:
    return wire.claim_lost(frame["type"], frame["drop_id"], frame.get("coupon_id"), frame["reason"])


def _coupon_changed(frame: Fields) -> bytes:
    use_by, standing = from_text(frame["use_by"]), a_standing(frame)
    told = coupon_frames.coupon_changed(frame["coupon_id"], frame.get("drop_id"), use_by, standing)
    return orjson.dumps(told)


def _message(frame: Fields) -> bytes:
    message = Message(
        id=frame["id"],
        cap_key="msg_0",
        student="s1",
        kind=MessageKind(frame["kind"]),
        channel=Channel.IN_APP,
        state=MessageState.QUEUED,
        text=None,
        data={},
        created_at=0,
        not_before=0,
        expires_at=1,
        coupon_id=frame.get("coupon_id"),
        url=frame.get("url"),
    )
    return orjson.dumps(message_frames.message_frame(message, frame["text"]))


def _offer(frame: Fields) -> bytes:
    offer, fields = _an_offer(frame["offer"]), frame["offer"]["template"]
    template = Template(
        template_form_from_json(fields),
        fields["id"],
        fields["version"],
        from_text(fields["created_at"]),
    )
    return orjson.dumps(offer_frames.offer_frame(offer, template))


def _an_offer(fields: Fields) -> Offer:
    return Offer(
        id=fields["id"],
        group_id="ofg_1",
        room=fields["room"],
        batch_id=BatchId(fields["batch_id"]),
        student=StudentId(fields["student"]),
        state=OfferState(fields["state"]),
        expires_at=from_text(fields["expires_at"]),
        created_by="tea",
        created_at=from_text(fields["created_at"]),
        course=fields.get("course"),
        message=fields["message"],
    )


def _offer_withdrawn(frame: Fields) -> bytes:
    offer = _an_offer({**_AN_OFFER, "id": frame["offer_id"], "state": frame["state"]})
    return orjson.dumps(offer_frames.withdrawn_frame(offer))


_AN_OFFER: Fields = next(
    one["frame"]["offer"] for one in VECTORS["frames"] if one["name"] == "offer"
)


def _draw_sealed(frame: Fields) -> bytes:
    draw = DrawCard("", DrawPhase.SEALED, frame["entries"], frame["root"])
    return wire.draw_sealed(frame["drop_id"], draw, frame["epoch"], frame["offset"])


def _draw_done(frame: Fields) -> bytes:
    draw = DrawCard("", DrawPhase.DRAWN, seed=frame["seed"], winners=frame["winners"])
    return wire.draw_done(frame["drop_id"], draw, frame["epoch"], frame["offset"])


WRITERS: dict[str, Callable[[Fields], bytes]] = {
    "welcome": _welcome,
    "drop_opened": _drop,
    "drop_changed": _drop,
    "drop_closed": _drop_closed,
    "drop_progress": _drop_progress,
    "drop_sealed": lambda frame: wire.drop_sealed(
        frame["drop_id"], frame["seal"], frame["epoch"], frame["offset"]
    ),
    "draw_sealed": _draw_sealed,
    "draw_done": _draw_done,
    "winners": lambda frame: wire.winners(
        frame["drop_id"], NamedWinners(frame["names"], frame["more"])
    ),
    "presence": lambda frame: wire.presence(frame["present"]),
    "claim_result": _claim_result,
    "claim_confirmed": lambda frame: wire.claim_confirmed(
        frame["drop_id"], a_coupon(frame["coupon"])
    ),
    "coupon_changed": _coupon_changed,
    "message": _message,
    "offer": _offer,
    "offer_withdrawn": _offer_withdrawn,
    "task_progress": _task_progress,
    "claim_revoked": _claim_lost,
    "coupon_released": _claim_lost,
    "ping": lambda frame: wire.ping(from_text(frame["now"])),
    "error": lambda frame: wire.error(frame["code"], frame["message"], frame.get("retry_after_ms")),
}


@pytest.mark.parametrize("vector", FROM_US, ids=_names(FROM_US))
def test_frame_is_written_as_the_clients_expect(vector: Fields) -> None:
    written = WRITERS[vector["frame"]["type"]](vector["frame"])
    assert orjson.loads(written) == vector["frame"]
    assert written.decode() == vector["text"], "the same, but not to the letter"


def test_every_kind_of_frame_has_a_vector() -> None:
    assert {vector["frame"]["type"] for vector in FROM_US} == set(WRITERS)


# --- what the server reads ------------------------------------------------------------------------


MEANINGS: dict[str, Callable[[Fields], client_frames.ClientFrame]] = {
    "hello": lambda frame: client_frames.Hello(frame["token"]),
    "claim": lambda frame: client_frames.ClaimFrame(frame["drop_id"], frame["request_id"]),
    "seen": lambda frame: client_frames.SeenFrame(frame["drop_id"]),
    "answer": lambda frame: client_frames.AnswerFrame(frame["drop_id"], frame["option"]),
    "pong": lambda _frame: client_frames.Pong(),
}


@pytest.mark.parametrize("vector", TO_US, ids=_names(TO_US))
def test_clients_frame_is_read_with_its_meaning(vector: Fields) -> None:
    meaning = MEANINGS[vector["frame"]["type"]](vector["frame"])
    assert client_frames.parse(vector["text"].encode()) == meaning


def test_every_kind_of_frame_from_clients_has_a_vector() -> None:
    assert {vector["frame"]["type"] for vector in TO_US} == set(MEANINGS)


# --- words, codes, times --------------------------------------------------------------------------


def test_clients_know_every_outcome() -> None:
    known = {v["frame"]["outcome"] for v in FROM_US if v["frame"]["type"] == "claim_result"}
    assert known == {str(outcome) for outcome in Outcome} | LATER


def test_clients_know_every_close_code_of_ours() -> None:
    assert OURS.keys() <= COMES_BACK.keys()


def test_clients_know_no_close_code_that_we_never_send() -> None:
    """But for the ends of the ranges, and what means that the server is a later one."""
    ends_of_ranges, later = {4000, 4499, 4999}, {4504}
    theirs = {code for code in COMES_BACK if code >= 4000}
    assert theirs - ends_of_ranges - later == {code for code in OURS if code >= 4000}


@pytest.mark.parametrize("code", sorted(OURS))
def test_close_code_sends_clients_back_by_its_range(code: int) -> None:
    """4000-4499 come back, 4500-4999 do not; 1012 is a restart, the others are about our bytes."""
    assert COMES_BACK[code] is (4000 <= code <= 4499 or code == close_reasons.GOING_AWAY)


def test_who_may_not_come_back_is_not_told_when() -> None:
    waits = {one.code: one.retry_after_ms for one in close_reasons.ALL}
    assert not [code for code, wait in waits.items() if wait and not COMES_BACK[code]]


def test_error_and_close_code_of_a_scripted_session_belong_together() -> None:
    told = list(_told_before_closing(VECTORS["sessions"]))
    assert told, "no session is told why before it is closed"
    for word, code in told:
        assert word in OURS.get(code, {word}), (word, code)


def _told_before_closing(sessions: Iterable[Fields]) -> Iterable[tuple[str, int]]:
    for session in sessions:
        for step, after in pairwise(session["steps"]):
            frame = step.get("frame", {})
            is_error = step["do"] == "frame" and frame.get("type") == "error"
            if is_error and after["do"] == "closed":
                yield frame["code"], after["code"]


@pytest.mark.parametrize("vector", VECTORS["instants"], ids=lambda vector: str(vector["text"]))
def test_instant_is_read_and_written(vector: Fields) -> None:
    assert (from_text(vector["text"]), to_text(vector["ms"])) == (vector["ms"], vector["text"])


def test_texts_are_what_their_frames_are() -> None:
    assert all(json.loads(v["text"]) == v["frame"] for v in VECTORS["frames"])
