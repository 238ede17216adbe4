"""Roles of the service as processes that are forked from one that has everything imported.

`python -m server web` spends 1.5 s of CPU on imports before its first line runs, and the tests start some
hundreds of them. A fork runs the same `main` with the same environment; only the imports are not its own.
Used by stack.py and crash_points.py. Tests of the command line itself start `python -m server` (`Programs`).
"""

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import server.__main__ as command_line

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
# Commands import each other only when asked for, and every process would anew.
_PRELOADED = (
    __name__,
    "tests.support.servers.crash_points",
    "server.commands.web",
    "server.commands.worker",
)


class ForkedRole:
    """One process, with those members of subprocess.Popen that the tests use."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        out: Path,
        err: Path,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        """`environment` is all that the process gets. `prepare` is called in it before `main`; it must be
        picklable."""
        self._arguments = tuple(arguments)
        for file in (out, err):
            file.touch()  # a test may read it before the process writes
        self._process: ForkServerProcess = _forks().Process(
            target=_run, args=(self._arguments, dict(environment), out, err, prepare)
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None  # it has been started
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, -9 after SIGKILL; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait until it has ended. Raises TimeoutExpired after `timeout` seconds."""
        self._process.join(timeout)
        if (code := self.returncode) is None:
            raise subprocess.TimeoutExpired(self._arguments, timeout)
        return code

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@cache
def _forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOADED))
    return context


def _run(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    out: Path,
    err: Path,
    prepare: Callable[[], None] | None,
) -> None:
    """Be `python -m server ...` in the new process, with these files as its output."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for path, number in ((out, 1), (err, 2)):
        with path.open("ab", 0) as file:
            os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update(environment)
    os.umask(0o077)
    if prepare is not None:
        prepare()
    sys.exit(command_line.main(arguments))
