"""Students in a room with the real SDK, who write down what they ask and hear.

Used by `bench.py`. They tap what opens, sometimes again after a refusal, sometimes the same request once
more by another door, sometimes they go and come back. They know the public protocol only.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from client_sdk.python import ApiError, ClaimState, RoomClient, Session, StoppedError
from client_sdk.python.frames import decode
from client_sdk.python.shapes import ClaimAnswer, Effect, RoomState
from tests.chaos.doors import door
from tests.chaos.history import (
    NOT_ANSWERS,
    Answered,
    Confirmed,
    History,
    Left,
    Shown,
    TakenBack,
    Tapped,
    Welcomed,
    now_ms,
)
from tests.chaos.pace import pause

_HESITATES_S = 2.0
_TAPS_AGAIN = 0.4  # after a refusal; at most so often for a drop:
_TAPS = 3
_REPEATS = 0.4  # the same request once more, by the other door
_LEAVES = 0.15  # each time a drop opens
_AWAY_S = 3.0
_REPEAT_GIVE_UP_S = 60.0
_REPEAT_PAUSE_S = 1.0
_ON_THE_FEED = ("drop_opened", "drop_changed", "drop_closed")


class _WatchedSession(Session):
    """The SDK's own, and a note of everything that goes in."""

    def __init__(
        self, room: str, random: Callable[[], float], student: str, history: History
    ) -> None:
        super().__init__(room, random)
        self._student = student
        self._history = history
        self._connection = 0
        self._since = 0
        self._tapped_at: dict[str, int] = {}

    def opened(self, now: int) -> list[Effect]:
        self._connection, self._since = self._history.number(), now_ms()
        return super().opened(now)

    def frame(self, text: str, now: int) -> list[Effect]:
        frame: Any = decode(text)
        if frame is not None:
            self._hear(frame)
        return super().frame(text, now)

    def claim(self, drop_id: str, request_id: str, now: int) -> list[Effect]:
        effects = super().claim(drop_id, request_id, now)
        claim = self.room.claims.get(drop_id)
        if claim is not None and claim.request_id == request_id:
            self._tapped_at[request_id] = now_ms()
            self._history.note(Tapped(now_ms(), self._student, drop_id, request_id))
        return effects

    def http_answered(
        self, drop_id: str, request_id: str, answer: ClaimAnswer, now: int
    ) -> list[Effect]:
        self._answered(drop_id, request_id, answer["outcome"], "http")
        if "coupon" in answer:
            self._confirmed(drop_id, answer["coupon"]["code"])
        return super().http_answered(drop_id, request_id, answer, now)

    def http_failed(
        self,
        drop_id: str,
        request_id: str,
        now: int,
        *,
        code: str,
        retryable: bool,
        retry_after_ms: int | None = None,
    ) -> list[Effect]:
        if not retryable:
            self._answered(drop_id, request_id, code, "http")
        return super().http_failed(
            drop_id,
            request_id,
            now,
            code=code,
            retryable=retryable,
            retry_after_ms=retry_after_ms,
        )

    def _hear(self, frame: Any) -> None:
        match frame["type"]:
            case "welcome":
                self._welcomed(frame)
            case "claim_result":
                self._answered(frame["drop_id"], frame["request_id"], frame["outcome"], "socket")
            case "claim_confirmed":
                self._confirmed(frame["drop_id"], frame["coupon"]["code"])
            case "claim_revoked" | "coupon_released":
                self._history.note(
                    TakenBack(now_ms(), self._student, frame["drop_id"], frame["type"])
                )
            case word if word in _ON_THE_FEED:
                self._shown(word, frame)

    def _welcomed(self, frame: Any) -> None:
        claims = {one["drop_id"]: one["state"] for one in frame["claims"]}
        drops = tuple(drop["id"] for drop in frame["drops"])
        self._history.note(
            Welcomed(
                now_ms(),
                self._since,
                self._connection,
                self._student,
                frame["room"],
                frame["epoch"],
                frame["offset"],
                drops,
                claims,
            )
        )
        for one in frame["claims"]:
            if one["state"] == "confirmed":
                self._confirmed(one["drop_id"], one["coupon"]["code"])

    def _shown(self, word: str, frame: Any) -> None:
        drop_id = frame["drop"]["id"] if "drop" in frame else frame["drop_id"]
        position = frame["epoch"], frame["offset"]
        self._history.note(
            Shown(now_ms(), self._connection, self._student, drop_id, word, *position)
        )

    def _answered(self, drop_id: str, request_id: str, outcome: str, way: str) -> None:
        asked_at = self._tapped_at.get(request_id, 0)
        self._history.note(
            Answered(now_ms(), asked_at, self._student, drop_id, request_id, outcome, way)
        )

    def _confirmed(self, drop_id: str, code: str) -> None:
        self._history.note(Confirmed(now_ms(), self._student, drop_id, code))


class _WatchedClient(RoomClient):
    def __init__(
        self, url: str, room: str, token: str, dice: random.Random, student: str, history: History
    ) -> None:
        super().__init__(url, room, lambda: token, api=door(url, token), random=dice.random)
        self._session = _WatchedSession(room, dice.random, student, history)


@dataclass(slots=True)
class Student:
    """One device of one student. `home` is the address it knows, `other` another door of the same
    school. `sit` lasts until cancelled; `is_idle` once every tap has its answer."""

    name: str
    room: str
    token: str
    home: str
    other: str
    dice: random.Random
    history: History
    client: RoomClient | None = None
    is_quiet: bool = False  # taps nothing any more
    _taps: dict[str, int] = field(default_factory=dict)
    _busy: int = 0
    _goes: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_idle(self) -> bool:
        return self._busy == 0 and self.client is not None and not self._goes.is_set()

    @property
    def state(self) -> RoomState | None:
        return self.client.state if self.client is not None else None

    async def sit(self) -> None:
        while True:
            async with self._in_the_room() as client, asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(self._listen(client, tasks))
                await self._goes.wait()
                self.history.note(Left(now_ms(), self.name))
                client.stop()
                await listening
            await pause(self.dice.uniform(0, _AWAY_S))
            self._goes.clear()

    @asynccontextmanager
    async def _in_the_room(self) -> AsyncIterator[RoomClient]:
        client = _WatchedClient(
            self.home, self.room, self.token, self.dice, self.name, self.history
        )
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
            # Gone before it was answered: another tap when back.
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
        """The same request once more, until it is answered: an impatient page would."""
        async with door(self.other, self.token) as api:
            give_up_at = now_ms() + _REPEAT_GIVE_UP_S * 1_000
            while now_ms() < give_up_at:
                asked_at = now_ms()
                try:
                    outcome = (await api.claim(drop_id, request_id))["outcome"]
                except ApiError as error:
                    outcome = "retry" if error.retryable else error.code
                self.history.note(
                    Answered(now_ms(), asked_at, self.name, drop_id, request_id, outcome, "again")
                )
                if outcome not in NOT_ANSWERS:
                    return
                await pause(_REPEAT_PAUSE_S)
