"""Signs and verifies the tokens of people: JWT, HS256, audience `classdrop`, several secrets for rotation.

Called by the gateway (first frame), the API (every request) and the command line (`token`). The clock is an
argument, so that sockets and tests use the same rule. A token is never logged.

When a class joins at once, ten thousand tokens are verified in three seconds. So a signature is checked once
and the token's digest is remembered. A token in the common form (with the header that PyJWT and most other
libraries write) is checked with the standard library alone: 7 us where PyJWT takes 40. PyJWT judges every
other token, and every wrong one.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any

import jwt
import orjson
from jwt.exceptions import InvalidJTIError, InvalidSubjectError
from jwt.types import Options

from server.core.access.in_force import AccessRules
from server.core.access.rules import HOLDER_HASH
from server.core.identity import Identity, Role

AUDIENCE = "classdrop"
LEEWAY_MS = 60_000
MAX_TOKEN_CHARS = 3_000  # a hello frame is at most 4 KB
MAX_TOKEN_DAYS = 31
MAX_ROOMS = 200
MAX_REMEMBERED = 50_000  # 200 bytes each beside the identity

_DAY_MS = 86_400_000
_MAX_SECONDS = 2**53 / 1000  # beyond it a float of milliseconds is no longer exact


class Reason(StrEnum):
    """Why a token is not good, for whoever makes the school's tokens. The first four need no secret to find
    out; the others are only reported when the signature is good."""

    TOO_LONG = "too_long"
    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    SIGNATURE = "signature"
    AUDIENCE = "audience"
    ROLE = "role"
    CLAIM_MISSING = "claim_missing"
    CLAIM_TYPE = "claim_type"
    NOT_YET_VALID = "not_yet_valid"
    TOO_LONG_LIVED = "too_long_lived"
    REVOKED = "revoked"


class TokenInvalidError(Exception):
    """The token is not ours, tampered with, or malformed. `claim`: the JWT claim that is missing or wrong."""

    def __init__(self, reason: Reason, claim: str = "") -> None:
        super().__init__(f"{reason}: {claim}" if claim else str(reason))
        self.reason = reason
        self.claim = claim


class TokenExpiredError(Exception):
    """The token was good once: the SDK fetches a new one and reconnects."""


@dataclass(frozen=True, slots=True)
class _Verified:
    """`begins_at`: ms. The expiry is part of the identity."""

    identity: Identity
    begins_at: int


def _ignore(_error: TokenInvalidError) -> None:
    return


class TokenKeys:
    """`secrets[0]` signs, all of them verify. To rotate, put the new secret first, and remove the old one
    after its last token has expired. `on_refused` is called with each refusal, for a log. `access`: which
    tokens are revoked; None: none."""

    def __init__(
        self,
        secrets: Sequence[str],
        max_days: int = MAX_TOKEN_DAYS,
        on_refused: Callable[[TokenInvalidError], None] = _ignore,
        access: AccessRules | None = None,
    ) -> None:
        self._secrets = [secret.encode() for secret in secrets]
        self._max_life_ms = max_days * _DAY_MS
        self._on_refused = on_refused
        self._access = AccessRules() if access is None else access
        self._remembered: dict[bytes, _Verified] = {}  # by digest, oldest first

    def sign(self, claims: dict[str, object]) -> str:
        return jwt.encode({"aud": AUDIENCE, **claims}, self._secrets[0], algorithm="HS256")

    def verify(self, token: str, now_ms: int) -> Identity:
        """Return who this token is for, at this time.

        Raises TokenExpiredError for a token that was good once, TokenInvalidError for any other bad one."""
        try:
            verified = self._verified(token, now_ms)
            if now_ms + LEEWAY_MS < verified.begins_at:
                raise TokenInvalidError(Reason.NOT_YET_VALID)
            claim = self._access.revoked_by(verified.identity)
            if claim is not None:
                raise TokenInvalidError(Reason.REVOKED, claim)
        except TokenInvalidError as error:
            self._on_refused(error)
            raise
        if now_ms >= verified.identity.expires_at:
            raise TokenExpiredError
        return verified.identity

    def derive(self, purpose: str) -> list[bytes]:
        """Return a key of each secret, for signing something other than tokens: the first signs, all
        verify."""
        named = b"classdrop " + purpose.encode()
        return [hmac.digest(secret, named, "sha256") for secret in self._secrets]

    @property
    def longest_life_ms(self) -> int:
        """The time that a token is good at most, the leeway for other clocks included (ms)."""
        return self._max_life_ms + LEEWAY_MS

    def _verified(self, token: str, now_ms: int) -> _Verified:
        if len(token) > MAX_TOKEN_CHARS:
            raise TokenInvalidError(Reason.TOO_LONG)
        digest = sha256(token.encode(errors="replace")).digest()
        return self._remembered.get(digest) or self._remember(digest, self._read(token, now_ms))

    def _remember(self, digest: bytes, verified: _Verified) -> _Verified:
        if len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = verified
        return verified

    def _read(self, token: str, now_ms: int) -> _Verified:
        claims = _Claims(parse_common_token(token, self._secrets) or self._signed_claims(token))
        identity, begins_at = _identity(claims), claims.instant("nbf", 0)
        issued_at = claims.instant("iat", now_ms)
        if identity.expires_at - LEEWAY_MS - issued_at > self._max_life_ms:
            raise TokenInvalidError(Reason.TOO_LONG_LIVED)
        return _Verified(identity, begins_at)

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
                raise _refusal_of(error) from error
        raise TokenInvalidError(Reason.SIGNATURE)


def _refusal_of(error: Exception) -> TokenInvalidError:
    """Translate an error of PyJWT. PyJWT reads claims only behind a good signature."""
    match error:
        case jwt.InvalidAlgorithmError():
            return TokenInvalidError(Reason.ALGORITHM)
        case jwt.MissingRequiredClaimError(claim=claim):
            reason = Reason.AUDIENCE if claim == "aud" else Reason.CLAIM_MISSING
            return TokenInvalidError(reason, claim)
        case jwt.InvalidAudienceError():
            return TokenInvalidError(Reason.AUDIENCE, "aud")
        case InvalidSubjectError():
            return TokenInvalidError(Reason.CLAIM_TYPE, "sub")
        case InvalidJTIError():
            return TokenInvalidError(Reason.CLAIM_TYPE, "jti")
        case _:
            return TokenInvalidError(Reason.MALFORMED)


def parse_common_token(token: str, secrets: Sequence[bytes]) -> dict[str, Any] | None:
    """Return the claims of a token in the common form with a good signature and our audience. None does not
    mean that the token is bad: PyJWT decides that.

    Signatures are compared as text. Compared as bytes, several texts would be the same token, because base64
    has unused bits."""
    head, _, signature = token.rpartition(".")
    header, _, body = head.partition(".")
    if header not in _COMMON_HEADERS or not (head.isascii() and signature.isascii()):
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
    except ValueError:  # base64 and orjson raise subclasses of it
        return None
    is_common = (
        isinstance(claims, dict)
        and claims.get("aud") == AUDIENCE
        and isinstance(claims.get("jti", ""), str)
    )
    return claims if is_common else None


# {"alg":"HS256","typ":"JWT"} in either order, as libraries write it without spaces.
_COMMON_HEADERS = frozenset(
    urlsafe_b64encode(header).rstrip(b"=").decode()
    for header in (b'{"alg":"HS256","typ":"JWT"}', b'{"typ":"JWT","alg":"HS256"}')
)

# We check times ourselves: the clock is an argument here.
_OPTIONS: Options = {
    "require": ["exp", "sub", "role"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


class _Claims:
    """The claims of a token with a good signature, each read with its type. A null counts as a missing claim:
    many libraries write one."""

    def __init__(self, claims: Mapping[str, Any]) -> None:
        self._claims = {name: value for name, value in claims.items() if value is not None}

    def needed(self, name: str) -> object:
        if name not in self._claims:
            raise TokenInvalidError(Reason.CLAIM_MISSING, name)
        return self._claims[name]

    def instant(self, name: str, absent: int) -> int:
        """Return the ms of a NumericDate (RFC 7519): seconds, with or without a fraction."""
        value = self._claims.get(name)
        if value is None:
            return absent
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not -_MAX_SECONDS <= value <= _MAX_SECONDS:  # NaN is in no range
            raise TokenInvalidError(Reason.CLAIM_TYPE, name)
        return int(value * 1000)

    def names(self, name: str) -> frozenset[str]:
        value = self._claims.get(name, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise TokenInvalidError(Reason.CLAIM_TYPE, name)
        return frozenset(value)

    def text(self, name: str) -> str | None:
        value = self._claims.get(name)
        if value is not None and not isinstance(value, str):
            raise TokenInvalidError(Reason.CLAIM_TYPE, name)
        return value

    def flag(self, name: str) -> bool:
        value = self._claims.get(name, False)
        if not isinstance(value, bool):
            raise TokenInvalidError(Reason.CLAIM_TYPE, name)
        return value


def _identity(claims: _Claims) -> Identity:
    claims.needed("exp")
    return Identity(
        subject=_subject(claims),
        role=_role(claims),
        rooms=_rooms(claims),
        tags=claims.names("tags"),
        expires_at=claims.instant("exp", 0) + LEEWAY_MS,
        name=claims.text("name"),
        device=_hash(claims, "device"),
        person=_hash(claims, "person"),
        is_new=claims.flag("new"),
        token_id=claims.text("jti"),
        made_at=claims.instant("iat", 0),
        may=claims.names("may"),
    )


def _subject(claims: _Claims) -> str:
    subject = claims.needed("sub")
    if not isinstance(subject, str) or _NAME.fullmatch(subject) is None:
        raise TokenInvalidError(Reason.CLAIM_TYPE, "sub")
    return subject


def _role(claims: _Claims) -> Role:
    try:
        return Role(str(claims.needed("role")))
    except ValueError as error:
        raise TokenInvalidError(Reason.ROLE, "role") from error


def _hash(claims: _Claims, name: str) -> str | None:
    """Return a hash that the school makes of a person or a device; None where the token has none.

    Only characters that the desk's scripts need not escape are accepted. A school whose hashes have others
    hears of it with its first token; a hash that was ignored would be a limit that nobody keeps.
    """
    text = claims.text(name)
    if not text:
        return None
    if HOLDER_HASH.fullmatch(text) is None:
        raise TokenInvalidError(Reason.CLAIM_TYPE, name)
    return text


def _rooms(claims: _Claims) -> frozenset[str]:
    """Return the rooms. Their number is bounded, because a claim by HTTP searches each of them."""
    rooms = claims.names("rooms")
    if len(rooms) > MAX_ROOMS:
        raise TokenInvalidError(Reason.CLAIM_TYPE, "rooms")
    return rooms


_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
