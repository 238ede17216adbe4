"""Sends a claim again over HTTP, with the same request id, if the socket did not answer in time: as the SDKs
do.

Each client process has one fallback, with one HTTP client and at most 32 calls at once. It is told of every
tap. It must not know what an answer means.
"""

import asyncio
import heapq
import itertools
import random
from collections.abc import Callable
from typing import Final, Protocol

import httpx

from client_sdk.python import Api, ApiError
from client_sdk.python.shapes import ClaimReply
from loadtest.clients.school_api import http_client

ANSWER_S: Final = 2.0  # the SDKs wait as long for an answer of the socket
_AT_ONCE: Final = 32
_DEADLINE_S: Final = 10.0
_BACKOFF_S: Final = 1.0
_LOOK_EVERY_S: Final = 0.1


class Claimant(Protocol):
    """A student who may wait for an answer. `answer_due_at`: the loop time at which the HTTP call is due;
    None: no answer is outstanding. `claim_key`: drop id and request id."""

    token: str
    answer_due_at: float | None

    @property
    def claim_key(self) -> tuple[str, str]: ...
    def http_answered(self, answer: ClaimReply) -> None: ...
    def http_refused(self, code: str, *, is_final: bool) -> None: ...


class Fallback:
    """The queue of outstanding claims and the HTTP calls. `open_http` creates the client; tests replace
    it."""

    def __init__(self, url: str, open_http: Callable[[], httpx.AsyncClient] | None = None) -> None:
        self._url = url
        self._open_http = open_http or (lambda: http_client(_DEADLINE_S, _AT_ONCE))
        self._due: list[tuple[float, int, Claimant]] = []
        self._order = itertools.count()
        self._asking: asyncio.Queue[Claimant] = asyncio.Queue(_AT_ONCE)

    def expect(self, claimant: Claimant, within_s: float = ANSWER_S) -> None:
        """Start the wait of `claimant` for an answer. A wait that was started before is replaced."""
        claimant.answer_due_at = asyncio.get_running_loop().time() + within_s
        heapq.heappush(self._due, (claimant.answer_due_at, next(self._order), claimant))

    async def run(self) -> None:
        """Send due claims until the task is cancelled."""
        async with self._open_http() as http, asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(self._ask_one_after_the_other(http))
            while True:
                await self._hand_out(asyncio.get_running_loop().time())
                await asyncio.sleep(_LOOK_EVERY_S)

    async def _hand_out(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            due, _, claimant = heapq.heappop(self._due)
            # An answer sets None and a new tap sets a later moment: an entry that differs is out of date.
            if claimant.answer_due_at == due:
                await self._asking.put(claimant)

    async def _ask_one_after_the_other(self, http: httpx.AsyncClient) -> None:
        while True:
            await self._ask(http, await self._asking.get())

    async def _ask(self, http: httpx.AsyncClient, claimant: Claimant) -> None:
        if claimant.answer_due_at is None:
            return  # the socket has answered meanwhile
        try:
            answer = await Api(self._url, lambda: claimant.token, http=http).claim(
                *claimant.claim_key
            )
        except ApiError as error:
            claimant.http_refused(error.code, is_final=not error.retryable)
            if error.retryable:
                asked_s = (error.retry_after_ms or 0) / 1000
                self.expect(claimant, max(asked_s, random.random() * _BACKOFF_S))
        else:
            claimant.http_answered(answer)
