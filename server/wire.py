"""Parses and writes the frames of the socket; with coupon_frames.py the only module that knows their JSON.

Called by the gateway (both directions) and the API (claim results, snapshot). `client_sdk/vectors.json` has
an example of each frame, and tests compare this file with it.

Frames are JSON objects with `type` first. Text from clients is not trusted: `parse` returns None for
everything that is not a frame of the protocol. Instants are ms UTC here and RFC 3339 text in frames.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeGuard

import orjson

from server.core.drops.claims import ClaimState, Outcome
from server.core.drops.drops import CloseReason, DropState, RoomDrop
from server.core.instants import to_text

MAX_FRAME_BYTES = 4096  # from a client
_ID_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-")
_MAX_ID = 64
# A claim in the exact form of our SDKs. Ten thousand may come in one moment, and building a dict for each
# would be more than half of the cost of parsing.
_COMMON_CLAIM = re.compile(
    rb'\{"type":"claim","drop_id":"([\w.:-]{1,64})","request_id":"([\w.:-]{1,64})"\}'
)


# --- from clients -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """The first frame of a socket whose token is not in its URL or header."""

    token: str


class ClaimFrame(NamedTuple):
    """A tap. The same `request_id` is the same tap, sent again."""

    drop_id: str
    request_id: str


class SeenFrame(NamedTuple):
    """The drop's card was on the student's screen."""

    drop_id: str


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a ping."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A frame of a later version. It is ignored, so that clients and servers of different versions work
    together.
    """


ClientFrame = Hello | ClaimFrame | SeenFrame | Pong | Unknown
_PONG, _UNKNOWN = Pong(), Unknown()


def parse(text: bytes | bytearray | memoryview) -> ClientFrame | None:
    """Parse a client's frame. None: not JSON, not an object, without `type`, or with an invalid field."""
    common = _COMMON_CLAIM.fullmatch(text)
    if common is not None:
        return ClaimFrame(common[1].decode(), common[2].decode())
    return _parse_fields(text)


def _parse_fields(text: bytes | bytearray | memoryview) -> ClientFrame | None:
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(fields, dict):
        return None
    match fields.get("type"):
        case "claim":
            return _claim(fields)
        case "pong":
            return _PONG
        case "seen":
            return SeenFrame(fields["drop_id"]) if _is_id(fields.get("drop_id")) else None
        case "hello":
            token = fields.get("token")
            return Hello(token) if isinstance(token, str) else None
        case str():
            return _UNKNOWN
        case _:
            return None


def _claim(fields: Mapping[str, Any]) -> ClaimFrame | None:
    drop_id, request_id = fields.get("drop_id"), fields.get("request_id")
    return ClaimFrame(drop_id, request_id) if _is_id(drop_id) and _is_id(request_id) else None


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _MAX_ID and _ID_CHARS.issuperset(value)


# --- to clients -------------------------------------------------------------------------------


def public_drop(drop: RoomDrop, state: DropState, remaining: int) -> dict[str, object]:
    """Return `drop` of drop_opened, drop_changed and welcome; `id` comes first."""
    fields: dict[str, object] = {
        "id": drop.id,
        "state": state,
        "name": drop.name,
        "description": drop.description,
        "message": drop.message,
        "currency": drop.currency,
        "discount": drop.discount,
        "threshold": drop.threshold,
        "scope": drop.scope,
        "validity": drop.validity,
        "mode": drop.mode,
        "quantity": drop.quantity,
        "remaining": remaining,
        "opens_at": to_text(drop.window.opens_at),
        "closes_at": to_text(drop.window.closes_at),
    }
    if drop.hold_seconds is not None:
        fields["hold_seconds"] = drop.hold_seconds
    if drop.use_url is not None:
        fields["use_url"] = drop.use_url
    if drop.deducts:
        fields["deducts"] = drop.deducts
    if drop.style:
        fields["style"] = drop.style
    if drop.closed_at is not None:
        fields["closed_at"] = to_text(drop.closed_at)
        fields["close_reason"] = public_reason(drop.close_reason)
    return fields


def public_reason(reason: CloseReason | None) -> str:
    """Return the reason as students see it: a cancelled opening is `stopped` for them."""
    if reason in (None, CloseReason.CANCELLED):
        return CloseReason.STOPPED
    return reason


