"""Issuances over HTTP: given, counted down, stopped, undone, scheduled, held out, listed."""

from typing import Any

import orjson
import pytest
from httpx import AsyncClient
from sqlalchemy import select

from server.core import instants
from server.core.coupons.issuances import is_held_out
from server.core.identity import Role
from server.flows.coupons.issuing.drive_issuances import IssueParts, drive_due
from server.ledger.tables import unnumbered_events
from tests.support.builders.api import Api, Json, field_errors, good, refused

pytestmark = pytest.mark.asyncio
PATH = "/v1/issuances"
HOUR_MS = 3_600_000


def body(batch: Json, *students: str, **change: object) -> Json:
    return {
        "batch_id": batch["id"],
        "students": list(students) or ["ann", "bob"],
        "reason": "sorry",
        **change,
    }


def many(count: int) -> list[str]:
    return [f"s{number:05}" for number in range(count)]


async def work(api: Api) -> None:
    """Let a worker do what is due now."""
    parts = api.parts
    await drive_due(IssueParts(parts.ledger, parts.drop_desk, parts.clock, parts.time_zone))


async def wallet(api: Api, student: str) -> list[Json]:
    coupons: list[Json] = good(await (await api.student(student)).get("/v1/me/coupons"))["coupons"]
    return coupons


async def shown(client: AsyncClient, issuance: Json) -> Json:
    return good(await client.get(f"{PATH}/{issuance['id']}"))


async def outcomes(client: AsyncClient, issuance: Json, **query: Any) -> dict[str, str | None]:
    answer = good(
        await client.get(f"{PATH}/{issuance['id']}/items", params={"limit": 200, **query})
    )
    return {one["student"]: one["outcome"] for one in answer["items"]}


async def remaining(client: AsyncClient, batch: Json) -> int:
    left: int = good(await client.get(f"/v1/batches/{batch['id']}"))["remaining"]
    return left


async def test_a_few_students_have_their_coupons_with_the_answer(api: Api) -> None:
    batch, service = await api.made_batch(), await api.service()

    done = good(await service.post(PATH, json=body(batch, "ann", "bob", "ann")))

    assert (done["state"], done["asked"], done["issued"]) == ("done", 2, 2)
    assert [(one["student"], one["outcome"]) for one in done["items"]] == [
        ("ann", "issued"),
        ("bob", "issued"),
    ]
    (coupon,) = await wallet(api, "ann")
    assert coupon["id"] == done["items"][0]["coupon_id"]
    assert (coupon["state"], coupon["batch_id"]) == ("usable", batch["id"])
    assert await remaining(await api.operator(), batch) == 98
    assert good(await (await api.operator()).get(f"/v1/batches/{batch['id']}/codes"))["codes"] == []


async def test_a_repeated_request_gives_once(api: Api) -> None:
    batch, service = await api.made_batch(), await api.service()
    headers = {"Idempotency-Key": "once"}

    first = good(await service.post(PATH, json=body(batch), headers=headers))
    again = good(await service.post(PATH, json=body(batch), headers=headers))
    other = await service.post(PATH, json=body(batch, "eve"), headers=headers)

    assert first == again
    refused(other, 409, "idempotency_mismatch")
    assert len(await wallet(api, "ann")) == 1


async def test_the_limit_of_the_batch_counts_earlier_issuances(api: Api) -> None:
    batch, service = await api.made_batch(), await api.service()
    good(await service.post(PATH, json=body(batch, "ann")))

    second = good(await service.post(PATH, json=body(batch, "ann", "bob")))

    assert (second["issued"], second["refused"]) == (1, 1)
    assert await outcomes(service, second) == {"ann": "limit_reached", "bob": "issued"}
    assert await outcomes(service, second, outcome="limit_reached") == {"ann": "limit_reached"}


async def test_an_unlimited_batch_goes_out_too_within_its_limit(api: Api) -> None:
    batch, service = await api.made_batch(quantity=None), await api.service()
    good(await service.post(PATH, json=body(batch, "ann")))
    second = good(await service.post(PATH, json=body(batch, "ann", "bob")))
    assert await outcomes(service, second) == {"ann": "limit_reached", "bob": "issued"}


async def test_when_the_stock_is_short_the_first_ones_get_it(api: Api) -> None:
    batch, service = await api.made_batch(quantity=2), await api.service()
    done = good(await service.post(PATH, json=body(batch, "a", "b", "c")))
    assert await outcomes(service, done) == {"a": "issued", "b": "issued", "c": "stock_short"}
    assert await remaining(await api.operator(), batch) == 0


