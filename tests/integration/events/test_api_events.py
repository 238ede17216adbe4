"""GET /v1/events as the school's back end follows it."""

import asyncio

import orjson
import pytest

from server.core.event_types import Event, EventType
from server.core.identity import Role
from server.desk.feed.number_announcements import NumberAnnouncements
from server.flows.events.number_events import number_events
from server.ledger import event_log
from tests.support.builders.api import Api, field_errors, good, refused
from tests.support.eventually import eventually

pytestmark = pytest.mark.asyncio


async def happened(api: Api, *events: Event) -> None:
    ledger = api.parts.ledger
    async with ledger.begin() as conn:
        await event_log.record(conn, events)

    async def announce(_last: int, types: object) -> None:
        api.parts.event_waiters.on_numbered(types)  # type: ignore[arg-type]

    await number_events(ledger, announce)


def a_coupon(number: int) -> Event:
    return Event(EventType.COUPON_CONFIRMED, 1_000, f"cpn_{number}", {"code": "A"}, "ann")


async def test_a_page_has_events_in_order_and_where_to_go_on(api: Api) -> None:
    await happened(api, *(a_coupon(n) for n in range(3)))
    service = await api.service()

    page = good(await service.get("/v1/events", params={"after": 1, "limit": 1}))

    assert page["next"] == 2
    [event] = page["events"]
    assert event["id"].startswith("evt_")
    assert {**event, "id": "evt"} == {
        "seq": 2,
        "id": "evt",
        "type": "coupon.confirmed",
        "at": "1970-01-01T00:00:01.000Z",
        "subject": "cpn_1",
        "data": {"student": "ann", "code": "A"},
    }
    rest = good(await service.get("/v1/events", params={"after": 2}))
    assert ([each["seq"] for each in rest["events"]], rest["next"]) == ([3], 3)
    assert good(await service.get("/v1/events", params={"after": 3})) == {"events": [], "next": 3}


async def test_types_restrict_it_and_an_unknown_one_is_refused(api: Api) -> None:
    await happened(api, a_coupon(1), Event(EventType.DROP_CLOSED, 1, "drp_1"), a_coupon(2))
    operator = await api.operator()

    page = good(await operator.get("/v1/events?types=drop.closed,drop.opened"))
    assert ([each["seq"] for each in page["events"]], page["next"]) == ([2], 3)
    for wrong in ("coupon.conformed", "", "drop.closed,"):
        answer = await operator.get("/v1/events", params={"types": wrong})
        assert field_errors(answer) == [("types", "unknown_value")]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("after=-1", "too_small"),
        ("after=x", "bad_format"),
        ("wait_seconds=26", "too_large"),
        ("limit=0", "too_small"),
        ("limit=1001", "too_large"),
    ],
)
async def test_bad_queries_are_refused(api: Api, query: str, code: str) -> None:
    answer = await (await api.service()).get(f"/v1/events?{query}")
    assert field_errors(answer) == [(query.partition("=")[0], code)]


async def test_students_and_teachers_may_not_read_it(api: Api) -> None:
    for client in (await api.student(), await api.teacher()):
        refused(await client.get("/v1/events"), 403, "wrong_role")
    assert (await (await api.as_(Role.SERVICE, "shop")).get("/v1/events")).status_code == 200


async def test_a_reader_that_waits_wakes_when_a_wanted_event_gets_its_number(api: Api) -> None:
    service = await api.service()
    waiters = api.parts.event_waiters
    waiting = asyncio.create_task(
        service.get("/v1/events?after=0&types=drop.closed&wait_seconds=25")
    )
    await eventually(lambda: waiters.waiters)
    await happened(api, a_coupon(1))
    await happened(api, Event(EventType.DROP_CLOSED, 1, "drp_1"))
    async with asyncio.timeout(20):  # less than it waits for when nothing wakes it
        page = good(await waiting)

    assert [each["seq"] for each in page["events"]] == [2]
    assert waiters.waiters == 0


async def test_a_wait_ends_with_an_empty_page(api: Api) -> None:
    await happened(api, a_coupon(1))
    answer = await (await api.service()).get("/v1/events?after=1&wait_seconds=1")
    assert orjson.loads(answer.content) == {"events": [], "next": 1}


async def test_a_process_that_stops_sends_its_readers_home(api: Api) -> None:
    service = await api.service()
    waiting = asyncio.create_task(service.get("/v1/events?wait_seconds=25"))
    await eventually(lambda: api.parts.event_waiters.waiters)
    api.parts.event_waiters.close()
    assert good(await waiting) == {"events": [], "next": 0}


async def test_more_readers_than_a_process_holds_are_refused(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.flows.events.event_pages.MAX_WAITERS", 0)
    answer = await (await api.service()).get("/v1/events?wait_seconds=5")
    refused(answer, 429, "rate_limited")
    assert answer.headers["Retry-After"] == "5"


async def test_another_process_reads_what_is_announced(api: Api) -> None:
    redis, prefix = api.parts.feed._redis, api.parts.feed._prefix
    heard: asyncio.Queue[object] = asyncio.Queue()
    announcements = NumberAnnouncements(redis, prefix)

    async def announced_and_read() -> bool:
        await announcements.announce(7, {EventType.DROP_CLOSED, EventType.DROP_OPENED})
        return not heard.empty()

    async with announcements.followed_by(heard.put_nowait):
        await eventually(announced_and_read)  # the first ones may come before the listener's read
        assert await heard.get() == ["drop.closed", "drop.opened"]
