"""Run the programs of this package: a file in, its rows out; rows in, a file out.

Called by flows. At most AT_ONCE of them run in one process at a time, each with a deadline; who waits longer
than WAIT_SECONDS for a place is told so.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

import orjson

AT_ONCE: Final = 2
WAIT_SECONDS: Final = 10.0
READ_SECONDS: Final = 30.0
WRITE_SECONDS: Final = 120.0
_LINE_BYTES: Final = 4 * 1024 * 1024
_FILE_PIECE: Final = 64 * 1024
_PYTHON_ERROR: Final = 1  # the status of a program that ended by an exception of Python
# What a program needs of our environment. It reads what strangers wrote: it gets no secret.
_ENVIRONMENT: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "TMPDIR", "LANG")


class ProgramsBusyError(Exception):
    """A program has no place: as many files as may be are being read and written."""


class UnreadableFileError(Exception):
    """The program ended by one of its bounds: the file asks for more memory or time than there is."""


class Programs:
    """Runs the programs of one process. It belongs to one event loop."""

    def __init__(self, at_once: int = AT_ONCE, wait_seconds: float = WAIT_SECONDS) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._wait_seconds = wait_seconds

    async def read_file(self, content: bytes, charset: str | None) -> AsyncGenerator[bytes, None]:
        """Yield the lines that read_file.py writes for this file.

        Raises ProgramsBusyError before the first one, UnreadableFileError at any.
        """
        arguments = ("server.sheets.read_file", *([charset] if charset else []))
        async with self._running(arguments, READ_SECONDS) as process:
            sending = asyncio.create_task(_send(process, content))
            try:
                assert process.stdout is not None
                async for line in process.stdout:
                    yield line
                await sending
            finally:
                sending.cancel()
                await asyncio.wait([sending])
            await _check_end(process)

    async def write_workbook(
        self, pages: AsyncIterator[Sequence[Sequence[str | int]]]
    ) -> AsyncIterator[bytes]:
        """Yield an XLSX file of these rows, the header first. Raises ProgramsBusyError before that."""
        async with self._running(("server.sheets.write_workbook",), WRITE_SECONDS) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            async for page in pages:
                process.stdin.write(orjson.dumps(page) + b"\n")
                await process.stdin.drain()
            process.stdin.close()
            while piece := await process.stdout.read(_FILE_PIECE):
                yield piece
            await _check_end(process)

    @asynccontextmanager
    async def _running(self, arguments: Sequence[str], seconds: float) -> AsyncIterator[Process]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._place())
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *arguments,
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                limit=_LINE_BYTES,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            )
            stack.push_async_callback(_end, process)
            deadline = asyncio.get_running_loop().call_later(seconds, _kill, process)
            stack.callback(deadline.cancel)
            yield process

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._places.acquire()
        except TimeoutError:
            raise ProgramsBusyError from None
        try:
            yield
        finally:
            self._places.release()


async def _send(process: Process, content: bytes) -> None:
    """Write the file to the program; stop quietly where it has ended, which _check_end looks at."""
    assert process.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(content)
        await process.stdin.drain()
        process.stdin.close()


async def _check_end(process: Process) -> None:
    status = await process.wait()
    if status == _PYTHON_ERROR:
        raise RuntimeError("the program failed: a bug of ours, run it by hand with the same file")
    if status != 0:
        raise UnreadableFileError(f"status {status}")


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()


async def _end(process: Process) -> None:
    if process.returncode is None:
        _kill(process)
        await process.wait()