async def test_a_stopped_batch_gives_nothing(api: Api) -> None:
    batch, operator = await api.made_batch(), await api.operator()
    path = f"/v1/batches/{batch['id']}/stop"
    good(await operator.post(path, json={"claims": True, "reason": "wrong price"}))

    done = good(await operator.post(PATH, json=body(batch, "ann")))

    assert await outcomes(operator, done) == {"ann": "stopped"}
    assert await remaining(operator, batch) == 100


async def test_a_batch_with_conditions_is_for_those_whom_the_school_has_tagged(api: Api) -> None:
    batch, service = await api.made_batch(claim_conditions={"tags": ["vip"]}), await api.service()
    students = [{"id": "ann", "tags": ["vip"]}, {"id": "bob", "tags": ["other"]}]
    good(await service.post("/v1/students", json={"students": students}))

    done = good(await service.post(PATH, json=body(batch, "ann", "bob", "eve")))

    assert await outcomes(service, done) == {
        "ann": "issued",
        "bob": "not_eligible",
        "eve": "not_eligible",
    }


async def test_a_service_sends_to_many_at_once_and_a_worker_does_it(api: Api) -> None:
    batch, service = await api.made_batch(quantity=2_000), await api.service()
    students = many(1_000)

    asked = good(await service.post(PATH, json=body(batch, *students)), 202)
    await work(api)
    done = await shown(service, asked)

    assert (asked["state"], asked["asked"], asked["issued"]) == ("running", 1_000, 0)
    assert (done["state"], done["issued"]) == ("done", 1_000)
    assert "items" not in asked
    first = good(await service.get(f"{PATH}/{asked['id']}/items", params={"limit": 200}))
    rest = good(await service.get(f"{PATH}/{asked['id']}/items", params={"after": first["next"]}))
    assert [one["student"] for one in first["items"]] == students[:200]
    assert rest["items"][0]["student"] == students[200]


async def test_an_operator_has_time_to_undo_what_goes_to_many(api: Api) -> None:
    batch, operator = await api.made_batch(), await api.operator()

    asked = good(await operator.post(PATH, json=body(batch, *many(21))), 202)
    await work(api)
    waiting = await shown(operator, asked)
    undone = good(await operator.post(f"{PATH}/{asked['id']}/undo", json={}))
    api.clock.now += HOUR_MS
    await work(api)

    assert (asked["state"], waiting["state"], waiting["issued"]) == (
        "counting_down",
        "counting_down",
        0,
    )
    assert (undone["state"], undone["refused"]) == ("undone", 21)
    assert await wallet(api, "s00000") == []
    assert await remaining(operator, batch) == 100


async def test_what_counts_down_goes_out_after_ten_minutes(api: Api) -> None:
    batch, operator = await api.made_batch(), await api.operator()
    asked = good(await operator.post(PATH, json=body(batch, *many(21))), 202)
    api.clock.now += 600_000
    await work(api)
    assert (await shown(operator, asked))["issued"] == 21


async def test_an_undo_takes_back_what_is_not_used(api: Api) -> None:
    batch, service = await api.made_batch(), await api.service()
    done = good(await service.post(PATH, json=body(batch, "ann", "bob")))
    (anns,) = await wallet(api, "ann")
    order = {"currency": "CNY", "lines": [_line()]}
    lock = {"order_id": "o1", "student": "ann", "order": order, "coupons": [anns["code"]]}
    good(await service.post("/v1/redemptions", json=lock), 201)

    undone = good(await service.post(f"{PATH}/{done['id']}/undo", json={}))
    again = good(await service.post(f"{PATH}/{done['id']}/undo", json={}))

    assert (undone["state"], undone["issued"], undone["taken_back"]) == ("undone", 2, 1)
    assert again == undone
    assert [one["state"] for one in await wallet(api, "ann")] == ["locked"]
    assert [one["state"] for one in await wallet(api, "bob")] == ["revoked"]
    assert await remaining(await api.operator(), batch) == 99
    more = good(await service.post(PATH, json=body(batch, "ann", "bob")))
    assert await outcomes(service, more) == {"ann": "limit_reached", "bob": "issued"}


def _line() -> Json:
    return {"id": "1", "course": "c1", "unit_price": 5_000, "quantity": 1}


async def test_after_an_hour_it_is_too_late_to_undo(api: Api) -> None:
    batch, service = await api.made_batch(), await api.service()
    done = good(await service.post(PATH, json=body(batch)))
    api.clock.now += HOUR_MS
    refused(await service.post(f"{PATH}/{done['id']}/undo", json={}), 409, "wrong_state")
    assert [one["state"] for one in await wallet(api, "ann")] == ["usable"]


