"""The processes of one crowd, as their conductor sees them: started, told, watched, gone.

Called by `storm` and the bench's scenarios. Holds no socket of a student itself. Whoever waits for
something goes through `until`: it also empties the pipes, which are bounded.
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
    """It could not be held: not a finding about the server's promises."""


@dataclass(slots=True)
class WorkerPool:
    """The processes and how far each is."""

    pipes: list[Connection] = field(default_factory=list)
    processes: list[BaseProcess] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)

    def start(self) -> None:
        """All planned moments count from now."""
        start_at = time.monotonic_ns()
        for pipe in self.pipes:
            pipe.send(start_at)

    def send(self, command: Command) -> None:
        for pipe in self.pipes:
            pipe.send(command)

    def read_progress(self) -> Progress:
        """Of all together, as far as they have said."""
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
        """False: not within the deadline. `watch` is called some fifty times a second."""
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
        """Told to finish, each sends what it has; progress still in the pipe comes before it."""
        self.send(Command.FINISH)
        return [_recording(pipe) for pipe in self.pipes]


@contextmanager
def start_workers(parts: Sequence[ClientPlan]) -> Iterator[WorkerPool]:
    """A process for each part; running and ready inside the block, gone after it."""
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
                raise RunError("a process of the crowd did not start")
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
    raise RunError("a process of the crowd does not answer")


def _receive(pipe: Connection) -> object:
    try:
        return pipe.recv()
    except (EOFError, OSError) as error:
        raise RunError("a process of the crowd has ended; its reason is above") from error


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
