"""A stop of a room, of a lottery and of a webhook keeps its reason as an act, and needs none."""

import pytest

from tests.support.builders.api import ROOM, Api, Json, a_drop, field_errors, good

pytestmark = pytest.mark.asyncio

WHY = {"reason": "wrong price"}
LOTTERY = {
    "name": "Wheel",
    "chances": {"per_student": 1},
    "face": "wheel",
    "empty_policy": "nothing",
}


async def details(api: Api, action: str) -> list[Json]:
    """Return the details of the acts with this name, oldest first."""
    found = good(await (await api.operator()).get(f"/v1/acts?action={action}"))["acts"]
    return [act["detail"] for act in reversed(found)]


async def test_of_a_room_whose_drops_are_closed(api: Api) -> None:
    batch, operator = await api.made_batch(), await api.operator()
    path = f"/v1/rooms/{ROOM}"
    body = {"batch_id": batch["id"], **a_drop(quantity=1)}
    prepared = {**body, "start": "prepared"}

    good(await operator.post(f"{path}/running-order/hold", json=WHY))
    for form, why in ((body, WHY), (prepared, WHY), (body, None)):
        drop = good(await operator.post(f"{path}/drops", json=form), 201)["id"]
        good(await operator.post(f"{path}/drops/{drop}/close", json=why))

    assert await details(api, "running_order.held") == [WHY]
    assert await details(api, "drop.closed") == [WHY, WHY, {}]
    long = await operator.post(f"{path}/running-order/hold", json={"reason": "x" * 201})
    assert field_errors(long) == [("reason", "too_long")]


async def test_of_a_lottery(api: Api) -> None:
    operator, batch = await api.operator(), await api.made_batch()
    prizes = [{"ppm": 1_000_000, "batch_id": batch["id"]}]
    made = good(await operator.post("/v1/lotteries", json={**LOTTERY, "prizes": prizes}), 201)
    path = f"/v1/lotteries/{made['id']}"

    good(await operator.patch(path, json={"state": "paused"}))
    good(await operator.patch(path, json={"state": "ended", **WHY}))

    assert await details(api, "lottery.changed") == [
        {"state": "paused", "fields": []},
        {"state": "ended", "fields": [], **WHY},
    ]


async def test_of_a_webhook(api: Api) -> None:
    operator, url = await api.operator(), "https://a.example/hook"
    for why in (WHY, None):
        made = good(await operator.post("/v1/webhooks", json={"url": url}), 201)
        path = f"/v1/webhooks/{made['id']}"
        good(await operator.request("DELETE", path, json=why))

    assert await details(api, "webhook.removed") == [{"url": url, **WHY}, {"url": url}]
