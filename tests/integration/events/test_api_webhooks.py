"""/v1/webhooks as an operator uses it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from server.core.event_types import Event, EventType
from server.flows.events.number_events import number_events
from server.ledger import event_log
from tests.support.builders.api import Api, Json, field_errors, good, refused
from tests.support.servers.webhook_receiver import running_receiver

pytestmark = pytest.mark.asyncio
URL = "https://school.example/hook"


@pytest_asyncio.fixture
async def private_api(api: Api) -> AsyncIterator[Api]:
    parts = replace(api.parts, webhook_private=True)
    yield Api(parts, api.clock, api.clients)


async def made(api: Api, **body: object) -> Json:
    operator = await api.operator()
    return good(await operator.post("/v1/webhooks", json={"url": URL, **body}), 201)


async def happened(api: Api, count: int) -> None:
    async def ignore(_last: int, _types: object) -> None:
        """Announce to nobody."""

    async with api.parts.ledger.begin() as conn:
        events = [Event(EventType.DROP_OPENED, 1, f"drp_{n}") for n in range(count)]
        await event_log.record(conn, events)
    await number_events(api.parts.ledger, ignore)


async def test_the_secret_is_shown_once(api: Api) -> None:
    webhook = await made(api, types=["drop.opened"], batch=True, metadata={"for": "shop"})
    operator = await api.operator()
    path = f"/v1/webhooks/{webhook['id']}"

    assert webhook["secret"].startswith("whsec_")
    assert len(webhook["secret"]) > 40
    assert (webhook["state"], webhook["batch"], webhook["types"]) == (
        "active",
        True,
        ["drop.opened"],
    )
    one = good(await operator.get(path))
    assert one == {name: value for name, value in webhook.items() if name != "secret"}
    page = good(await operator.get("/v1/webhooks"))
    assert page == {"webhooks": [one], "next": None}
    acts = await operator.get("/v1/acts")
    rotated = good(await operator.post(f"{path}/rotate"))
    assert rotated["secret"] != webhook["secret"]
    assert "old_secret_until" in rotated
    for answer in (acts, await operator.get(path), await operator.get("/v1/events")):
        assert "whsec_" not in answer.text


async def test_the_same_key_makes_it_once(api: Api) -> None:
    operator = await api.operator()
    sent = [
        await operator.post("/v1/webhooks", json={"url": URL}, headers={"Idempotency-Key": "k1"})
        for _ in range(2)
    ]
    assert good(sent[0], 201) == good(sent[1], 201)


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"url": "http://school.example/"}, "url", "https_required"),
        ({"url": "https://127.0.0.1/"}, "url", "private_address"),
        ({"url": "school"}, "url", "not_a_url"),
        ({"types": ["drop.opend"]}, "types.0", "unknown_value"),
        ({"types": ["webhook.tested"]}, "types.0", "unknown_value"),
        ({"secret": "x"}, "secret", "unsupported"),
        ({"batch": 1}, "batch", "wrong_type"),
    ],
)
async def test_bad_fields_are_named(api: Api, body: Json, field: str, code: str) -> None:
    operator = await api.operator()
    answer = await operator.post("/v1/webhooks", json={"url": URL, **body})
    assert field_errors(answer) == [(field, code)]
    assert good(await operator.get("/v1/webhooks"))["webhooks"] == []


async def test_a_private_receiver_where_the_school_allows_it(private_api: Api) -> None:
    await made(private_api, url="http://192.168.0.7:8080/hook")


async def test_pause_resume_change_and_remove(api: Api) -> None:
    webhook = await made(api, types=["drop.opened"])
    operator = await api.operator()
    path = f"/v1/webhooks/{webhook['id']}"

    paused = good(await operator.patch(path, json={"state": "paused", "types": []}))
    assert (paused["state"], paused["types"]) == ("paused", None)
    assert good(await operator.patch(path, json={"state": "active"}))["state"] == "active"
    answer = await operator.patch(path, json={"state": "disabled"})
    assert field_errors(answer) == [("state", "unknown_value")]
    assert good(await operator.delete(path))["id"] == webhook["id"]
    for answer in (await operator.delete(path), await operator.get(path)):
        refused(answer, 404, "not_found")
    actions = [act["action"] for act in good(await operator.get("/v1/acts"))["acts"]]
    assert actions == ["webhook.removed", "webhook.changed", "webhook.changed", "webhook.made"]


async def test_a_test_call_returns_what_the_receiver_answered(private_api: Api) -> None:
    async with running_receiver() as receiver:
        webhook = await made(private_api, url=receiver.url)
        operator = await private_api.operator()
        receiver.answers("418 Teapot", "200 OK")
        path = f"/v1/webhooks/{webhook['id']}"
        first = good(await operator.post(f"{path}/test"))
        second = good(await operator.post(f"{path}/test"))

    assert (first["status"], first["error"], first["kind"]) == (418, "status_418", "test")
    assert (second["status"], second["error"]) == (200, None)
    page = good(await operator.get(f"{path}/deliveries"))
    assert page == {"deliveries": [second, first], "next": None}


async def test_a_replay_has_to_be_a_range_of_the_log(api: Api) -> None:
    webhook = await made(api)
    await happened(api, 5)
    operator = await api.operator()
    path = f"/v1/webhooks/{webhook['id']}/replay"

    accepted = good(await operator.post(path, json={"from_seq": 2, "to_seq": 4}), 202)
    assert (accepted["from_seq"], accepted["to_seq"]) == (2, 4)
    for body, error in (
        ({"from_seq": 3, "to_seq": 2}, ("from_seq", "too_large")),
        ({"from_seq": 1, "to_seq": 99}, ("to_seq", "too_large")),
        ({"from_seq": 0, "to_seq": 1}, ("from_seq", "too_small")),
    ):
        assert field_errors(await operator.post(path, json=body)) == [error]


async def test_there_may_be_fifty(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.flows.events.webhooks.MAX_WEBHOOKS", 1)
    await made(api)
    answer = await (await api.operator()).post("/v1/webhooks", json={"url": URL})
    refused(answer, 409, "too_many")
