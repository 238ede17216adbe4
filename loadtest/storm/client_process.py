"""One client process of a storm: up to 19,000 students on one event loop.

Started by `worker_pool` with multiprocessing. Gets commands and sends its progress through a pipe, and ends
when the pipe is closed. Joins happen at planned moments (open loop): a slow server makes them late, not
fewer, and the lateness is measured.
"""

import asyncio
import contextlib
import gc
import os
import random
import resource
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection
from typing import Final

import uvloop

from client_sdk.python import is_reconnectable
from client_sdk.python.frames import SUBPROTOCOL
from client_sdk.python.session import SEEN_WITHIN_MS
from loadtest.clients.tokens import NamedToken
from loadtest.clients.websocket_codec import Address, Handshake
from loadtest.storm.http_fallback import Fallback
from loadtest.storm.recording import Recording
from loadtest.storm.student import SharedState, Student

_CONNECTORS: Final = 128  # connection attempts at the same time
_CONNECT_DEADLINE_S: Final = 10.0
# A small receive buffer: the server's own buffer fills soon after a student stops reading.
_DEAF_RECEIVE_BYTES: Final = 4_096
_GIVE_UP_AFTER: Final = (
    20  # lost connections of one student, so that a broken server does not cause a loop
)
_WAIT_DOUBLINGS: Final = 3
_REPORT_EVERY_S: Final = 0.1
# From <linux/in.h>: the port is chosen at connect, so that it need be free for one peer only.
_IP_BIND_ADDRESS_NO_PORT: Final = 24


@dataclass(frozen=True, slots=True)
class ClientSlot:
    """One student to play: token and room number, seconds from the start to the join, seconds from the card
    to the tap (None: never)."""

    who: NamedToken
    room: int
    join_after_s: float
    tap_after_s: float | None = 0.0


