"""Who may come in: tokens from the school's secret, or from a file somebody else has made.

Called by the storm, the lesson and the Locust users. A file holds one token a line, of any role;
what a token says of itself is read, never checked: that is the server's business.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from client_sdk.python import Bearer, make_token
from client_sdk.python.shapes import Role

_STAFF_ROLES: Final = ("instructor", "operator")
_TTL_SECONDS: Final = 6 * 3600


class TokenError(Exception):
    """There is no token for what is to be done."""


@dataclass(frozen=True, slots=True)
class NamedToken:
    name: str
    token: str


class TokenSource(Protocol):
    def student(self, number: int, room: str) -> NamedToken:
        """The `number`th student of the whole crowd, admitted to `room`."""
        ...

    def staff(self, role: Role, room: str) -> NamedToken: ...


@dataclass(frozen=True, slots=True)
class SignedTokens:
    """`crowd` starts every student's name, so that two runs on one server have different students."""

    secret: str
    crowd: str

    def student(self, number: int, room: str) -> NamedToken:
        return self._sign("student", f"{self.crowd}-{number}", room)

    def staff(self, role: Role, room: str) -> NamedToken:
        return self._sign(role, f"{self.crowd}-{role}", room)

    def _sign(self, role: Role, name: str, room: str) -> NamedToken:
        bearer = Bearer(sub=name, role=role, rooms=(room,))
        return NamedToken(name, make_token(self.secret, bearer, ttl_seconds=_TTL_SECONDS))


@dataclass(frozen=True, slots=True)
class _Read:
    token: str
    role: str
    name: str
    rooms: Sequence[str]


class FileTokens:
    """Raises TokenError where the file lacks what is asked for."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._read = [_read(line.strip()) for line in lines if line.strip()]
        self._students = [one for one in self._read if one.role == "student"]

    def student(self, number: int, room: str) -> NamedToken:
        if number >= len(self._students):
            raise TokenError(f"the token file holds {len(self._students)} students, not more")
        one = self._students[number]
        if room not in one.rooms:
            rooms = ", ".join(one.rooms)
            raise TokenError(f"{one.name} may not enter {room}, only {rooms}: say so with --room")
        return NamedToken(one.name, one.token)

    def staff(self, role: Role, room: str) -> NamedToken:
        """An operator may do all that an instructor may."""
        for one in self._read:
            if one.role == role and (role not in _STAFF_ROLES[:1] or room in one.rooms):
                return NamedToken(one.name, one.token)
        if role == "instructor":
            return self.staff("operator", room)
        raise TokenError(f"the token file holds no {role} for {room}")


def load_tokens(secret_file: Path | None, token_file: Path | None, crowd: str) -> TokenSource:
    """From whichever is given. TokenError where none is, or it cannot be read."""
    try:
        if secret_file is not None:
            # The first of a list of secrets signs.
            return SignedTokens(secret_file.read_text().strip().split(",")[0], crowd)
        if token_file is not None:
            return FileTokens(token_file.read_text().splitlines())
    except OSError as error:
        raise TokenError(str(error)) from error
    raise TokenError("a server that runs already needs --secret-file or --token-file")


def _read(token: str) -> _Read:
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return _Read(token, str(claims["role"]), str(claims["sub"]), claims.get("rooms", ()))
    except (IndexError, ValueError, KeyError, TypeError) as error:
        raise TokenError(f"not a token: {token[:12]}…") from error
