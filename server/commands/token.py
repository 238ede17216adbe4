"""`python -m server token`: sign JWTs for trials, as the school's back end would.

Called by the command line, and by `demo_links`. Tokens are written to stdout or to a file, never to a log.
"""

import os
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from server.commands import CommandError
from server.commands.data_folder import DataFolder
from server.configuration.settings import Settings
from server.core.identity import RIGHTS, ROLES_WITH_ROOMS, Role
from server.core.room_names import is_room_name
from server.tokens import TokenKeys

DEFAULT_TTL_SECONDS = 12 * 3600
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """`count` None: one token for `subject` itself; else `subject0`, `subject1`, ..."""

    role: Role
    subject: str
    rooms: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    ttl_seconds: int = DEFAULT_TTL_SECONDS
    count: int | None = None


def write_tokens(settings: Settings, request: TokenRequest, out: Path | None) -> None:
    """Write one token a line to `out` or stdout. Raises CommandError with every problem of the request."""
    problems = [*_problems(request, settings.max_token_days), *_rights_problems(request)]
    if problems:
        raise CommandError(*problems)
    tokens = make_tokens(TokenKeys(_secrets(settings)), request, int(time.time()))
    if out is None:
        print(*tokens, sep="\n")  # noqa: T201  (the answer of the command)
        return
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        # Whoever can read the tokens can act for the students. Opening an existing file does not change
        # its permissions, so they are restricted before anything is written.
        os.fchmod(file.fileno(), 0o600)
        file.truncate()
        file.writelines(f"{token}\n" for token in tokens)


def make_tokens(keys: TokenKeys, request: TokenRequest, now_s: int) -> Iterable[str]:
    """Yield the requested tokens, valid from `now_s`, in seconds since 1970."""
    if request.count is None:
        subjects: Iterable[str] = (request.subject,)
    else:
        subjects = (f"{request.subject}{number}" for number in range(request.count))
    for subject in subjects:
        yield keys.sign(
            {
                "sub": subject,
                "role": request.role.value,
                "rooms": list(request.rooms),
                "tags": list(request.tags),
                "may": list(request.may),
                "iat": now_s,
                "exp": now_s + request.ttl_seconds,
                "jti": secrets.token_hex(8),
            }
        )


def _problems(request: TokenRequest, max_days: int) -> Iterable[str]:
    last = "" if request.count is None else str(request.count - 1)
    if not _NAME.fullmatch(request.subject + last):
        yield "--sub must be 1 to 64 of A-Z a-z 0-9 _ . : - (with its number)"
    if not all(is_room_name(room) for room in request.rooms):
        yield "--room must be 1 to 64 of A-Z a-z 0-9 _ . : - (not . or .. alone)"
    if request.role in ROLES_WITH_ROOMS and not request.rooms:
        yield f"--room is missing: without one, a token of role {request.role} opens nothing"
    if request.ttl_seconds < 1:
        yield "--ttl must be 1 second or more"
    if request.ttl_seconds > max_days * 86_400:
        yield f"--ttl must be at most {max_days} days (CLASSDROP_MAX_TOKEN_DAYS)"
    if request.count is not None and request.count < 1:
        yield "--count must be 1 or more"


def _rights_problems(request: TokenRequest) -> Iterable[str]:
    for right in request.may:
        if RIGHTS[right] is not request.role:
            yield f"--may {right} is for a token of role {RIGHTS[right]}"


def _secrets(settings: Settings) -> tuple[str, ...]:
    kept = settings.secrets or (DataFolder(settings.data_dir).kept_secret(),)
    found = tuple(secret for secret in kept if secret)
    if not found:
        raise CommandError(
            f"CLASSDROP_SECRET is missing, and {settings.data_dir} holds none yet: start "
            "`python -m server` once, or set it."
        )
    return found