@dataclass(frozen=True, slots=True)
class ClientPlan:
    """The work of one process.

    sources: loopback addresses to connect from; empty means that the kernel chooses.
    run_id: text in the drop's message by which this run's drop is recognised.
    come_back_within_s: upper bound of the random wait before a reconnect, unless the server names a wait.
    sends_seen: students send `seen` after the card came, as the SDKs do.
    is_deaf: students stop reading their sockets after the welcome.
    """

    url: str
    rooms: Sequence[str]
    slots: Sequence[ClientSlot]
    sources: Sequence[str]
    run_id: str
    seed: int
    come_back_within_s: float = 1.0
    sends_seen: bool = True
    is_deaf: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of one process so far, or sums over several. `away`: lost the connection and are not back."""

    joined: int = 0
    pushed: int = 0
    answered: int = 0
    won: int = 0
    confirmed: int = 0
    rejoined: int = 0
    changed: int = 0
    away: int = 0


class Command(StrEnum):
    """A command to a running process, sent through its pipe."""

    DISCONNECT = "disconnect"  # all students lose their connections now, and reconnect
    FINISH = "finish"  # send the recording and end; a closed pipe means the same


def run_clients(plan: ClientPlan, pipe: Connection) -> None:
    """Run the process: its main function.

    Sends a Progress when it is ready, receives the start (ns of CLOCK_MONOTONIC, the same for all processes),
    then sends a Progress ten times a second and takes Commands. Sends its Recording last.
    """
    raise_open_files()
    # A garbage collection here would be measured as a delay of the server. Cycles stay until the process
    # ends.
    gc.disable()
    with contextlib.suppress(KeyboardInterrupt, EOFError, BrokenPipeError):
        crowd = _ClientProcess(plan, pipe)
        pipe.send(Progress())
        uvloop.run(crowd.run(pipe.recv()))


def raise_open_files() -> None:
    """Raise the soft limit of open files to the hard limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _ClientProcess:
    def __init__(self, plan: ClientPlan, pipe: Connection) -> None:
        self._plan = plan
        self._pipe = pipe
        self._address = Address.of(plan.url)
        self._random = random.Random(plan.seed)
        self._record = Recording(
            [slot.who.name for slot in plan.slots], [slot.room for slot in plan.slots]
        )
        self._losses = bytearray(len(plan.slots))
        self._refusals = bytearray(len(plan.slots))  # attempts in a row without a connection
        # Students to connect next; at most one entry each, because only a lost connection adds one.
        self._due: asyncio.Queue[Student] = asyncio.Queue()
        self._is_over = asyncio.Event()
        self._tls = ssl.create_default_context() if self._address.is_secure else None
        self._fallback = Fallback(plan.url)
        shared = SharedState(
            plan.run_id,
            f"r-{plan.run_id}"[:64],
            lambda number: plan.slots[number].tap_after_s,
            self._record,
            self._on_left,
            self._fallback.expect,
            self._seen_s if plan.sends_seen else lambda: None,
            plan.is_deaf,
        )
        shakes = [Handshake(self._address, room, SUBPROTOCOL) for room in plan.rooms]
        self._students = [
            Student(number, slot.who.token, shakes[slot.room], shared)
            for number, slot in enumerate(plan.slots)
        ]

    async def run(self, start_at: int) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pipe.fileno(), self._take_command)
        peer = await self._resolve()
        jobs = [
            asyncio.create_task(job)
            for job in (
                self._report(),
                self._fallback.run(),
                self._arrive(start_at),
                *(self._connect(peer) for _ in range(_CONNECTORS)),
            )
        ]
        over = asyncio.create_task(self._is_over.wait())
        # All jobs run until they are cancelled: one that ends earlier has failed, and result() raises below.
        ended, _ = await asyncio.wait({over, *jobs}, return_when=asyncio.FIRST_COMPLETED)
        self._hand_over(loop)
        for job in (over, *jobs):
            job.cancel()
        await asyncio.gather(over, *jobs, return_exceptions=True)
        for job in ended:
            job.result()

    def _take_command(self) -> None:
        try:
            command = self._pipe.recv()
        except (EOFError, OSError):  # the parent has closed the pipe or is gone
            command = Command.FINISH
        if command is Command.DISCONNECT:
            self._record.disconnected_at = time.monotonic_ns()
            for student in self._students:
                student.disconnect()
        else:
            self._is_over.set()

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.remove_reader(self._pipe.fileno())
        self._is_over.set()
        os.set_blocking(self._pipe.fileno(), True)  # add_reader has made it non-blocking
        with contextlib.suppress(ConnectionError):  # the parent is gone
            self._pipe.send(self._record)
        for student in self._students:
            student.disconnect()

    async def _resolve(self) -> tuple[str, int]:
        if self._plan.sources:
            return self._address.host, self._address.port
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            self._address.host, self._address.port, type=socket.SOCK_STREAM
        )
        return str(found[0][4][0]), self._address.port

    async def _report(self) -> None:
        record = self._record
        while True:
            self._pipe.send(
                Progress(
                    record.joins,
                    record.pushes,
                    record.answers,
                    record.wins,
                    record.confirmations,
                    record.rejoins,
                    record.changes,
                    record.away,
                )
            )
            await asyncio.sleep(_REPORT_EVERY_S)

    # Connecting and reconnecting.

    async def _arrive(self, start_at: int) -> None:
        for student, slot in zip(self._students, self._plan.slots, strict=True):
            due = start_at + int(slot.join_after_s * 1e9)
            self._record.join_due[student.number] = due
            wait_s = (due - time.monotonic_ns()) / 1e9
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self._due.put_nowait(student)
        await self._is_over.wait()

    async def _connect(self, peer: tuple[str, int]) -> None:
        while True:
            student = await self._due.get()
            try:
                async with asyncio.timeout(_CONNECT_DEADLINE_S):
                    await self._open(student, peer)
                self._refusals[student.number] = 0
            except (OSError, TimeoutError) as error:
                self._record.troubles[f"connect: {str(error) or 'no answer'}"] += 1
                self._refusals[student.number] += 1
                self._on_left(student, None, None)

    async def _open(self, student: Student, peer: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        host = self._address.host if self._tls else None
        opened = self._socket(student.number, peer[0])
        try:
            await loop.sock_connect(opened, peer)
            await loop.create_connection(
                lambda: student, sock=opened, ssl=self._tls, server_hostname=host
            )
        except BaseException:
            opened.close()
            raise

    def _socket(self, number: int, peer: str) -> socket.socket:
        opened = socket.socket(socket.AF_INET6 if ":" in peer else socket.AF_INET)
        opened.setblocking(False)
        if self._plan.is_deaf:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _DEAF_RECEIVE_BYTES)
        if self._plan.sources:
            opened.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            opened.bind((self._plan.sources[number % len(self._plan.sources)], 0))
        return opened

    def _on_left(self, student: Student, code: int | None, retry_after_ms: int | None) -> None:
        """Plan the reconnect of a student whose connection ended.

        Students stay until the end of the run, so every end before it is a lost connection. Not called for
        the close codes after which an SDK stays away; a student also gives up after `_GIVE_UP_AFTER` losses.
        """
        if self._is_over.is_set():
            return
        self._record.troubles[f"lost ({code or 'no close frame'})"] += 1
        self._losses[student.number] += 1
        is_final = code is not None and not is_reconnectable(code)
        if is_final or self._losses[student.number] > _GIVE_UP_AFTER:
            self._record.troubles["gave up"] += 1
            return
        # As the SDKs do: while nobody listens, the waits grow, so that twenty attempts last for a minute.
        doublings = min(self._refusals[student.number], _WAIT_DOUBLINGS)
        within_s = self._plan.come_back_within_s * 2**doublings
        if retry_after_ms is not None:
            within_s = retry_after_ms / 1000
        loop = asyncio.get_running_loop()
        loop.call_later(self._random.random() * within_s, self._due.put_nowait, student)

    def _seen_s(self) -> float:
        return self._random.random() * SEEN_WITHIN_MS / 1000