async def test_a_stop_ends_it_and_everybody_has_an_outcome(api: Api) -> None:
    batch, service = await api.made_batch(), await api.service()
    asked = good(await service.post(PATH, json=body(batch, *many(30))), 202)

    good(await service.post(f"{PATH}/{asked['id']}/stop", json={}))
    await work(api)
    stopped = await shown(service, asked)

    assert (stopped["state"], stopped["issued"], stopped["refused"]) == ("stopped", 0, 30)
    assert set((await outcomes(service, asked)).values()) == {"stopped"}
    refused(await service.post(f"{PATH}/{asked['id']}/stop?", json={"x": 1}), 422, "invalid_field")


async def test_a_done_issuance_cannot_be_stopped(api: Api) -> None:
    batch, service = await api.made_batch(), await api.service()
    done = good(await service.post(PATH, json=body(batch)))
    refused(await service.post(f"{PATH}/{done['id']}/stop", json={}), 409, "wrong_state")


async def test_it_is_sent_at_its_time_in_the_schools_zone(api: Api) -> None:
    batch, service = await api.made_batch(), await api.service()
    at = instants.to_text(api.clock.now + 60_000)
    in_shanghai = instants.to_text(api.clock.now + 60_000 + 8 * HOUR_MS).removesuffix("Z")

    asked = good(await service.post(PATH, json=body(batch, send_at=in_shanghai)), 202)
    await work(api)
    early = await shown(service, asked)
    api.clock.now += 60_000
    await work(api)

    assert (asked["state"], asked["due_at"], early["state"]) == ("scheduled", at, "scheduled")
    assert (await shown(service, asked))["state"] == "done"
    assert len(await wallet(api, "ann")) == 1


async def test_a_recurring_send_starts_one_issuance_each_time(api: Api) -> None:
    batch = await api.made_batch(per_student=5)
    service = await api.as_(Role.SERVICE, "shop", ttl_s=10 * 86_400)
    at = instants.to_text(api.clock.now + 60_000)
    rule = "FREQ=DAILY;COUNT=2"

    asked = good(await service.post(PATH, json=body(batch, send_at=at, repeat=rule)), 202)
    for _ in range(3):
        api.clock.now += 60_000
        await work(api)
        await work(api)
        api.clock.now += 24 * HOUR_MS

    children = good(await service.get(PATH, params={"parent_id": asked["id"]}))["issuances"]
    assert [(one["state"], one["issued"]) for one in children] == [("done", 2), ("done", 2)]
    assert (await shown(service, asked))["state"] == "done"
    items = good(await service.get(f"{PATH}/{children[0]['id']}/items"))["items"]
    assert [(one["student"], one["outcome"]) for one in items] == [
        ("ann", "issued"),
        ("bob", "issued"),
    ]


async def test_some_are_held_out_always_the_same(api: Api) -> None:
    batch, service = await api.made_batch(per_student=2), await api.service()
    students = many(20)
    expected = {one for one in students if is_held_out(batch["id"], one, 50)}

    for _ in range(2):
        done = good(await service.post(PATH, json=body(batch, *students, hold_out_percent=50)))
        assert done["held_out"] == len(expected)
        found = await outcomes(service, done, outcome="held_out")
        assert found.keys() == expected
    assert 0 < len(expected) < 20


async def test_notify_asks_for_a_message_to_each_who_got_one(api: Api) -> None:
    batch, service = await api.made_batch(quantity=1), await api.service()
    before = (await api.row_counts())["messages"]
    notify = {"text": "For you", "channels": ["in_app"]}
    good(await service.post(PATH, json=body(batch, notify=notify)))
    assert (await api.row_counts())["messages"] == before + 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"students": None, "audience_id": None}, ("students", "missing")),
        ({"import_id": "imp_1"}, ("import_id", "conflict")),
        ({"pack_id": "pck_1"}, ("pack_id", "conflict")),
        ({"batch_id": "bat_unknown"}, ("batch_id", "unknown")),
        ({"students": []}, ("students", "empty")),
        ({"students": ["a b"]}, ("students.0", "bad_format")),
        ({"students": many(1_001)}, ("students", "too_many")),
        ({"reason": ""}, ("reason", "too_short")),
        ({"students": None, "audience_id": "aud_1"}, ("audience_id", "unknown")),
        ({"batch_id": None, "pack_id": "pck_1"}, ("pack_id", "unknown")),
        ({"hold_out_percent": 101}, ("hold_out_percent", "too_large")),
        ({"send_at": "2020-01-01T00:00:00Z"}, ("send_at", "past")),
        ({"send_at": "soon"}, ("send_at", "bad_format")),
        ({"repeat": "FREQ=DAILY"}, ("send_at", "missing")),
        ({"repeat": "FREQ=HOURLY", "send_at": "2100-01-01T00:00:00Z"}, ("repeat", "unsupported")),
        ({"notify": {"channels": ["pigeon"]}}, ("notify.channels.0", "unknown_value")),
        ({"valid_from": "2100-01-01T00:00:00Z"}, ("valid_from", "unsupported")),
    ],
)
async def test_bad_input_names_the_field_and_changes_nothing(
    api: Api, change: Json, error: tuple[str, str]
) -> None:
    batch, service = await api.made_batch(), await api.service()
    before = await api.row_counts()
    asked = {name: value for name, value in body(batch, **change).items() if value is not None}
    assert field_errors(await service.post(PATH, json=asked)) == [error]
    assert await api.row_counts() == before


