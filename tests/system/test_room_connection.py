"""The connection of a lesson's people, on a real server: it taps, is told, and comes back."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Event, Thread

import gevent
import gevent.event
import pytest

from client_sdk.python import Bearer, RoomEvent, Status, make_token
from loadtest.clients.school_api import api_as, make_batch
from loadtest.lesson.gevent_socket import RoomEndpoint
from loadtest.lesson.room_connection import Callbacks, RoomConnection, now_ms
from tests.support.eventually import eventually
from tests.support.servers.stack import SECRET, Program, Stack

pytestmark = pytest.mark.asyncio

ROOM = "algebra"


@dataclass(slots=True)
class Person:
    """A student who taps every card at once, on a thread and a gevent loop of their own."""

    url: str
    events: list[RoomEvent] = field(default_factory=list)
    received_at: list[float] = field(default_factory=list)
    is_ready: Event = field(default_factory=Event)
    connection: RoomConnection = field(init=False)
    _orders: deque[Callable[[], None]] = field(default_factory=deque)
    _wake: Callable[[], None] = field(init=False)
    _is_over: "gevent.event.Event" = field(init=False)

    def live(self) -> None:
        token = make_token(SECRET, Bearer(sub="bob", role="student", rooms=(ROOM,)))
        callbacks = Callbacks(lambda: token, self._on_event, self._claim_over_http)
        self.connection = RoomConnection(RoomEndpoint.of(self.url, ROOM), ROOM, callbacks)
        hub = gevent.get_hub()
        watcher = hub.loop.async_()
        watcher.start(self._obey)
        self._wake = watcher.send
        self._is_over = gevent.event.Event()
        self.is_ready.set()
        self.connection.start()
        self._is_over.wait()
        self.connection.stop()
        watcher.stop()
        watcher.close()
        hub.destroy()

    def do(self, order: Callable[[], None]) -> None:
        """Run the order in the loop's thread; called from another thread."""
        self._orders.append(order)
        self._wake()

    def go(self) -> None:
        self.do(self._is_over.set)

    def count(self, kind: str) -> int:
        return sum(event.type == kind for event in self.events)

    def _obey(self) -> None:
        while self._orders:
            self._orders.popleft()()

    def _on_event(self, event: RoomEvent) -> None:
        self.events.append(event)
        self.received_at.append(self.connection.received_at)
        if event.type == "drop_opened":
            self.connection.card_shown(event.drop["id"])
            self.connection.call_later(10, lambda _: self.connection.tap(event.drop["id"]))

    def _claim_over_http(self, drop_id: str, request_id: str) -> None:
        raise AssertionError("the socket answers")


@pytest.fixture
def web(stack: Stack) -> Program:
    stack.worker()
    return stack.web()


@pytest.fixture
def person(web: Program) -> Iterator[Person]:
    person = Person(web.url)
    asyncio.run(web.until_ready())
    thread = Thread(target=person.live)
    thread.start()
    assert person.is_ready.wait(10)
    yield person
    person.go()
    thread.join(10)
    assert not thread.is_alive()
    assert person.connection.state.status is Status.STOPPED


async def open_drop(url: str) -> str:
    token = make_token(SECRET, Bearer(sub="op", role="operator"))
    async with api_as(url, token) as api:
        batch_id = await make_batch(api, "test", 5)
        drop = await api.create_drop(
            ROOM, {"batch_id": batch_id, "quantity": 5, "duration_seconds": 60}
        )
    return drop["id"]


async def test_tap_is_answered_and_confirmed(web: Program, person: Person) -> None:
    await eventually(lambda: person.connection.is_live)
    began_at = now_ms()
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
    assert began_at <= person.received_at[-1] <= now_ms()


async def test_lost_connection_comes_back_by_itself(person: Person) -> None:
    await eventually(lambda: person.count("welcome") == 1)
    person.do(person.connection.break_connection)

    await eventually(lambda: person.count("welcome") == 2, deadline_s=10)
    assert person.connection.is_live
