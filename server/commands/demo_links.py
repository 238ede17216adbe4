"""The demo room's links: made by `run`, printed by `startup_links`, and known to the web processes.

They are passed to the web processes in a file of the data folder that only its owner can read, and that is
deleted when `run` ends.
"""

import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson

from server.commands.demo import ROOM
from server.commands.token import DEFAULT_TTL_SECONDS, TokenRequest, make_tokens
from server.configuration.settings import Settings
from server.core.identity import Role
from server.demo_link import CODE_CHARS, CODE_LENGTH, DemoLink, as_json
from server.tokens import TokenKeys

STUDENTS = ("student-1", "student-2")


def demo_links(settings: Settings) -> tuple[DemoLink, ...]:
    """Return one link for each role in the demo; those of the shop only where it is open."""
    room, console = f"/rooms/{ROOM}", f"/console/{ROOM}"
    teacher, first, second = (
        _token(settings, Role.INSTRUCTOR, "teacher"),
        *(_token(settings, Role.STUDENT, name) for name in STUDENTS),
    )
    parts = [("teacher", console, teacher), ("student 1", room, first), ("student 2", room, second)]
    if settings.demo_shop:
        operator = _token(settings, Role.OPERATOR, "operator")
        parts += [("checkout", "/checkout", first), ("operator", "/orders", operator)]
    expires_at = int(time.time()) + DEFAULT_TTL_SECONDS
    return tuple(DemoLink(name, _code(), path, token, expires_at) for name, path, token in parts)


@contextmanager
def links_file(links: Sequence[DemoLink], path: Path) -> Iterator[Path]:
    """Write the file, and delete it after the body."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(orjson.dumps([as_json(link) for link in links]))
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def read_links(path: Path | None) -> tuple[DemoLink, ...]:
    """Return the links in the file; none where there is no file, because `run` was not used or has ended."""
    if path is None:
        return ()
    try:
        return tuple(DemoLink(**link) for link in orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        return ()


def _code() -> str:
    return "".join(secrets.choice(CODE_CHARS) for _ in range(CODE_LENGTH))


def _token(settings: Settings, role: Role, subject: str) -> str:
    request = TokenRequest(role, subject, (ROOM,))
    return next(iter(make_tokens(TokenKeys(settings.secrets), request, int(time.time()))))
