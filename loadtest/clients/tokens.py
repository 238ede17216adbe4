"""Tokens for students and staff: signed here with the school's secret, or read from a file.

Called by the storm, the bench and the lesson. A file has one token a line, of any role. The claims of a token
are read and never verified: that is the server's job.
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
    """A token that is needed is missing or cannot be read."""


@dataclass(frozen=True, slots=True)
class NamedToken:
    name: str
    token: str


class TokenSource(Protocol):
    def student(self, number: int, room: str) -> NamedToken:
        """Return the token of student `number` of the whole run, admitted to `room`. Raises TokenError."""
        ...

    def staff(self, role: Role, room: str) -> NamedToken: ...


@dataclass(frozen=True, slots=True)
class SignedTokens:
    """Tokens signed with `secret`. Names begin with `crowd`, so that two runs on one server have different
    students."""

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
    """Tokens of a file, in its order. Raises TokenError if the file lacks the one that is needed."""

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
        """Return the first token of that role. An operator's serves as an instructor's: it may do all that
        one may."""
        for one in self._read:
            if one.role == role and (role not in _STAFF_ROLES[:1] or room in one.rooms):
                return NamedToken(one.name, one.token)
        if role == "instructor":
            return self.staff("operator", room)
        raise TokenError(f"the token file holds no {role} for {room}")


def load_tokens(secret_file: Path | None, token_file: Path | None, crowd: str) -> TokenSource:
    """Return the source of the given file; the secret file wins. Raises TokenError if none is given or
    readable."""
    try:
        if secret_file is not None:
            # The file may list several secrets; the first one signs.
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
