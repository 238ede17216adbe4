"""Supervise child processes: restart them, replace them without downtime, and stop them all.

Called by `run` and `web`. Knows nothing of what the processes do. The supervisor stops when it is
cancelled: it then stops every child before it returns. A child never outlives its parent, even when the
parent is killed with SIGKILL (`server.process_guard`).

SIGUSR2 replaces the children one after the other: a new process is started, and once it reports that it is
ready, the old one is stopped. If the new one does not become ready, the old one stays, and the remaining
children are not replaced.
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
from server.commands.process.readiness import ReadinessPipe
from server.configuration.settings import environment_with
from server.desk.redis.embedded import stop
from server.process_guard import kill_child_on_parent_death

# Drain (2 s), responses in flight (1 s), exit. Platforms kill after 5 s; the embedded Redis needs the last.
ROLE_STOP_SECONDS: Final = 3.7
UP_SECONDS: Final = 60.0  # a new child must be ready by then, else the old one stays
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0
_STEADY_AFTER_S: Final = 30.0  # a child that ran this long is restarted with the first pause again
_REFUSED: Final = 2
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Started:
    """A child process that was started. `up` None: it was ready before it was passed to the supervisor."""

    process: asyncio.subprocess.Process
    up: ReadinessPipe | None = None


Start = Callable[[], Awaitable[Started]]


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running. `stop_seconds`: from SIGTERM to SIGKILL.

    `running`: the process, where it has been started already. `on_unexpected_exit` is called when a process
    ends that the supervisor did not stop.
    """

    name: str
    start: Start
    stop_seconds: float = ROLE_STOP_SECONDS
    running: Started | None = None
    on_unexpected_exit: Callable[[], None] = lambda: None


@asynccontextmanager
async def supervised(children: Sequence[Child]) -> AsyncIterator["Supervisor"]:
    """Keep all children running during the body, and stop them all before this returns.

    Raises CommandError where a child exits with status 2: it refuses to start, and a restart would too.
    """
    keepers = [_Keeper(child) for child in children]
    async with asyncio.TaskGroup() as tasks:
        keeping = [tasks.create_task(keeper.keep()) for keeper in keepers]
        yield Supervisor(keepers)
        for task in keeping:
            task.cancel()


class Supervisor:
    def __init__(self, keepers: Sequence["_Keeper"]) -> None:
        self._keepers = keepers

    async def replace_on_signal(self) -> None:
        """Replace all children at each SIGUSR2, until cancelled."""
        requested = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, requested.set)
        while True:
            await requested.wait()
            requested.clear()
            await self.replace()

    async def replace(self) -> bool:
        """Replace the children one after the other. Return False where one failed; those after it stay."""
        _log.info("rolling_restart_begins", children=[one.child.name for one in self._keepers])
        for keeper in self._keepers:
            if not await keeper.replace():
                _log.error("rolling_restart_broken_off", child=keeper.child.name)
                return False
        _log.info("rolling_restart_done")
        return True


class _Keeper:
    """Keeps one child running. Only the task in `keep` starts and stops its processes.

    There are two of them only during a replacement: the current one and its successor.
    """

    def __init__(self, child: Child) -> None:
        self.child = child
        self._replacement: asyncio.Future[bool] | None = None
        self._is_requested = asyncio.Event()
        self._alive: list[Started] = []

    async def replace(self) -> bool:
        """Request a replacement and wait for it. Return False where the old process stays."""
        self._replacement = asyncio.get_running_loop().create_future()
        self._is_requested.set()
        return await self._replacement

    async def keep(self) -> None:
        loop = asyncio.get_running_loop()
        current, pause = self.child.running, _FIRST_PAUSE_S
        try:
            while True:
                started = loop.time()
                current = self._track(current or await self.child.start())
                status = await self._watch(current)
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

    async def _watch(self, current: Started) -> int:
        """Return the exit status of the process, or of the last one that replaced it."""
        while True:
            async with asyncio.TaskGroup() as watching:
                ended = watching.create_task(current.process.wait())
                asked = watching.create_task(self._is_requested.wait())
                await asyncio.wait((ended, asked), return_when=asyncio.FIRST_COMPLETED)
                ended.cancel()
                asked.cancel()
            if current.process.returncode is not None:
                await self._end(current)
                self.child.on_unexpected_exit()
                return current.process.returncode
            current = await self._replace(current)

    async def _replace(self, old: Started) -> Started:
        self._is_requested.clear()
        new = self._track(await self.child.start())
        is_up = new.up is None or await new.up.is_up(UP_SECONDS)
        await self._end(old if is_up else new)
        if self._replacement is not None and not self._replacement.done():
            self._replacement.set_result(is_up)
        _log.info("child_replaced" if is_up else "child_not_replaced", child=self.child.name)
        return new if is_up else old

    def _track(self, started: Started) -> Started:
        if started not in self._alive:
            self._alive.append(started)
        return started

    async def _end(self, one: Started) -> None:
        await stop(one.process, self.child.stop_seconds)
        if one.up is not None:
            one.up.close()
        self._alive.remove(one)


def role_child(
    name: str,
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    keep_open: Sequence[int] = (),
    listening_socket: ListeningSocket | None = None,
) -> Child:
    """Return a child that runs `python -m server <arguments>`, on `listening_socket` where that is given.

    `keep_open` are further file descriptors that the child inherits.
    """

    async def start() -> Started:
        inherited = [*keep_open]
        listening = []
        if listening_socket is not None:
            inherited.append(listening_socket.fd)
            listening = ["--listen-fd", str(listening_socket.fd)]
        up = ReadinessPipe()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "server", *arguments, *listening, "--up-fd", str(up.fd)),
                stdin=asyncio.subprocess.DEVNULL,
                env=environment_with(environment or {}),
                pass_fds=(*inherited, up.fd),
                preexec_fn=kill_child_on_parent_death(),
                # Ctrl-C in a terminal must reach only us: we stop the children in our order.
                start_new_session=True,
            )
        finally:
            up.close_child_end()
        return Started(process, up)

    return Child(
        name,
        start,
        on_unexpected_exit=listening_socket.give_up
        if listening_socket is not None
        else lambda: None,
    )
