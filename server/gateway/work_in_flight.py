"""The work that a gateway has begun and not finished: taps at the desk, and tasks. A drain waits for it.

Used by `taps.py` and `gateway.py`; one for a gateway.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress

import structlog

_log = structlog.get_logger()


class WorkInFlight:
    """`taps`: how many taps the desk has not answered yet."""

    def __init__(self) -> None:
        self.taps = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._has_less = asyncio.Event()

    @property
    def is_done(self) -> bool:
        return not self.taps and not self._tasks

    def note_less(self) -> None:
        """Wake whoever waits: a tap, a task or a connection less."""
        self._has_less.set()

    def start(self, job: Coroutine[object, object, None]) -> None:
        """Run `job` as a task. The event loop keeps only a weak reference to it, so it is kept here."""
        task = asyncio.get_running_loop().create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def wait_until(self, is_done: Callable[[], bool], seconds: float) -> None:
        """Return when `is_done()` is true, or after `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not is_done():
                    self._has_less.clear()
                    await self._has_less.wait()

    def _finished(self, task: asyncio.Task[None]) -> None:
        """Log an unexpected error: a student waits for an answer that will not come."""
        self._tasks.discard(task)
        self.note_less()
        if not task.cancelled() and task.exception() is not None:
            _log.error("gateway_task_failed", exc_info=task.exception())
