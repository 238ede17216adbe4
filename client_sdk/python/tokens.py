"""`make_token`: a token as the school's back end makes it.

For servers only: whoever has the secret can be anybody. Twin of `javascript/tokens.js`.
"""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from client_sdk.python.frames import checked_room
from client_sdk.python.shapes import Role


@dataclass(frozen=True, slots=True)
class Bearer:
    """The person, or the service, that a token is for.

    `sub` is their id, `[A-Za-z0-9_.:-]{1,64}`. `rooms` are those that a student or instructor may enter.
    `device` and `person` are hashes that the school makes, for limits beyond one account.
    """

    sub: str
    role: Role
    rooms: Sequence[str] = ()
    tags: Sequence[str] = ()
    name: str | None = None
    device: str | None = None
    person: str | None = None
    is_new: bool = False


def make_token(
    secret: str, who: Bearer, *, ttl_seconds: int = 4 * 3600, now: int | None = None
) -> str:
    """Return a signed token (JWT, HS256). `now` is ms since 1970; where absent the clock's.

    Raise ValueError for a room that no URL can name.
    """
    issued = (time.time_ns() // 1_000_000 if now is None else now) // 1000
    claims: dict[str, object] = {
        "aud": "classdrop",
        "sub": who.sub,
        "role": who.role,
        "rooms": [checked_room(room) for room in who.rooms],
        "tags": list(who.tags),
        "iat": issued,
        "exp": issued + ttl_seconds,
        "jti": str(uuid.uuid4()),
    }
    optional = {"name": who.name, "device": who.device, "person": who.person}
    claims |= {name: value for name, value in optional.items() if value is not None}
    if who.is_new:
        claims["new"] = True
    head = (
        f"{_base64_url(_compact({'alg': 'HS256', 'typ': 'JWT'}))}.{_base64_url(_compact(claims))}"
    )
    signature = hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest()
    return f"{head}.{_base64_url(signature)}"


def _compact(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _base64_url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
