"""Ways to break the service in a test: a call that dies, a neighbour that is away, a Redis that goes back
in time. What it is done to is in `crews.py`.
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
    """The process is gone: nobody catches this."""


def crash(*_: object) -> None:
    raise CrashError


def interpose(
    part: object, call: str, *, before: Hook | None = None, after: Hook | None = None
) -> None:
    """From now on `part.call(...)` runs `before(*arguments)`, itself, `after(*arguments)`. A hook may
    be a coroutine function. `part` is an object or a class."""
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
    """The first time only."""
    left = [hook]

    def run(*arguments: object) -> object:
        return left.pop()(*arguments) if left else None

    return run


dies = partial(pytest.raises, CrashError)


def ledger_nowhere() -> Ledger:
    """One that is away."""
    return Ledger.connect("sqlite:////nonexistent/ledger.db")


@pytest.fixture
def mortal_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """One that the test may kill, empty or set back."""
    with RedisServer(tmp_path / "mortal-redis") as server:
        yield server


async def hang_up(desk: Desk) -> None:
    """Lets go of connections to a server that is gone; each would else fail once."""
    await desk.redis.connection_pool.disconnect()


# --- a Redis that goes back in time -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OlderCopy:
    """What a server's folder held at some moment, as a backup would have it."""

    server: RedisServer
    folder: Path

    def restore(self) -> None:
        """The server dies and comes back with what it had then."""
        self.server.kill9()
        shutil.rmtree(self.server.directory / _DATA)
        shutil.copytree(self.folder, self.server.directory / _DATA)
        self.server.restart()


_DATA = "appendonlydir"


def copy_of(server: RedisServer, folder: Path) -> OlderCopy:
    """Every answered write is in it: the server syncs before it answers. One that is being written
    may be cut off, which is what Redis expects of a crash."""
    shutil.copytree(server.directory / _DATA, folder)
    return OlderCopy(server, folder)
