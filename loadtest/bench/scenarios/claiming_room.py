"""A room in which students claim, each once, at a steady rate: what other work must not slow down.

Used by the scenarios that do something else meanwhile, and compare the delays of claims before and beside it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Self

from client_sdk.python import Api
from loadtest.clients.http_connection import HttpConnection
from loadtest.clients.school_api import make_batch
from loadtest.clients.tokens import SignedTokens

ROOM: Final = "next-door"
CLAIMS_PER_S: Final = 100
# Connections of the claiming room: enough that none is busy when a claim is due.
_LANES: Final = 32


class ClaimingRoom:
    def __init__(self, url: str, tokens: SignedTokens, path: str) -> None:
        self._url = url
        self._tokens = tokens
        self._path = path
        self._next = 0
        self.findings: list[str] = []

    @classmethod
    async def opened(
        cls, url: str, tokens: SignedTokens, operator: Api, teacher: Api, seconds: float
    ) -> Self:
        """Open a drop with enough units for so many seconds, and return its room."""
        units = int(CLAIMS_PER_S * seconds)
        batch = await make_batch(operator, "Claimed", units)
        drop = await teacher.create_drop(
            ROOM, {"batch_id": batch, "quantity": units, "duration_seconds": 600}
        )
        return cls(url, tokens, f"/v1/drops/{drop['id']}/claims")

    async def during(self, work: Callable[[], Awaitable[None]]) -> Sequence[float]:
        """Claim until `work` is done; return the delay of each claim, ms."""
        delays: list[float] = []
        is_over = asyncio.Event()
        lanes = [asyncio.create_task(self._lane(delays, is_over)) for _ in range(_LANES)]
        await work()
        is_over.set()
        await asyncio.gather(*lanes)
        return delays

    async def _lane(self, delays: list[float], is_over: asyncio.Event) -> None:
        connection = await HttpConnection.to(self._url)
        due, every = time.perf_counter(), _LANES / CLAIMS_PER_S
        while not is_over.is_set():
            due += every
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            student = self._tokens.student(self._next, ROOM)
            self._next += 1
            # From the moment at which it was due: a server that makes claims wait must not hide it.
            status, answer = await connection.post(self._path, {"request_id": "r"}, student.token)
            delays.append((time.perf_counter() - due) * 1000)
            if status != 200 or answer["outcome"] != "won":
                self.findings.append(f"a claim was answered {status} {answer.get('outcome')}")
        connection.close()
