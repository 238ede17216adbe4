"""Runs a command until it ends or is told to stop. Called by the command line."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Final

import structlog

from server.commands import CommandError

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_log = structlog.get_logger()


async def until_signalled(work: Coroutine[object, object, None]) -> None:
    """Run `work` until it ends, or cancel it at SIGTERM, SIGINT (Ctrl-C) or SIGHUP (a closed terminal).

    The first CommandError in an exception group is raised by itself.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        # `nohup` ignores SIGHUP; keep it ignored.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGUSR2, _nothing_to_replace)
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    task.cancel()
    await asyncio.wait((task, stopped))
    if not task.cancelled():
        _raise_bare(task.exception())


def _nothing_to_replace() -> None:
    """Ignore SIGUSR2 where there are no children: its default would end the process without a drain."""
    _log.warning("nothing_to_replace", hint="only a supervisor of several processes replaces them")


def _raise_bare(error: BaseException | None) -> None:
    while isinstance(error, BaseExceptionGroup):
        refusals = error.subgroup(CommandError)
        if refusals is None:
            break
        error = refusals.exceptions[0]
    if error is not None:
        raise error
