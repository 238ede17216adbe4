"""Interruptions of the service in a test: a call that raises, a store that cannot be reached, a Redis that
returns with older data.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable
from pathlib import Path
from typing import Any

import pytest

from server.ledger.engine import Ledger
from tests.support.builders.desks import Desk
from tests.support.servers.redis_server import RedisServer

Hook = Callable[..., object]


class CrashError(Exception):
    """The process was killed here; no code catches this."""


def crash(*_: object) -> None:
    raise CrashError


def interpose(
    part: object, call: str, *, before: Hook | None = None, after: Hook | None = None
) -> None:
    """Make `part.call(...)` run `before(*arguments)`, then itself, then `after(*arguments)`.

    `part` is an object or a class. A hook may be a coroutine function.
    """
    real = getattr(part, call)
    is_class = isinstance(part, type)

    async def interposed(*args: Any, **kwargs: Any) -> Any:
        said = args[1:] if is_class else args
        await _run(before, said)
        answer = await real(*args, **kwargs)
        await _run(after, said)
        return answer

    setattr(part, call, interposed)


async def _run(hook: Hook | None, arguments: tuple[object, ...]) -> None:
    if hook is not None:
        outcome = hook(*arguments)
        if isawaitable(outcome):
            await outcome


def once(hook: Hook) -> Hook:
    """Return a hook that runs `hook` at its first call and does nothing afterwards."""
    left = [hook]

    def run(*arguments: object) -> object:
        return left.pop()(*arguments) if left else None

    return run


dies = partial(pytest.raises, CrashError)


def ledger_nowhere() -> Ledger:
    """Return a ledger that cannot be reached."""
    return Ledger.connect("sqlite:////nonexistent/ledger.db")


@pytest.fixture
def flushable_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own, which it may kill, empty or reset to an older state."""
    with RedisServer(tmp_path / "flushable-redis") as server:
        yield server


async def hang_up(desk: Desk) -> None:
    """Close the connections to a server that has been restarted; otherwise each of them fails once."""
    await desk.redis.connection_pool.disconnect()


# --- a Redis with older data --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OlderCopy:
    """A copy of a server's data folder, as a backup has it."""

    server: RedisServer
    folder: Path

    def restore(self) -> None:
        """Kill the server and start it with the copied data."""
        self.server.kill9()
        shutil.rmtree(self.server.directory / _DATA)
        shutil.copytree(self.folder, self.server.directory / _DATA)
        self.server.restart()


_DATA = "appendonlydir"


def copy_of(server: RedisServer, folder: Path) -> OlderCopy:
    """Copy the data of a running server. Every acknowledged write is in the copy, because the server writes
    before it replies. The last write may be incomplete; Redis accepts that after a crash."""
    shutil.copytree(server.directory / _DATA, folder)
    return OlderCopy(server, folder)
