"""The JSON frames of the socket: reading, checking and writing them; close codes, times and URLs.

Called by `session`, and by `client` and `api` for URLs. Must not know state or a clock. Twin of
`javascript/frames.js`; `vectors.json` checks both.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Literal, NotRequired, TypedDict, cast
from urllib.parse import quote

from client_sdk.python.shapes import (
    ClaimReply,
    Coupon,
    CouponChange,
    Drop,
    DropSeal,
    OfferState,
    OpenOffer,
    RoomMessage,
    Snapshot,
    TaskProgress,
)

SUBPROTOCOL: Final = "classdrop.v1"


Welcome = Snapshot


class DropPublished(TypedDict):
    """A drop_opened or drop_changed frame. (epoch, offset) is its place in the room's stream."""

    type: Literal["drop_opened", "drop_changed"]
    drop: Drop
    epoch: str
    offset: int


class DropProgress(TypedDict):
    """New counters of a drop. Only instructors receive those after `state`."""

    type: Literal["drop_progress"]
    drop_id: str
    remaining: int
    state: str
    claimed: NotRequired[int]
    confirmed: NotRequired[int]
    redeemed: NotRequired[int]
    released: NotRequired[int]
    returned: NotRequired[int]
    revoked: NotRequired[int]
    settled_difference: NotRequired[int]
    reached: NotRequired[int]
    entered: NotRequired[int]
    present: NotRequired[int]


class DropClosed(TypedDict):
    """The end of a drop, with its reason."""

    type: Literal["drop_closed"]
    drop_id: str
    reason: str
    closed_at: str
    epoch: str
    offset: int


class DropSealed(TypedDict):
    """The claims of a closed drop can change no more: `seal` is what a receipt is checked against."""

    type: Literal["drop_sealed"]
    drop_id: str
    seal: DropSeal
    epoch: str
    offset: int


class DrawSealed(TypedDict):
    """The entries of a draw can change no more. The winners are not known yet."""

    type: Literal["draw_sealed"]
    drop_id: str
    entries: int
    root: str
    epoch: str
    offset: int


class DrawDone(TypedDict):
    """The winners of a draw are known; the claim_confirmed of each follows."""

    type: Literal["draw_done"]
    drop_id: str
    seed: str
    winners: int
    epoch: str
    offset: int


class Winners(TypedDict):
    """Masked names of some who won since the last frame, and how many won besides."""

    type: Literal["winners"]
    drop_id: str
    names: list[str]
    more: int


class Presence(TypedDict):
    """The number of people in the room, sent to instructors when it changes."""

    type: Literal["presence"]
    present: int


class ClaimResult(ClaimReply):
    """The reply to a claim over the socket."""

    type: Literal["claim_result"]


class ClaimConfirmed(TypedDict):
    """A claim that can no longer be lost, with its coupon."""

    type: Literal["claim_confirmed"]
    drop_id: str
    coupon: Coupon


class ClaimEnded(TypedDict):
    """A claim_revoked or coupon_released frame: the student no longer has the unit."""

    type: Literal["claim_revoked", "coupon_released"]
    drop_id: str
    coupon_id: NotRequired[str]
    reason: NotRequired[str]


class CouponChanged(CouponChange):
    """A change of state of one of the student's coupons."""

    type: Literal["coupon_changed"]


class MessageFrame(RoomMessage):
    """A message to the student, in every room. It may come twice."""

    type: Literal["message"]


class OfferFrame(TypedDict):
    """A coupon is kept for the student. It may come twice, and may be missed: `Api.my_offers`."""

    type: Literal["offer"]
    offer: OpenOffer


class OfferWithdrawn(TypedDict):
    """An offer is open no more."""

    type: Literal["offer_withdrawn"]
    offer_id: str
    state: OfferState


class TaskProgressFrame(TaskProgress):
    """The student's progress with the task of a drop."""

    type: Literal["task_progress"]


