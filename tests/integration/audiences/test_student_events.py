"""Student events: each counts once, whatever is repeated, and is in the event log."""

from datetime import UTC

import orjson
import pytest
from sqlalchemy import select

from server.core.audiences.student_events import (
    AHEAD_MS,
    KEPT_MS,
    StudentEvent,
    day_of,
)
from server.core.audiences.students import StudentForm
from server.core.refusals import Refused
from server.flows.audiences.student_events import Accepted, accept_events, delete_old
from server.flows.audiences.students import upsert_students
from server.ledger import tables
from server.ledger.audiences import students
from server.ledger.engine import Ledger
from tests.support.builders.api import Api, Json, field_errors, good, refused
from tests.support.builders.money import NOW

pytestmark = pytest.mark.asyncio
DAY = 24 * 3600 * 1000


def an_event(id_: str = "e1", type_: str = "lesson_finished", at: int = NOW) -> StudentEvent:
    return StudentEvent(id_, type_, "ann", at)


async def accept(ledger: Ledger, *events: StudentEvent, now: int = NOW) -> Accepted | Refused:
    return await accept_events(ledger, events, UTC, now)


async def rows(ledger: Ledger, table: str) -> list[Json]:
    async with ledger.read() as conn:
        found = await conn.execute(select(tables.metadata.tables[table]))
        return [dict(row) for row in found.mappings()]


async def test_a_repeated_event_counts_once(ledger: Ledger) -> None:
    first = await accept(ledger, an_event("e1"), an_event("e2"), an_event("e1"))
    again = await accept(ledger, an_event("e2"), an_event("e3"))

    assert (first, again) == (Accepted(2, 1), Accepted(1, 1))
    async with ledger.read() as conn:
        ann = await students.find(conn, "ann")
    assert ann is not None
    assert (ann.lessons_done, ann.first_seen, ann.last_seen) == (3, NOW, NOW)


async def test_an_accepted_event_is_in_the_log_with_the_schools_time(ledger: Ledger) -> None:
    event = StudentEvent("e1", "x.badge", "ann", NOW - DAY, {"level": 3})
    await accept(ledger, event)
    await accept(ledger, event)

    (logged,) = await rows(ledger, "unnumbered_events")
    assert (logged["type"], logged["subject"], logged["student"]) == ("student.event", "e1", "ann")
    data = orjson.loads(logged["data"])
    assert (data["type"], data["data"]) == ("x.badge", {"level": 3})


async def test_late_events_move_first_seen_and_make_their_own_day(ledger: Ledger) -> None:
    await accept(ledger, an_event("e1", at=NOW), an_event("e2", at=NOW))
    await accept(ledger, an_event("e3", at=NOW - 3 * DAY))

    async with ledger.read() as conn:
        ann = await students.find(conn, "ann")
    assert ann is not None
    assert (ann.first_seen, ann.last_seen) == (NOW - 3 * DAY, NOW)
    days = {row["day"]: row["first_event"] for row in await rows(ledger, "student_days")}
    today = day_of(NOW, UTC)
    assert days == {today: "e1", today - 3: "e3"}


async def test_signing_up_and_looking_at_a_course_are_facts(ledger: Ledger) -> None:
    view = StudentEvent("e1", "viewed_course", "ann", NOW - DAY, {"course": "algebra"})
    later = StudentEvent("e2", "viewed_course", "ann", NOW, {"course": "algebra"})
    await accept(ledger, view, later, an_event("e3", "signed_up", NOW - DAY))
    await accept(ledger, StudentEvent("e4", "viewed_course", "ann", NOW - 2 * DAY, view.data))

    (interest,) = await rows(ledger, "student_interests")
    assert (interest["course"], interest["last_at"]) == ("algebra", NOW)
    async with ledger.read() as conn:
        ann = await students.find(conn, "ann")
    assert ann is not None
    assert ann.registered_at == NOW - DAY


async def test_an_event_of_the_future_and_an_unknown_type_are_refused(ledger: Ledger) -> None:
    late, odd = an_event("e1", at=NOW + AHEAD_MS + 1), an_event("e2", "x-badge")
    refusal = await accept(ledger, an_event("e0"), late, odd)
    assert isinstance(refusal, Refused)
    assert refusal.facts["errors"] == [
        {"field": "events.1.at", "code": "in_future"},
        {"field": "events.2.type", "code": "unknown_value"},
    ]
    assert await rows(ledger, "student_events") == []


async def test_old_rows_go(ledger: Ledger) -> None:
    await accept(ledger, StudentEvent("e1", "viewed_course", "ann", NOW, {"course": "algebra"}))
    await delete_old(ledger, NOW + KEPT_MS)
    assert len(await rows(ledger, "student_events")) == 1
    await delete_old(ledger, NOW + KEPT_MS + 1)
    assert await rows(ledger, "student_events") == []
    assert len(await rows(ledger, "student_interests")) == 1
    await delete_old(ledger, NOW + 41 * DAY)
    assert await rows(ledger, "student_interests") == []
    await delete_old(ledger, NOW + 402 * DAY)
    assert await rows(ledger, "student_days") == []


async def test_events_over_http(api: Api) -> None:
    events = [
        {"id": "e1", "type": "logged_in", "student": "ann", "at": "2026-01-01T00:00:00Z"},
        {"id": "e1", "type": "logged_in", "student": "ann", "at": "2026-01-01T00:00:00Z"},
    ]
    service = await api.service()
    answer = await service.post("/v1/student-events", json={"events": events})
    assert good(answer, 202) == {"accepted": 1, "duplicates": 1}
    refused(
        await (await api.operator()).post("/v1/student-events", json={"events": events}),
        403,
        "wrong_role",
    )
    bad = [{**events[0], "data": {"text": "x" * 5_000}}, {**events[0], "at": "now"}]
    answer = await service.post("/v1/student-events", json={"events": bad})
    assert field_errors(answer) == [("events.0.data", "too_large"), ("events.1.at", "bad_format")]


async def test_what_the_school_says_is_kept_on_both_databases(ledger: Ledger) -> None:
    said = StudentForm("ann", "Ann", NOW, frozenset({"vip"}), {"a": 1, "b": "x", "c": True})
    await upsert_students(ledger, [said, StudentForm("bob")], NOW)
    await upsert_students(ledger, [StudentForm("ann", facts={"a": None, "b": 2.5})], NOW + 1)

    async with ledger.read() as conn:
        (ann,) = await students.page(conn, "AN", "vip", 10, None)
        both = await students.page(conn, None, None, 10, None)
        rest = await students.page(conn, None, None, 10, both[0].id)
    assert (ann.name, ann.registered_at, ann.tags) == ("Ann", NOW, ("vip",))
    assert ann.facts == {"b": 2.5, "c": True}
    assert ([each.id for each in both], [each.id for each in rest]) == (["bob", "ann"], ["ann"])
