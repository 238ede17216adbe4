"""The load tester's blocking connection, on a real server: it taps, is told, and comes back."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event, Thread

import pytest

from client_sdk.python import Bearer, RoomEvent, Status, make_token
from client_sdk.python.shapes import ClaimAnswer
from loadtest.books import calling_as, make_batch
from loadtest.connection import RoomConnection, Ways
from tests.support.eventually import eventually
from tests.support.stack import SECRET, Program, Stack

pytestmark = pytest.mark.asyncio

ROOM = "algebra"


@dataclass(slots=True)
class Person:
    """A student who taps every card at once, on a thread of their own."""

    url: str
    events: list[RoomEvent] = field(default_factory=list)
    is_over: Event = field(default_factory=Event)
    loses: Event = field(default_factory=Event)
    connection: RoomConnection = field(init=False)

    def __post_init__(self) -> None:
        token = make_token(SECRET, Bearer(sub="bob", role="student", rooms=(ROOM,)))
        self.connection = RoomConnection(
            self.url, ROOM, Ways(lambda: token, self._on_event, self._claim_over_http)
        )

    def live(self) -> None:
        self.connection.start()
        while not self.is_over.is_set():
            self.connection.listen(0.1)
            if self.loses.is_set():
                self.loses.clear()
                self.connection.lose()
        self.connection.stop()

    def count(self, kind: str) -> int:
        return sum(event.type == kind for event in self.events)

    def _on_event(self, event: RoomEvent) -> None:
        self.events.append(event)
        if event.type == "drop_opened":
            self.connection.later(10, lambda: self.connection.tap(event.drop["id"]))

    def _claim_over_http(self, drop_id: str, request_id: str) -> ClaimAnswer:
        raise AssertionError("the socket answers")


@pytest.fixture
def web(stack: Stack) -> Program:
    stack.worker()
    return stack.web()


@pytest.fixture
def person(web: Program) -> Iterator[Person]:
    person = Person(web.url)
    thread = Thread(target=person.live)
    asyncio.run(web.until_ready())
    thread.start()
    yield person
    person.is_over.set()
    thread.join(10)
    assert not thread.is_alive()
    assert person.connection.state.status is Status.STOPPED


async def open_drop(url: str) -> str:
    token = make_token(SECRET, Bearer(sub="op", role="operator"))
    async with calling_as(url, token) as api:
        batch_id = await make_batch(api, "test", 5)
        drop = await api.create_drop(
            ROOM, {"batch_id": batch_id, "quantity": 5, "duration_seconds": 60}
        )
    return drop["id"]


async def test_tap_is_answered_and_confirmed(web: Program, person: Person) -> None:
    await eventually(lambda: person.connection.is_live)
    drop_id = await open_drop(web.url)

    claims = await eventually(
        lambda: [
            event.claim
            for event in person.events
            if event.type == "claim" and event.claim.state == "confirmed"
        ]
    )
    assert [claim.drop_id for claim in claims] == [drop_id]
    assert claims[0].outcome == "won"


async def test_lost_connection_comes_back_by_itself(person: Person) -> None:
    await eventually(lambda: person.count("welcome") == 1)
    person.loses.set()

    await eventually(lambda: person.count("welcome") == 2, deadline_s=10)
    assert person.connection.is_live
