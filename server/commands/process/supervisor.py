"""Keeps child processes running, replaces them without a gap, and ends them all.

Called by `run` and `web`. Knows processes, nothing of what they do. To stop is to be cancelled:
each keeper then ends its child before it goes. Children never outlive us, not even our kill -9
(`server.process_guard`).

SIGUSR2 replaces those that can be replaced, one after the other: the new one is started, and once it
says that it is up the old one is told to go. A new one that does not get up leaves the old one in its
place, and the rest as they are.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from server.commands import CommandError
from server.commands.process.inherited_socket import ListeningSocket
from server.commands.process.readiness import UpSign
from server.desk.redis.embedded import stop
from server.process_guard import kill_child_on_parent_death
from server.settings import environment_with

# Drain (2 s), answers in flight (1 s), goodbye; the embedded Redis has the last second of five.
ROLE_STOP_SECONDS: Final = 3.7
UP_SECONDS: Final = 60.0  # for a new child, before it is given up and the old one stays
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0
_STEADY_AFTER_S: Final = 30.0  # who lived that long starts again without a pause
_REFUSED: Final = 2
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Started:
    """`up`: how it tells that it is up; None: it was before it was handed to us."""

    process: asyncio.subprocess.Process
    up: UpSign | None = None


Start = Callable[[], Awaitable[Started]]


@dataclass(frozen=True, slots=True)
class Child:
    """`stop_seconds`: from SIGTERM to SIGKILL. `running`: it has been started once already. `died`:
    called when one has ended that was not told to. Only who has `up` signs can be replaced."""

    name: str
    start: Start
    stop_seconds: float = ROLE_STOP_SECONDS
    running: Started | None = None
    died: Callable[[], None] = lambda: None


@asynccontextmanager
async def kept(children: Sequence[Child]) -> AsyncIterator["Kept"]:
    """All of them run while the body does, and are gone when this returns. A child that refuses to
    start (status 2) ends the body: again would be the same."""
    keepers = [_Keeper(child) for child in children]
    async with asyncio.TaskGroup() as tasks:
        keeping = [tasks.create_task(keeper.keep()) for keeper in keepers]
        yield Kept(keepers)
        for task in keeping:
            task.cancel()


class Kept:
    def __init__(self, keepers: Sequence["_Keeper"]) -> None:
        self._keepers = keepers

    async def replace_when_asked(self) -> None:
        """With each SIGUSR2 all of them, one after the other. Until it is cancelled."""
        asked = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, asked.set)
        while True:
            await asked.wait()
            asked.clear()
            await self.replace()

    async def replace(self) -> bool:
        """False: one could not be, and those after it were left alone."""
        _log.info("rolling_restart_begins", children=[one.child.name for one in self._keepers])
        for keeper in self._keepers:
            if not await keeper.replace():
                _log.error("rolling_restart_broken_off", child=keeper.child.name)
                return False
        _log.info("rolling_restart_done")
        return True


class _Keeper:
    """One task, `keep`, owns every process of this child: the one in place, and beside it the one that
    is to follow it, or that is on its way out."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self._asked: asyncio.Future[bool] | None = None
        self._is_asked = asyncio.Event()
        self._alive: list[Started] = []

    async def replace(self) -> bool:
        """Asks for it, and waits. False: the new one did not get up, the old one has stayed."""
        self._asked = asyncio.get_running_loop().create_future()
        self._is_asked.set()
        return await self._asked

    async def keep(self) -> None:
        loop = asyncio.get_running_loop()
        current, pause = self.child.running, _FIRST_PAUSE_S
        try:
            while True:
                started = loop.time()
                current = self._taken(current or await self.child.start())
                status = await self._kept_while_it_runs(current)
                if status == _REFUSED:
                    raise CommandError(f"{self.child.name} refused to start")
                if loop.time() - started > _STEADY_AFTER_S:
                    pause = _FIRST_PAUSE_S
                _log.warning(
                    "child_ended", child=self.child.name, status=status, again_in_seconds=pause
                )
                await asyncio.sleep(pause)
                current, pause = None, min(pause * 2, _LONGEST_PAUSE_S)
        finally:
            await asyncio.gather(*(self._end(one) for one in list(self._alive)))

    async def _kept_while_it_runs(self, current: Started) -> int:
        """Its status, or that of the last one that took its place."""
        while True:
            async with asyncio.TaskGroup() as watching:
                ended = watching.create_task(current.process.wait())
                asked = watching.create_task(self._is_asked.wait())
                await asyncio.wait((ended, asked), return_when=asyncio.FIRST_COMPLETED)
                ended.cancel()
                asked.cancel()
            if current.process.returncode is not None:
                await self._end(current)
                self.child.died()
                return current.process.returncode
            current = await self._replaced(current)

    async def _replaced(self, old: Started) -> Started:
        self._is_asked.clear()
        new = self._taken(await self.child.start())
        is_up = new.up is None or await new.up.is_up(UP_SECONDS)
        await self._end(old if is_up else new)
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(is_up)
        _log.info("child_replaced" if is_up else "child_not_replaced", child=self.child.name)
        return new if is_up else old

    def _taken(self, started: Started) -> Started:
        if started not in self._alive:
            self._alive.append(started)
        return started

    async def _end(self, one: Started) -> None:
        await stop(one.process, self.child.stop_seconds)
        if one.up is not None:
            one.up.close()
        self._alive.remove(one)


def role(
    name: str,
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    keep_open: Sequence[int] = (),
    door: ListeningSocket | None = None,
) -> Child:
    """A child that is one of our own roles: `python -m server <arguments>`. `door`: it listens there."""

    async def start() -> Started:
        lent = [*keep_open]
        listening = []
        if door is not None:
            lent.append(door.fd)
            listening = ["--listen-fd", str(door.fd)]
        up = UpSign()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "server", *arguments, *listening, "--up-fd", str(up.fd)),
                stdin=asyncio.subprocess.DEVNULL,
                env=environment_with(environment or {}),
                pass_fds=(*lent, up.fd),
                preexec_fn=kill_child_on_parent_death(),
                start_new_session=True,  # Ctrl-C in a terminal is ours to pass on, in our order
            )
        finally:
            up.handed_over()
        return Started(process, up)

    return Child(name, start, died=door.give_up if door is not None else lambda: None)
