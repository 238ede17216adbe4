"""The pool of client processes: starts them, sends commands, reads their progress, ends them.

Called by `classroom` and the bench's scenarios. Has no student's socket itself. All waiting goes through
`wait_until`, because it also empties the pipes: they are bounded, and a process whose pipe is full stops.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final, cast

from loadtest.storm.client_process import ClientPlan, Command, Progress, run_clients
from loadtest.storm.recording import Recording

_READY_SECONDS: Final = 60.0
_HAND_OVER_SECONDS: Final = 60.0
_END_SECONDS: Final = 5.0
_POLL_S: Final = 0.02


class RunError(Exception):
    """The run could not be carried out. Says nothing about the server's promises."""


@dataclass(slots=True)
class WorkerPool:
    """The client processes, one pipe to each, and the progress that each has reported last."""

    pipes: list[Connection] = field(default_factory=list)
    processes: list[BaseProcess] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)

    def start(self) -> None:
        """Send the start: all planned moments of all processes count from now (CLOCK_MONOTONIC)."""
        start_at = time.monotonic_ns()
        for pipe in self.pipes:
            pipe.send(start_at)

    def send(self, command: Command) -> None:
        for pipe in self.pipes:
            pipe.send(command)

    def read_progress(self) -> Progress:
        """Empty the pipes and return the sum of what the processes have reported."""
        for number, pipe in enumerate(self.pipes):
            while pipe.poll():
                self.progress[number] = cast(Progress, _receive(pipe))
        return _sum(self.progress)

    async def wait_until(
        self,
        done: Callable[[Progress], bool],
        deadline_s: float,
        watch: Callable[[Progress], None] = lambda _: None,
    ) -> bool:
        """Wait until `done` is true of the progress; return False at the deadline.

        `watch` is called with the progress about fifty times a second.
        """
        give_up_at = time.monotonic() + deadline_s
        while True:
            now = self.read_progress()
            watch(now)
            if done(now):
                return True
            if time.monotonic() >= give_up_at:
                return False
            await asyncio.sleep(_POLL_S)

    async def wait(
        self, seconds: float, watch: Callable[[Progress], None] = lambda _: None
    ) -> None:
        await self.wait_until(lambda _: False, seconds, watch)

    def recordings(self) -> list[Recording]:
        """Let the processes finish and return their recordings. Progress that is still in a pipe comes
        first."""
        self.send(Command.FINISH)
        return [_recording(pipe) for pipe in self.pipes]


@contextmanager
def start_workers(parts: Sequence[ClientPlan]) -> Iterator[WorkerPool]:
    """Start one process for each plan; they are ready inside the block and ended after it.

    Raises RunError if one does not start.
    """
    context = multiprocessing.get_context("spawn")
    workers = WorkerPool(progress=[Progress() for _ in parts])
    try:
        for part in parts:
            ours, theirs = context.Pipe()
            process = context.Process(target=run_clients, args=(part, theirs), daemon=True)
            process.start()
            theirs.close()
            workers.pipes.append(ours)
            workers.processes.append(process)
        for pipe in workers.pipes:
            if not pipe.poll(_READY_SECONDS):
                raise RunError("a client process did not start")
            _receive(pipe)
        yield workers
    finally:
        _end(workers)


def _end(workers: WorkerPool) -> None:
    for pipe in workers.pipes:
        pipe.close()
    for member in workers.processes:
        member.join(_END_SECONDS)
        if member.is_alive():
            member.kill()
            member.join(_END_SECONDS)


def _recording(pipe: Connection) -> Recording:
    while pipe.poll(_HAND_OVER_SECONDS):
        message = _receive(pipe)
        if isinstance(message, Recording):
            return message
    raise RunError("a client process did not send its recording")


def _receive(pipe: Connection) -> object:
    try:
        return pipe.recv()
    except (EOFError, OSError) as error:
        raise RunError("a client process has ended; its reason is above") from error


def _sum(parts: Sequence[Progress]) -> Progress:
    return Progress(
        joined=sum(one.joined for one in parts),
        pushed=sum(one.pushed for one in parts),
        answered=sum(one.answered for one in parts),
        won=sum(one.won for one in parts),
        confirmed=sum(one.confirmed for one in parts),
        rejoined=sum(one.rejoined for one in parts),
        changed=sum(one.changed for one in parts),
        away=sum(one.away for one in parts),
    )