class Ping(TypedDict):
    """A sign of life that asks for a `pong`. `now` is the server's time."""

    type: Literal["ping"]
    now: str


class ErrorFrame(TypedDict):
    """A refusal of the last frame. `retry_after_ms` sets the wait before the next connection."""

    type: Literal["error"]
    code: str
    message: NotRequired[str]
    retry_after_ms: NotRequired[int]


Frame = (
    Welcome
    | DropPublished
    | DropProgress
    | DropClosed
    | DropSealed
    | DrawSealed
    | DrawDone
    | Winners
    | Presence
    | ClaimResult
    | ClaimConfirmed
    | ClaimEnded
    | CouponChanged
    | MessageFrame
    | OfferFrame
    | OfferWithdrawn
    | TaskProgressFrame
    | Ping
    | ErrorFrame
)

# The fields that the session relies on. A frame that lacks one is ignored, and so is a frame whose type is
# not listed: a later server may send more types.
_REQUIRED: Final[Mapping[str, Mapping[str, str]]] = {
    "welcome": {
        "room": "string",
        "student": "string",
        "now": "instant",
        "epoch": "string",
        "offset": "number",
        "present": "number",
        "drops": "drops",
        "claims": "claims",
    },
    "drop_opened": {"drop": "drop", "epoch": "string", "offset": "number"},
    "drop_changed": {"drop": "drop", "epoch": "string", "offset": "number"},
    "drop_progress": {"drop_id": "string", "remaining": "number", "state": "string"},
    "drop_closed": {
        "drop_id": "string",
        "reason": "string",
        "closed_at": "instant",
        "epoch": "string",
        "offset": "number",
    },
    "drop_sealed": {
        "drop_id": "string",
        "seal": "seal",
        "epoch": "string",
        "offset": "number",
    },
    "draw_sealed": {
        "drop_id": "string",
        "entries": "number",
        "root": "string",
        "epoch": "string",
        "offset": "number",
    },
    "draw_done": {
        "drop_id": "string",
        "seed": "string",
        "winners": "number",
        "epoch": "string",
        "offset": "number",
    },
    "winners": {"drop_id": "string", "names": "names", "more": "number"},
    "presence": {"present": "number"},
    "claim_result": {"request_id": "string", "drop_id": "string", "outcome": "string"},
    "claim_confirmed": {"drop_id": "string", "coupon": "coupon"},
    "claim_revoked": {"drop_id": "string"},
    "coupon_released": {"drop_id": "string"},
    "coupon_changed": {"coupon_id": "string", "state": "string"},
    "message": {"id": "string", "text": "string"},
    "offer": {"offer": "offer"},
    "offer_withdrawn": {"offer_id": "string", "state": "string"},
    "task_progress": {
        "drop_id": "string",
        "done": "number",
        "needed": "number",
        "passed": "boolean",
    },
    "ping": {"now": "instant"},
    "error": {"code": "string"},
}

_DROP: Final = {
    "id": "string",
    "state": "string",
    "opens_at": "instant",
    "closes_at": "end",
    "remaining": "number",
}
_CLAIM: Final = {"drop_id": "string", "state": "string"}
_SEAL: Final = {"seal": "string", "count": "number"}
_COUPON: Final = {"id": "string"}
_OFFER: Final = {"id": "string", "state": "string", "expires_at": "instant"}


def decode(text: str) -> Frame | None:
    """Return the frame; None where the text is not a frame that this SDK knows."""
    try:
        frame: Any = json.loads(text)
    except ValueError:
        return None
    if not _has_fields(frame, {"type": "string"}) or frame["type"] not in _REQUIRED:
        return None
    return cast(Frame, frame) if _has_fields(frame, _REQUIRED[frame["type"]]) else None


def _has_fields(value: Any, required: Mapping[str, str]) -> bool:
    return isinstance(value, dict) and all(
        name in value and _IS[kind](value[name]) for name, kind in required.items()
    )


