"""JWT <-> Identity. HS256, audience `classdrop`, several secrets for rotation.

Called by the gateway (first frame), the API (every request) and the command line (`token`). The
clock is an argument, so that a socket's expiry and a test's are the same rule. Never logs a token.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jwt
from jwt.types import Options

from server.core.identity import Identity, Role

AUDIENCE = "classdrop"
LEEWAY_MS = 60_000
MAX_TOKEN_CHARS = 3_000  # a hello frame is at most 4 KB
_NAME_CHARS = 64


class TokenInvalidError(Exception):
    """Not ours, tampered with, or malformed. Says no more: the bearer is not owed a reason."""


class TokenExpiredError(Exception):
    """Was good once: the SDK fetches a new one and comes back."""


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """`secrets[0]` signs, all verify: put the new one first, drop the old one after its last token
    has expired."""

    secrets: Sequence[str]

    def sign(self, claims: dict[str, object]) -> str:
        return jwt.encode({"aud": AUDIENCE, **claims}, self.secrets[0], algorithm="HS256")

    def verify(self, token: str, now_ms: int) -> Identity:
        if len(token) > MAX_TOKEN_CHARS:
            raise TokenInvalidError
        claims = self._signed_claims(token)
        identity = _identity(claims)
        if now_ms + LEEWAY_MS < _begins_at(claims):
            raise TokenInvalidError
        if now_ms >= identity.expires_at:
            raise TokenExpiredError
        return identity

    def _signed_claims(self, token: str) -> dict[str, object]:
        for secret in self.secrets:
            try:
                return jwt.decode(
                    token, secret, algorithms=["HS256"], audience=AUDIENCE, options=_OPTIONS
                )
            except jwt.InvalidSignatureError:
                continue
            # A header nested a thousand deep is a RecursionError in some of PyJWT's versions.
            except (jwt.InvalidTokenError, ValueError, TypeError, RecursionError) as error:
                raise TokenInvalidError from error
        raise TokenInvalidError


# Times are ours to check: the clock is an argument here, and PyJWT knows no leeway unless told.
_OPTIONS: Options = {
    "require": ["exp", "sub", "role"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


def _identity(claims: dict[str, object]) -> Identity:
    try:
        subject, role, exp = claims["sub"], Role(str(claims["role"])), claims["exp"]
        rooms, tags = _names(claims.get("rooms", [])), _names(claims.get("tags", []))
    except (KeyError, ValueError) as error:
        raise TokenInvalidError from error
    if not isinstance(exp, int) or isinstance(exp, bool) or not isinstance(subject, str):
        raise TokenInvalidError
    if not 1 <= len(subject) <= _NAME_CHARS or not _is_name(subject):
        raise TokenInvalidError
    return Identity(
        subject=subject,
        role=role,
        rooms=rooms,
        tags=tags,
        expires_at=exp * 1000 + LEEWAY_MS,
        name=_text(claims.get("name")),
        device=_text(claims.get("device")),
        person=_text(claims.get("person")),
        is_new=claims.get("new") is True,
    )


def _begins_at(claims: dict[str, object]) -> int:
    """Ms. Optional: some libraries write it unasked, as the second the token was made in, by a clock
    that may be a little ahead of ours."""
    begins = claims.get("nbf", 0)
    if not isinstance(begins, int) or isinstance(begins, bool):
        raise TokenInvalidError
    return begins * 1000


def _names(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError("a list of names was expected")
    return frozenset(value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _is_name(text: str) -> bool:
    return all(c.isascii() and (c.isalnum() or c in "_.:-") for c in text)
