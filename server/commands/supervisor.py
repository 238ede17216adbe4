"""Keeps child processes running, and ends them all.

Called by `run` and `web`. Knows processes, nothing of what they do. To stop is to be cancelled:
each keeper then ends its child before it goes. Children never outlive us, not even our kill -9
(`server.lifeline`).
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from server.commands import CommandError
from server.desk.embedded import stop
from server.lifeline import ending_with_this_process
from server.settings import environment_with

# Drain (2 s), answers in flight (1 s), goodbye; the embedded Redis has the last second of five.
ROLE_STOP_SECONDS: Final = 3.7
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0
_STEADY_AFTER_S: Final = 30.0  # who lived that long starts again without a pause
_REFUSED: Final = 2
_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

Start = Callable[[], Awaitable[asyncio.subprocess.Process]]


@dataclass(frozen=True, slots=True)
class Child:
    """`stop_seconds`: from SIGTERM to SIGKILL. `running`: it has been started once already."""

    name: str
    start: Start
    stop_seconds: float = ROLE_STOP_SECONDS
    running: asyncio.subprocess.Process | None = None


@asynccontextmanager
async def kept(children: Sequence[Child]) -> AsyncIterator[None]:
    """All of them run while the body does, and are gone when this returns. A child that refuses to
    start (status 2) ends the body: again would be the same."""
    async with asyncio.TaskGroup() as tasks:
        keepers = [tasks.create_task(_keep(child)) for child in children]
        yield
        for keeper in keepers:
            keeper.cancel()


async def _keep(child: Child) -> None:
    loop = asyncio.get_running_loop()
    process, pause = child.running, _FIRST_PAUSE_S
    while True:
        started = loop.time()
        process = process or await child.start()
        try:
            status = await process.wait()
        finally:
            await stop(process, child.stop_seconds)
        if status == _REFUSED:
            raise CommandError(f"{child.name} refused to start")
        if loop.time() - started > _STEADY_AFTER_S:
            pause = _FIRST_PAUSE_S
        structlog.get_logger().warning(
            "child_ended", child=child.name, status=status, again_in_seconds=pause
        )
        await asyncio.sleep(pause)
        process, pause = None, min(pause * 2, _LONGEST_PAUSE_S)


def role(
    name: str,
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    keep_open: Sequence[int] = (),
) -> Child:
    """A child that is one of our own roles: `python -m server <arguments>`."""

    async def start() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "server", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            env=environment_with(environment or {}),
            pass_fds=keep_open,
            preexec_fn=ending_with_this_process(),
            start_new_session=True,  # Ctrl-C in a terminal is ours to pass on, in our order
        )

    return Child(name, start)


async def until_stopped(work: Coroutine[object, object, None]) -> None:
    """Runs `work` until it ends or we are told to stop (SIGTERM, Ctrl-C, a closed terminal), which
    cancels it. The first CommandError in it is raised bare."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        # `nohup` has said what a closed terminal means.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stopping.set)
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    task.cancel()
    await asyncio.wait((task, stopped))
    if not task.cancelled():
        _raise_bare(task.exception())


def _raise_bare(error: BaseException | None) -> None:
    while isinstance(error, BaseExceptionGroup):
        refusals = error.subgroup(CommandError)
        if refusals is None:
            break
        error = refusals.exceptions[0]
    if error is not None:
        raise error
