"""JWT <-> Identity. HS256, audience `classdrop`, several secrets for rotation.

Called by the gateway (first frame), the API (every request) and the command line (`token`). The
clock is an argument, so that a socket's expiry and a test's are the same rule. Never logs a token.

A class that comes in at once, or comes back at once, is ten thousand tokens in three seconds. So a token's
signature is checked once and its digest remembered, and the usual token (the header that PyJWT and most
other libraries write) is checked with the standard library alone: 7 us where PyJWT takes 40. Whatever is
unusual or wrong about a token is PyJWT's to judge.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jwt
import orjson
from jwt.types import Options

from server.core.identity import Identity, Role

AUDIENCE = "classdrop"
LEEWAY_MS = 60_000
MAX_TOKEN_CHARS = 3_000  # a hello frame is at most 4 KB
MAX_REMEMBERED = 50_000  # 200 bytes each beside the identity


class TokenInvalidError(Exception):
    """Not ours, tampered with, or malformed. Says no more: the bearer is not owed a reason."""


class TokenExpiredError(Exception):
    """Was good once: the SDK fetches a new one and comes back."""


@dataclass(frozen=True, slots=True)
class _Verified:
    """`begins_at`: ms; expiry is the identity's."""

    identity: Identity
    begins_at: int


class TokenKeys:
    """`secrets[0]` signs, all verify: put the new one first, drop the old one after its last token
    has expired."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = [secret.encode() for secret in secrets]
        self._remembered: dict[bytes, _Verified] = {}  # by digest, oldest first

    def sign(self, claims: dict[str, object]) -> str:
        return jwt.encode({"aud": AUDIENCE, **claims}, self._secrets[0], algorithm="HS256")

    def verify(self, token: str, now_ms: int) -> Identity:
        if len(token) > MAX_TOKEN_CHARS:
            raise TokenInvalidError
        digest = sha256(token.encode(errors="replace")).digest()
        verified = self._remembered.get(digest) or self._remember(digest, self._read(token))
        if now_ms + LEEWAY_MS < verified.begins_at:
            raise TokenInvalidError
        if now_ms >= verified.identity.expires_at:
            raise TokenExpiredError
        return verified.identity

    def _remember(self, digest: bytes, verified: _Verified) -> _Verified:
        if len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = verified
        return verified

    def _read(self, token: str) -> _Verified:
        claims = usual_claims(token, self._secrets) or self._signed_claims(token)
        return _Verified(_identity(claims), _begins_at(claims))

    def _signed_claims(self, token: str) -> dict[str, Any]:
        for secret in self._secrets:
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


def usual_claims(token: str, secrets: Sequence[bytes]) -> dict[str, Any] | None:
    """The claims of a usual token with a good signature and our audience; None says nothing about it.
    Signatures are compared as text, so that no two texts are the same token."""
    head, _, signature = token.rpartition(".")
    header, _, body = head.partition(".")
    if header not in _USUAL_HEADERS or not (head.isascii() and signature.isascii()):
        return None
    signed = head.encode()
    for secret in secrets:
        good = urlsafe_b64encode(hmac.digest(secret, signed, "sha256")).rstrip(b"=")
        if hmac.compare_digest(good, signature.encode()):
            return _parsed(body)
    return None


def _parsed(body: str) -> dict[str, Any] | None:
    try:
        claims = orjson.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except ValueError:  # base64's and orjson's errors are such
        return None
    is_usual = (
        isinstance(claims, dict)
        and claims.get("aud") == AUDIENCE
        and isinstance(claims.get("jti", ""), str)
    )
    return claims if is_usual else None


# {"alg":"HS256","typ":"JWT"} in either order, as libraries write it without spaces.
_USUAL_HEADERS = frozenset(
    urlsafe_b64encode(header).rstrip(b"=").decode()
    for header in (b'{"alg":"HS256","typ":"JWT"}', b'{"typ":"JWT","alg":"HS256"}')
)

# Times are ours to check: the clock is an argument here, and PyJWT knows no leeway unless told.
_OPTIONS: Options = {
    "require": ["exp", "sub", "role"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


def _identity(claims: dict[str, Any]) -> Identity:
    try:
        subject, role, exp = claims["sub"], Role(str(claims["role"])), claims["exp"]
        rooms, tags = _names(claims.get("rooms", [])), _names(claims.get("tags", []))
    except (KeyError, ValueError) as error:
        raise TokenInvalidError from error
    if not isinstance(exp, int) or isinstance(exp, bool) or not isinstance(subject, str):
        raise TokenInvalidError
    if _NAME.fullmatch(subject) is None:
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


def _begins_at(claims: dict[str, Any]) -> int:
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


_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