def is_instant(value: Any) -> bool:
    """Return whether the value is an RFC 3339 time with an offset."""
    try:
        instant_ms(value)
    except (ValueError, TypeError):
        return False
    return True


_IS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "instant": is_instant,
    "end": lambda value: value is None or is_instant(value),  # null: a drop without an end
    "drop": lambda value: _has_fields(value, _DROP),
    "drops": lambda value: (
        isinstance(value, list) and all(_has_fields(drop, _DROP) for drop in value)
    ),
    "claims": lambda value: (
        isinstance(value, list) and all(_has_fields(claim, _CLAIM) for claim in value)
    ),
    "seal": lambda value: _has_fields(value, _SEAL),
    "coupon": lambda value: _has_fields(value, _COUPON),
    "offer": lambda value: _has_fields(value, _OFFER),
    "names": lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
}


def hello(token: str) -> str:
    """Return the first frame of a connection as text."""
    return _encode({"type": "hello", "token": token})


def seen(drop_id: str) -> str:
    """Return the frame that reports that the card of this drop was on the screen."""
    return _encode({"type": "seen", "drop_id": drop_id})


def claim(drop_id: str, request_id: str, client_random: str | None = None) -> str:
    """Return the frame that claims. The same `request_id` always gets the same win.

    `client_random`: for a draw, 32 hexadecimal digits that nobody could know before.
    """
    frame = {"type": "claim", "drop_id": drop_id, "request_id": request_id}
    return _encode(frame if client_random is None else {**frame, "client_random": client_random})


_DIGITS: Final = re.compile(r"[0-9a-f]{32}")


def client_random(mode: str | None, request_id: str) -> str | None:
    """Return the random digits of a tap on a draw: its request id, which this client has drawn at random.
    None for other drops, and for a request id of another form.
    """
    return request_id if mode == "draw" and _DIGITS.fullmatch(request_id) else None


def answer(drop_id: str, option: int | str) -> str:
    """Return the frame that answers the question of a drop."""
    return _encode({"type": "answer", "drop_id": drop_id, "option": option})


def _encode(frame: Mapping[str, str | int]) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


PONG: Final = _encode({"type": "pong"})

TOKEN_EXPIRED: Final = 4001  # reconnect with a new token
SILENT: Final = 4003  # sent by either side when nothing was received for too long
SERVICE_RESTART: Final = 1012  # a process drains: reconnect within the time it announced

# RFC 6455's protocol, type, text and size errors. The same bytes would be refused again.
_FINAL_RFC_CODES: Final = frozenset({1002, 1003, 1007, 1009})


def is_reconnectable(code: int) -> bool:
    """Return whether to reconnect after this close code. 4500 to 4999 are final by PROTOCOL.md."""
    return not 4500 <= code <= 4999 and code not in _FINAL_RFC_CODES


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def instant_ms(text: str) -> int:
    """Convert RFC 3339 text to ms since 1970. Raise ValueError where it is not RFC 3339 or has no offset."""
    return _instant_ms(text)


@lru_cache(maxsize=256)  # every frame asks for the times of the same few drops
def _instant_ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def instant_text(ms: int) -> str:
    """Convert ms since 1970 to RFC 3339 text with `Z` and milliseconds."""
    moment = _EPOCH + timedelta(milliseconds=ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def http_url(url: str) -> str:
    """Return the URL with http or https in place of ws or wss, and without a slash at the end."""
    return ("http" + url[2:] if url.startswith("ws") else url).rstrip("/")


def checked_room(room: str) -> str:
    """Return the name. Raise ValueError for `.` and `..`, which HTTP clients take as steps in a path."""
    if room in (".", ".."):
        raise ValueError(f"a room cannot be called {room!r}")
    return room


def socket_url(url: str, room: str) -> str:
    """Return the URL of the room's socket. Raise ValueError for a room that no URL can name."""
    checked_room(room)
    return f"ws{http_url(url)[4:]}/v1/rooms/{quote(room, safe='')}"
