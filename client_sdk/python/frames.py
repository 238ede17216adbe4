"""The socket's JSON: what a frame must hold to be one, how ours are written, what close codes mean.

Called by `session` (and `client` for addresses). Knows nothing of state or time. Twin of
`javascript/frames.js`; both are checked by `vectors.json`.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Literal, NotRequired, TypedDict, cast
from urllib.parse import quote

from client_sdk.python.shapes import ClaimAnswer, Coupon, CouponChange, Drop, Snapshot

SUBPROTOCOL: Final = "classdrop.v1"


Welcome = Snapshot


class DropTold(TypedDict):
    """drop_opened, drop_changed."""

    type: Literal["drop_opened", "drop_changed"]
    drop: Drop
    epoch: str
    offset: int


class DropProgress(TypedDict):
    """With all counters for instructors."""

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
    present: NotRequired[int]


class DropClosed(TypedDict):
    type: Literal["drop_closed"]
    drop_id: str
    reason: str
    closed_at: str
    epoch: str
    offset: int


class Presence(TypedDict):
    """To instructors, when it has changed."""

    type: Literal["presence"]
    present: int


class ClaimResult(ClaimAnswer):
    type: Literal["claim_result"]


class ClaimConfirmed(TypedDict):
    type: Literal["claim_confirmed"]
    drop_id: str
    coupon: Coupon


class TakenBack(TypedDict):
    """claim_revoked, coupon_released."""

    type: Literal["claim_revoked", "coupon_released"]
    drop_id: str
    coupon_id: NotRequired[str]
    reason: NotRequired[str]


class CouponChanged(CouponChange):
    type: Literal["coupon_changed"]


class Ping(TypedDict):
    type: Literal["ping"]
    now: str


class ErrorFrame(TypedDict):
    type: Literal["error"]
    code: str
    message: NotRequired[str]
    retry_after_ms: NotRequired[int]


Frame = (
    Welcome
    | DropTold
    | DropProgress
    | DropClosed
    | Presence
    | ClaimResult
    | ClaimConfirmed
    | TakenBack
    | CouponChanged
    | Ping
    | ErrorFrame
)

# What the session relies on. A frame without it is not one of ours and is ignored, as are frames of a
# type that is not listed.
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
    "presence": {"present": "number"},
    "claim_result": {"request_id": "string", "drop_id": "string", "outcome": "string"},
    "claim_confirmed": {"drop_id": "string", "coupon": "coupon"},
    "claim_revoked": {"drop_id": "string"},
    "coupon_released": {"drop_id": "string"},
    "coupon_changed": {"coupon_id": "string", "state": "string"},
    "ping": {"now": "instant"},
    "error": {"code": "string"},
}

_DROP: Final = {
    "id": "string",
    "state": "string",
    "opens_at": "instant",
    "closes_at": "instant",
    "remaining": "number",
}
_CLAIM: Final = {"drop_id": "string", "state": "string"}
_COUPON: Final = {"id": "string"}


def decode(text: str) -> Frame | None:
    """None: not a frame this SDK knows; ignore it."""
    try:
        frame: Any = json.loads(text)
    except ValueError:
        return None
    if not _holds(frame, {"type": "string"}) or frame["type"] not in _REQUIRED:
        return None
    return cast(Frame, frame) if _holds(frame, _REQUIRED[frame["type"]]) else None


def _holds(value: Any, required: Mapping[str, str]) -> bool:
    return isinstance(value, dict) and all(
        name in value and _IS[kind](value[name]) for name, kind in required.items()
    )


def is_instant(value: Any) -> bool:
    """Whether it is one, with an offset."""
    try:
        instant_ms(value)
    except (ValueError, TypeError):
        return False
    return True


_IS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "instant": is_instant,
    "drop": lambda value: _holds(value, _DROP),
    "drops": lambda value: isinstance(value, list) and all(_holds(drop, _DROP) for drop in value),
    "claims": lambda value: (
        isinstance(value, list) and all(_holds(claim, _CLAIM) for claim in value)
    ),
    "coupon": lambda value: _holds(value, _COUPON),
}


def hello(token: str) -> str:
    return _encode({"type": "hello", "token": token})


def seen(drop_id: str) -> str:
    return _encode({"type": "seen", "drop_id": drop_id})


def claim(drop_id: str, request_id: str) -> str:
    return _encode({"type": "claim", "drop_id": drop_id, "request_id": request_id})


def _encode(frame: Mapping[str, str]) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


PONG: Final = _encode({"type": "pong"})

TOKEN_EXPIRED: Final = 4001  # come back with a new one
SILENT: Final = 4003  # we say so too, to a server that has not been heard for too long
SERVICE_RESTART: Final = 1012  # a drain: come back within the time announced

# The same bytes would be refused again: RFC 6455's protocol, type, text and size errors.
_FINAL_RFC_CODES: Final = frozenset({1002, 1003, 1007, 1009})


def comes_back(code: int) -> bool:
    """Whether to reconnect after this close code."""
    return not 4500 <= code <= 4999 and code not in _FINAL_RFC_CODES


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def instant_ms(text: str) -> int:
    """RFC 3339 -> ms since 1970. ValueError where it is not one, or has no offset."""
    return _instant_ms(text)


@lru_cache(maxsize=256)  # a room asks for the same few at every frame
def _instant_ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def instant_text(ms: int) -> str:
    """Ms since 1970 -> RFC 3339 with `Z` and milliseconds."""
    moment = _EPOCH + timedelta(milliseconds=ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def http_url(url: str) -> str:
    """`http(s)://…` of either scheme, without a slash at the end."""
    return ("http" + url[2:] if url.startswith("ws") else url).rstrip("/")


def checked_room(room: str) -> str:
    """ValueError for a name that cannot be reached: clients take `.` and `..` as steps in a path."""
    if room in (".", ".."):
        raise ValueError(f"a room cannot be called {room!r}")
    return room


def socket_url(url: str, room: str) -> str:
    """ValueError for a room that cannot be reached."""
    checked_room(room)
    return f"ws{http_url(url)[4:]}/v1/rooms/{quote(room, safe='')}"
