"""The changing QR code over HTTP, on both databases: a ticket lets in for a minute, for one drop."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import select

from server.core.drops.claims import Outcome
from server.core.links.tickets import GOOD_MS, TURN_MS
from server.flows.events.number_events import number_events
from server.ledger import tables
from server.ledger.engine import Ledger
from tests.support.builders.api import (
    ROOM,
    Api,
    Json,
    confirm_all,
    field_errors,
    good,
    refused,
    serving,
)
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def school(ledger: Ledger, desk: Desk) -> AsyncIterator[Api]:
    """Yield the application on each database, at the beginning of a turn."""
    async with serving(ledger, desk) as made:
        made.clock.now -= made.clock.now % TURN_MS
        yield made


async def ticket_of(api: Api, drop: Json) -> Json:
    return good(await (await api.teacher()).get(f"/v1/rooms/{ROOM}/drops/{drop['id']}/ticket"))


async def claimed(api: Api, ticket: Json, student: str, request_id: str = "r1") -> Json:
    # Of another class: the ticket alone lets them in.
    client = await api.student(student, "elsewhere")
    path = f"/v1/tickets/{ticket['ticket']}/claims"
    return good(await client.post(path, json={"request_id": request_id}))


async def late(api: Api, ticket: Json, student: str, request_id: str = "r1") -> None:
    client = await api.student(student, "elsewhere")
    path = f"/v1/tickets/{ticket['ticket']}/claims"
    refused(await client.post(path, json={"request_id": request_id}), 410, "ticket_expired")


async def test_the_screen_gets_another_code_every_twenty_seconds(school: Api) -> None:
    drop = await school.made_drop()

    first, same = await ticket_of(school, drop), await ticket_of(school, drop)
    school.clock.now += TURN_MS
    second = await ticket_of(school, drop)

    assert first == same
    assert first["url"] == f"https://drops.example/q/{first['ticket']}"
    assert first["svg"].startswith('<svg width="480"')
    assert first["ticket"] != second["ticket"]
    assert second["changes_at"] > first["changes_at"]


async def test_a_ticket_lets_in_whose_token_lacks_the_room(school: Api, desk: Desk) -> None:
    drop = await school.made_drop()
    outside = await school.student("ann", "elsewhere")
    path = f"/v1/drops/{drop['id']}/claims"
    refused(await outside.post(path, json={"request_id": "r0"}), 403, "wrong_room")

    won = await claimed(school, await ticket_of(school, drop), "ann")
    await confirm_all(school, desk)

    assert (won["outcome"], won["request_id"], won["drop_id"]) == ("won", "r1", drop["id"])
    wallet = good(await outside.get("/v1/me/coupons"))
    assert [one["drop_id"] for one in wallet["coupons"]] == [drop["id"]]
    async with school.parts.ledger.read() as conn:
        sources = (await conn.execute(select(tables.coupons.c.source))).scalars().all()
    assert sources == ["qr"]
    confirmed = [one for one in await numbered(school) if one["type"] == "coupon.confirmed"]
    assert [one["data"]["source"] for one in confirmed] == ["qr"]


async def test_a_photo_of_the_code_works_for_a_minute_at_most(school: Api) -> None:
    drop = await school.made_drop()
    ticket = await ticket_of(school, drop)

    school.clock.now += GOOD_MS - 1
    assert (await claimed(school, ticket, "ann"))["outcome"] == "won"
    school.clock.now += 1
    await late(school, ticket, "bob")
    visitor = await school.client()
    refused(await visitor.get(f"/v1/tickets/{ticket['ticket']}/card"), 410, "ticket_expired")

    # The units are as they were, and the code that is shown now lets bob in.
    assert (await claimed(school, await ticket_of(school, drop), "bob"))["outcome"] == "won"


async def test_who_has_won_by_a_ticket_is_told_so_when_it_is_over(school: Api) -> None:
    drop = await school.made_drop()
    ticket = await ticket_of(school, drop)
    await claimed(school, ticket, "ann")

    school.clock.now += GOOD_MS
    again = await claimed(school, ticket, "ann")
    other = await claimed(school, ticket, "ann", "r2")

    assert (again["outcome"], other["outcome"]) == (Outcome.WON, Outcome.ALREADY_WON)


async def test_a_ticket_and_a_tap_in_the_room_are_one_claim(school: Api) -> None:
    drop = await school.made_drop()
    won = await claimed(school, await ticket_of(school, drop), "ann")
    inside = await school.student("ann")

    path = f"/v1/drops/{drop['id']}/claims"
    tapped = good(await inside.post(path, json={"request_id": "r1"}))

    assert (won["outcome"], tapped["outcome"]) == ("won", "already_won")


async def test_a_ticket_is_for_its_drop_and_its_audience(school: Api) -> None:
    drop = await school.made_drop(audience={"students": ["cyd"]})
    ticket = await ticket_of(school, drop)
    forged = ticket["ticket"][:-1] + ("A" if ticket["ticket"][-1] != "A" else "B")
    client = await school.student("ann", "elsewhere")

    assert (await claimed(school, ticket, "ann"))["outcome"] == "not_eligible"
    for text in (forged, "drp_1.1.12345678", "nothing"):
        path = f"/v1/tickets/{text}/claims"
        refused(await client.post(path, json={"request_id": "r1"}), 404, "ticket_invalid")
        refused(await client.get(f"/v1/tickets/{text}/card"), 404, "ticket_invalid")


async def test_anybody_sees_the_card_while_the_ticket_is_good(school: Api) -> None:
    drop = await school.made_drop(message="for this class")
    ticket, visitor = await ticket_of(school, drop), await school.client()
    before = await school.row_counts()

    answer = await visitor.get(f"/v1/tickets/{ticket['ticket']}/card")
    card = good(answer)

    assert answer.headers["cache-control"] == "no-store"
    assert (card["room"], card["drop"]["id"]) == (ROOM, drop["id"])
    assert card["good_until"] == ticket["good_until"]
    await claimed(school, ticket, "ann")
    school.clock.now += 1_000
    later = good(await visitor.get(f"/v1/tickets/{ticket['ticket']}/card"))
    assert (card["drop"]["remaining"], later["drop"]["remaining"]) == (3, 2)
    assert await school.row_counts() == before


async def test_a_long_request_id_and_other_roles_are_refused(school: Api) -> None:
    drop = await school.made_drop()
    ticket, teacher = await ticket_of(school, drop), await school.teacher()
    path = f"/v1/tickets/{ticket['ticket']}/claims"
    ann = await school.student("ann", "elsewhere")

    long = await ann.post(path, json={"request_id": "r" * 64})
    marked = await ann.post(path, json={"request_id": "~r1"})

    assert field_errors(long) == [("request_id", "too_long")]
    assert field_errors(marked) == [("request_id", "bad_format")]
    refused(await teacher.post(path, json={"request_id": "r1"}), 403, "wrong_role")
    refused(await ann.get(f"/v1/rooms/elsewhere/drops/{drop['id']}/ticket"), 403, "wrong_role")


async def test_a_drop_that_cannot_be_claimed_has_no_ticket(school: Api) -> None:
    prepared = await school.made_drop(start="prepared")
    closed = await school.made_drop()
    teacher = await school.teacher()
    good(await teacher.post(f"/v1/rooms/{ROOM}/drops/{closed['id']}/close"))

    for drop in (prepared, closed):
        path = f"/v1/rooms/{ROOM}/drops/{drop['id']}/ticket"
        refused(await teacher.get(path), 409, "wrong_state")


async def numbered(api: Api) -> list[Json]:
    """Return all events, as the school reads them."""
    await number_events(api.parts.ledger, _ignore)
    return list(good(await (await api.service()).get("/v1/events"))["events"])


async def _ignore(*_: object) -> None:
    return None
