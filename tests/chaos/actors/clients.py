"""Students in a room with the real SDK, who write down what they send and receive.

Used by `bench.py`. They tap on drops, sometimes again after a refusal, sometimes with the same request at the
other web, and sometimes they leave and come back. They know the public protocol only.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from client_sdk.python import ApiError, ClaimState, RoomClient, StoppedError
from client_sdk.python.shapes import RoomState
from tests.chaos.actors.api_clients import open_api
from tests.chaos.actors.traced_session import TracedSession
from tests.chaos.history import NOT_ANSWERS, Answered, History, StudentLeft, now_ms
from tests.chaos.pauses import pause

_HESITATES_S = 2.0
_TAPS_AGAIN = 0.4  # probability after a refusal; at most this often for one drop:
_TAPS = 3
_REPEATS = 0.4  # probability of sending the same request again at the other web
_LEAVES = 0.15  # probability each time a drop opens
_AWAY_S = 3.0
_REPEAT_GIVE_UP_S = 60.0
_REPEAT_PAUSE_S = 1.0


class _WatchedClient(RoomClient):
    def __init__(self, of: "Student") -> None:
        api, dice = open_api(of.home, of.token), of.dice.random
        super().__init__(of.home, of.room, lambda: of.token, api=api, random=dice)
        self._session = TracedSession(of.room, dice, of.name, of.web, of.history)


@dataclass(slots=True)
class Student:
    """One device of one student.

    `home` is the address of its web, `other` that of the other web. `attend` runs until it is cancelled.
    `is_idle` is true once every tap has its answer.
    """

    name: str
    room: str
    token: str
    web: str
    home: str
    other: str
    dice: random.Random
    history: History
    client: RoomClient | None = None
    is_quiet: bool = False  # no more taps
    _taps: dict[str, int] = field(default_factory=dict)
    _busy: int = 0
    _goes: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_idle(self) -> bool:
        return self._busy == 0 and self.client is not None and not self._goes.is_set()

    @property
    def state(self) -> RoomState | None:
        return self.client.state if self.client is not None else None

    async def attend(self) -> None:
        while True:
            async with self._in_the_room() as client, asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(self._listen(client, tasks))
                await self._goes.wait()
                self.history.note(StudentLeft(now_ms(), self.name))
                client.stop()
                await listening
            await pause(self.dice.uniform(0, _AWAY_S))
            self._goes.clear()

    @asynccontextmanager
    async def _in_the_room(self) -> AsyncIterator[RoomClient]:
        client = _WatchedClient(self)
        async with client:
            self.client = client
            try:
                yield client
            finally:
                self.client = None

    async def _listen(self, client: RoomClient, tasks: asyncio.TaskGroup) -> None:
        async for event in client.events():
            if event.type == "drop_opened" and self.dice.random() < _LEAVES and not self.is_quiet:
                self._goes.set()
            if event.type in ("welcome", "drop_opened", "drop_changed"):
                for drop in client.state.drops:
                    if drop["state"] == "open" and drop["id"] not in self._taps:
                        self._taps[drop["id"]] = 0
                        tasks.create_task(self._take_part(client, drop["id"]))

    async def _take_part(self, client: RoomClient, drop_id: str) -> None:
        self._busy += 1
        try:
            await pause(self.dice.uniform(0, _HESITATES_S))
            client.seen(drop_id)
            await self._tap(client, drop_id)
        except StoppedError:
            # The student left before the answer: they tap again when they are back.
            self._taps.pop(drop_id, None)
        finally:
            self._busy -= 1

    async def _tap(self, client: RoomClient, drop_id: str) -> None:
        while self._taps[drop_id] < _TAPS and not self.is_quiet:
            self._taps[drop_id] += 1
            await client.claim(drop_id)
            claim = client.state.claims.get(drop_id)
            request_id = claim.request_id if claim is not None else None
            if request_id is not None and self.dice.random() < _REPEATS:
                await self._repeat(drop_id, request_id)
            is_refused = claim is not None and claim.state is ClaimState.REFUSED
            if not is_refused or self.dice.random() > _TAPS_AGAIN:
                return
            await pause(self.dice.uniform(0, _HESITATES_S))

    async def _repeat(self, drop_id: str, request_id: str) -> None:
        """Send the same request again until it is answered, as an impatient page would."""
        async with open_api(self.other, self.token) as api:
            give_up_at = now_ms() + _REPEAT_GIVE_UP_S * 1_000
            while now_ms() < give_up_at:
                asked_at = now_ms()
                try:
                    outcome: str = (await api.claim(drop_id, request_id))["outcome"]
                except ApiError as error:
                    outcome = "retry" if error.retryable else error.code
                self.history.note(
                    Answered(now_ms(), asked_at, self.name, drop_id, request_id, outcome, "again")
                )
                if outcome not in NOT_ANSWERS:
                    return
                await pause(_REPEAT_PAUSE_S)