async def test_outside_the_claim_window_it_is_refused(api: Api) -> None:
    window = {
        "from": instants.to_text(api.clock.now + HOUR_MS),
        "until": instants.to_text(api.clock.now + 2 * HOUR_MS),
    }
    batch, service = await api.made_batch(claim_window=window), await api.service()

    refused(await service.post(PATH, json=body(batch)), 409, "wrong_state")
    good(await service.post(PATH, json=body(batch, send_at=window["from"])), 202)


async def test_who_may_ask_and_who_may_read(api: Api) -> None:
    batch, finance = await api.made_batch(), await api.finance()
    done = good(await (await api.service()).post(PATH, json=body(batch)))

    for client in (await api.student(), await api.teacher(), finance):
        refused(await client.post(PATH, json=body(batch)), 403, "wrong_role")
    assert (await shown(finance, done))["issued"] == 2
    listed = good(await finance.get(PATH, params={"batch_id": batch["id"]}))["issuances"]
    assert [one["id"] for one in listed] == [done["id"]]
    refused(await finance.get(f"{PATH}/iss_unknown"), 404, "not_found")
    refused(await finance.get(f"{PATH}/iss_unknown/items"), 404, "not_found")


async def test_the_school_hears_of_it_and_the_act_is_kept(api: Api) -> None:
    batch, operator = await api.made_batch(), await api.operator()
    done = good(await operator.post(PATH, json=body(batch, "ann")))
    acts = good(await operator.get("/v1/acts", params={"subject": done["id"]}))["acts"]
    assert [one["action"] for one in acts] == ["issuance.made"]


async def test_events_tell_of_the_issuance_and_of_each_coupon(api: Api) -> None:
    batch, service = await api.made_batch(), await api.service()
    done = good(await service.post(PATH, json=body(batch, "ann")))
    good(await service.post(f"{PATH}/{done['id']}/undo", json={}))

    async with api.parts.ledger.begin() as conn:
        rows = await conn.execute(select(unnumbered_events).order_by(unnumbered_events.c.number))
        told = [(row.type, row.subject, row.data) for row in rows]
    coupon_id = done["items"][0]["coupon_id"]
    of_coupon = {kind: orjson.loads(data) for kind, subject, data in told if subject == coupon_id}
    assert [kind for kind, subject, _ in told if subject == done["id"]] == [
        "issuance.started",
        "act.recorded",
        "issuance.finished",
        "act.recorded",
        "issuance.undone",
    ]
    assert of_coupon["coupon.confirmed"]["source"] == "api"
    assert of_coupon["coupon.confirmed"]["issuance_id"] == done["id"]
    assert of_coupon["coupon.revoked"]["student"] == "ann"


async def test_a_recurring_send_to_many_starts_at_a_time_that_leaves_time_to_undo(api: Api) -> None:
    batch, operator = await api.made_batch(), await api.operator()
    at = instants.to_text(api.clock.now + 60_000)
    change = {"send_at": at, "repeat": "FREQ=DAILY"}
    asked = good(await operator.post(PATH, json=body(batch, *many(21), **change)), 202)
    assert (asked["state"], asked["due_at"]) == (
        "scheduled",
        instants.to_text(api.clock.now + 60_000 + 24 * HOUR_MS),
    )


@pytest.mark.parametrize(("members", "state"), [(20, "running"), (21, "counting_down")])
async def test_an_operators_list_of_few_starts_at_once(api: Api, members: int, state: str) -> None:
    batch, operator = await api.made_batch(), await api.operator()
    audience = {"name": "list", "kind": "list", "students": many(members)}
    made = good(await operator.post("/v1/audiences", json=audience), 201)
    asked = body(batch, audience_id=made["id"])
    del asked["students"]

    issuance = good(await operator.post(PATH, json=asked), 202)
    api.clock.now += 600_000
    await work(api)

    assert issuance["state"] == state
    done = await shown(operator, issuance)
    assert (done["state"], done["asked"], done["issued"]) == ("done", members, members)