def drop_frame(kind: str, drop: Mapping[str, object], epoch: str, offset: int) -> bytes:
    """Return a drop_opened or drop_changed frame; `drop` is made by `public_drop`."""
    return orjson.dumps({"type": kind, "drop": drop, "epoch": epoch, "offset": offset})


def drop_closed(drop_id: str, reason: str, closed_at: int, epoch: str, offset: int) -> bytes:
    """Return a drop_closed frame."""
    return orjson.dumps(
        {
            "type": "drop_closed",
            "drop_id": drop_id,
            "reason": reason,
            "closed_at": to_text(closed_at),
            "epoch": epoch,
            "offset": offset,
        }
    )


def drop_progress(drop_id: str, remaining: int, state: DropState, more: Mapping[str, int]) -> bytes:
    """Return a drop_progress frame. `more` is `present` for students, all counters for instructors."""
    return orjson.dumps(
        {
            "type": "drop_progress",
            "drop_id": drop_id,
            "remaining": remaining,
            "state": state,
            **more,
        }
    )


def presence(present: int) -> bytes:
    """Return a presence frame: for instructors, when the number of students in the room changes."""
    return orjson.dumps({"type": "presence", "present": present})


def claim_fields(
    request_id: str,
    drop_id: str,
    outcome: Outcome,
    retry_after_ms: int | None = None,
    limit: str | None = None,
) -> dict[str, object]:
    """Return claim_result without its type; also the response of POST /v1/drops/{id}/claims."""
    fields: dict[str, object] = {
        "request_id": request_id,
        "drop_id": drop_id,
        "outcome": outcome,
    }
    if retry_after_ms is not None:
        fields["retry_after_ms"] = retry_after_ms
    if limit is not None:
        fields["limit"] = limit
    return fields


def claim_result(fields: Mapping[str, object]) -> bytes:
    """Return a claim_result frame; `fields` are made by `claim_fields`."""
    return orjson.dumps({"type": "claim_result", **fields})


def claim_confirmed(drop_id: str, coupon: bytes) -> bytes:
    """Return a claim_confirmed frame. `coupon` is JSON, as the desk stores it. `drop_id` is one of our ids
    and needs no escaping.
    """
    return b'{"type":"claim_confirmed","drop_id":"%b","coupon":%b}' % (drop_id.encode(), coupon)


def claim_lost(frame: str, drop_id: str, coupon_id: str | None, reason: str) -> bytes:
    """Return a coupon_released or claim_revoked frame. A claim that was revoked before it was confirmed has
    no coupon.
    """
    coupon = {"coupon_id": coupon_id} if coupon_id else {}
    return orjson.dumps({"type": frame, "drop_id": drop_id, **coupon, "reason": reason})


def ping(now: int) -> bytes:
    """Return a ping frame with the server's time."""
    return orjson.dumps({"type": "ping", "now": to_text(now)})


def error(code: str, message: str, retry_after_ms: int | None = None) -> bytes:
    """Return an error frame; `code` is a code of PROTOCOL.md."""
    fields: dict[str, object] = {"type": "error", "code": code, "message": message}
    if retry_after_ms is not None:
        fields["retry_after_ms"] = retry_after_ms
    return orjson.dumps(fields)


def my_claim(drop_id: str, state: ClaimState, won_at: int, coupon: bytes) -> dict[str, object]:
    """Return one element of welcome's `claims`."""
    fields: dict[str, object] = {"drop_id": drop_id, "state": state, "won_at": to_text(won_at)}
    if coupon:
        fields["coupon"] = orjson.Fragment(coupon)
    return fields


def welcome_head(
    *,
    room: str,
    now: int,
    epoch: str,
    offset: int,
    present: int,
    drops: Sequence[Mapping[str, object] | orjson.Fragment],
) -> bytes:
    """Return the beginning of a welcome, which all who join a room in the same state share; not closed."""
    return orjson.dumps(
        {
            "type": "welcome",
            "room": room,
            "now": to_text(now),
            "epoch": epoch,
            "offset": offset,
            "present": present,
            "drops": drops,
        }
    )[:-1]


def welcome_tail(student: str, claims: Sequence[Mapping[str, object]]) -> bytes:
    """Return the rest of a welcome, after `welcome_head`. `student` has passed the check of its token and
    needs no escaping.
    """
    mine = orjson.dumps(claims) if claims else b"[]"
    return b',"student":"%b","claims":%b}' % (student.encode(), mine)
