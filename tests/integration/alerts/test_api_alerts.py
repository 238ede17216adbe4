"""Alerts are raised once, are mended by their act, and end, on both databases."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import insert, select, update

from server.core.alerts.alerts import AlertKind, Fault
from server.core.promotions.stops import StopForm, Stoppable
from server.flows.alerts.watch import delete_old, watch_alerts, watch_slow_alerts
from server.flows.events import reminders
from server.flows.promotions.stops import change_stop
from server.flows.stores import Stores
from server.ledger.alerts import alerts as rows
from server.ledger.engine import Ledger
from server.ledger.experiments import exposures
from server.ledger.experiments.exposures import Exposure
from server.ledger.promotions import stops
from server.ledger.tables import (
    batches,
    campaign_budgets,
    coupons,
    drops,
    events,
    issuances,
    jobs,
    messages,
    unnumbered_events,
    webhooks,
)
from tests.support.builders.api import (
    ROOM,
    Api,
    a_batch,
    a_drop,
    a_template,
    good,
    refused,
    serving,
)
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio

NOW = 2_000_000_000_000
DAY_MS = 86_400_000
CAMPAIGN = {
    "name": "Autumn",
    "purpose": "new students",
    "starts_at": "2026-01-01T00:00:00Z",
    "ends_at": "2999-01-01T00:00:00Z",
    "budget": {"money": {"amount": 1_000, "currency": "CNY"}},
}


@pytest_asyncio.fixture
async def api(ledger: Ledger, desk: Desk) -> AsyncIterator[Api]:
    """Yield the application on each of the two databases."""
    async with serving(ledger, desk) as made:
        yield made


async def alerts_of(api: Api, state: str = "open") -> list[dict[str, Any]]:
    await watch_alerts(api.parts.ledger, "classdrop", NOW)
    await watch_slow_alerts(api.parts.ledger, NOW)
    finance = await api.finance()
    return list(good(await finance.get("/v1/alerts", params={"state": state}))["alerts"])


async def made_batch(api: Api) -> str:
    operator = await api.operator()
    template = good(await operator.post("/v1/templates", json=a_template()), 201)
    body = a_batch(template_id=template["id"], quantity=100)
    return str(good(await operator.post("/v1/batches", json=body), 201)["id"])


async def set_allotted(api: Api, batch_id: str, allotted: int) -> None:
    async with api.parts.ledger.begin() as conn:
        changed = update(batches).where(batches.c.id == batch_id)
        await conn.execute(changed.values(allotted=allotted, created_at=NOW))


async def test_a_batch_that_is_nearly_empty_is_topped_up_by_its_alert(api: Api) -> None:
    batch_id, operator = await made_batch(api), await api.operator()
    assert await alerts_of(api) == []
    await set_allotted(api, batch_id, 95)
    [alert] = await alerts_of(api)
    assert await alerts_of(api) == [alert]
    assert (alert["kind"], alert["about"], alert["left"]) == ("batch_low", batch_id, 5)
    assert alert["acts"] == ["top_up", "dismiss"]

    path = f"/v1/alerts/{alert['id']}/act"
    for body, field in (({"act": "top_up"}, "amount"), ({"act": "resume"}, "act")):
        answer = await operator.post(path, json=body)
        assert refused(answer, 422, "invalid_field")["errors"][0]["field"] == field
    mended = good(await operator.post(path, json={"act": "top_up", "amount": 400}))
    assert (mended["state"], mended["acts"]) == ("ended", [])
    assert good(await operator.get(f"/v1/batches/{batch_id}"))["quantity"] == 500
    assert await alerts_of(api) == []
    refused(await operator.post(path, json={"act": "dismiss"}), 409, "wrong_state")
    acts = good(await operator.get("/v1/acts", params={"subject": alert["id"]}))["acts"]
    assert [each["action"] for each in acts] == ["alert.acted"]


async def test_a_batch_whose_coupons_are_out_is_topped_up_too(api: Api) -> None:
    batch_id, operator = await made_batch(api), await api.operator()
    assert (await operator.post(f"/v1/batches/{batch_id}/codes", json={"quantity": 95})).is_success
    await set_allotted(api, batch_id, 95)
    [alert] = await alerts_of(api)
    path = f"/v1/alerts/{alert['id']}/act"
    good(await operator.post(path, json={"act": "top_up", "amount": 400}))
    assert good(await operator.get(f"/v1/batches/{batch_id}"))["quantity"] == 500


async def test_a_dismissed_alert_comes_back_when_it_gets_worse(api: Api) -> None:
    batch_id, operator = await made_batch(api), await api.operator()
    await set_allotted(api, batch_id, 95)
    [alert] = await alerts_of(api)
    await operator.post(f"/v1/alerts/{alert['id']}/act", json={"act": "dismiss"})
    assert await alerts_of(api) == []
    assert [each["id"] for each in await alerts_of(api, "dismissed")] == [alert["id"]]

    await set_allotted(api, batch_id, 100)
    assert [(each["id"], each["level"]) for each in await alerts_of(api)] == [(alert["id"], 2)]
    await set_allotted(api, batch_id, 0)
    assert await alerts_of(api) == []
    [ended] = await alerts_of(api, "ended")
    assert ended["ended_by"] is None
    await delete_old(api.parts.ledger, NOW + 91 * 86_400_000)
    assert await alerts_of(api, "ended") == []


async def test_a_budget_is_raised_by_its_alert(api: Api) -> None:
    operator = await api.operator()
    campaign = good(await operator.post("/v1/campaigns", json=CAMPAIGN), 201)
    async with api.parts.ledger.begin() as conn:
        await conn.execute(update(campaign_budgets).values(free=100, settled=900))
    [alert] = await alerts_of(api)
    assert (alert["kind"], alert["level"], alert["left"]) == ("money_used", 80, 100)

    path = f"/v1/alerts/{alert['id']}/act"
    good(await operator.post(path, json={"act": "raise_budget", "amount": 9_000}))
    assert await alerts_of(api) == []
    async with api.parts.ledger.read() as conn:
        row = (await conn.execute(campaign_budgets.select())).one()
    assert (row.campaign_id, row.amount, row.free) == (campaign["id"], 10_000, 9_100)


async def test_a_receiver_that_was_given_up_is_enabled_by_its_alert(api: Api) -> None:
    operator = await api.operator()
    body = {"url": "https://school.example/hook"}
    webhook = good(await operator.post("/v1/webhooks", json=body), 201)
    async with api.parts.ledger.begin() as conn:
        await conn.execute(update(webhooks).values(state="disabled", reason="gone"))
    [alert] = await alerts_of(api)
    assert (alert["kind"], alert["reason"]) == ("webhook_down", "gone")

    good(await operator.post(f"/v1/alerts/{alert['id']}/act", json={"act": "enable"}))
    found = good(await operator.get(f"/v1/webhooks/{webhook['id']}"))
    assert found["state"] == "active"
    assert await alerts_of(api) == []
    async with api.parts.ledger.read() as conn:
        types = [row.type for row in await conn.execute(unnumbered_events.select())]
        types += [row.type for row in await conn.execute(events.select())]
    assert types.count("alert.raised") == types.count("alert.ended") == 1


async def test_only_operators_act_and_only_on_what_there_is(api: Api) -> None:
    finance, operator = await api.finance(), await api.operator()
    body = {"act": "dismiss"}
    refused(await finance.post("/v1/alerts/alr_1/act", json=body), 403, "wrong_role")
    refused(await operator.post("/v1/alerts/alr_1/act", json=body), 404, "not_found")


async def test_the_ledger_has_one_alert_of_a_kind_for_a_subject(api: Api) -> None:
    fault = Fault(AlertKind.BATCH_LOW, "bat_1", 1, "Ten off")
    async with api.parts.ledger.begin() as conn:
        first = await rows.raise_alert(conn, fault, NOW)
        assert await rows.raise_alert(conn, fault, NOW) is None
        assert first is not None
        # While one act is carried out no other one begins.
        assert await rows.begin_act(conn, first, NOW, NOW + 10)
        assert not await rows.begin_act(conn, first, NOW + 9, NOW + 19)
        await rows.give_up_act(conn, first)
        assert await rows.begin_act(conn, first, NOW + 9, NOW + 19)
        assert await rows.end(conn, first, None, NOW)
        assert await rows.raise_alert(conn, fault, NOW) is not None


async def test_a_batch_that_paused_itself_is_resumed_by_its_alert(api: Api) -> None:
    batch_id, operator = await made_batch(api), await api.operator()
    form = StopForm(Stoppable.BATCH, batch_id, claims=True, use=False, reason="too fast")
    parts = api.parts
    await change_stop(parts.ledger, parts.drop_desk, form, True, "olga", NOW)
    assert await alerts_of(api) == []  # an operator knows why
    await change_stop(parts.ledger, parts.drop_desk, form, True, "classdrop", NOW)
    [alert] = await alerts_of(api)
    assert (alert["kind"], alert["reason"]) == ("batch_paused", "too fast")

    good(await operator.post(f"/v1/alerts/{alert['id']}/act", json={"act": "resume"}))
    async with parts.ledger.read() as conn:
        assert not (await stops.find(conn, batch_id)).claims
    assert await alerts_of(api) == []


async def test_units_that_an_open_drop_still_holds_are_not_gone(api: Api) -> None:
    batch_id, teacher = await made_batch(api), await api.teacher()
    body = a_drop(batch_id=batch_id, quantity=100)
    drop = good(await teacher.post(f"/v1/rooms/{ROOM}/drops", json=body), 201)
    await set_allotted(api, batch_id, 100)
    assert await alerts_of(api) == []
    async with api.parts.ledger.begin() as conn:
        await conn.execute(update(drops).where(drops.c.id == drop["id"]).values(state="closed"))
    assert [(each["kind"], each["left"]) for each in await alerts_of(api)] == [("batch_low", 0)]


async def test_an_issuance_that_no_worker_drives_is_stopped_by_its_alert(api: Api) -> None:
    batch_id, operator = await made_batch(api), await api.operator()
    body = {"batch_id": batch_id, "students": ["ann"], "reason": "a gift"}
    later = {"send_at": "2030-01-01T10:00:00Z"}
    made = good(await operator.post("/v1/issuances", json=body | later), 202)
    async with api.parts.ledger.begin() as conn:
        await conn.execute(update(issuances).values(due_at=NOW - 600_000, driven_until=0))
    [alert] = await alerts_of(api)
    assert (alert["kind"], alert["about"]) == ("issuance_stuck", made["id"])
    good(await operator.post(f"/v1/alerts/{alert['id']}/act", json={"act": "stop"}))
    assert good(await operator.get(f"/v1/issuances/{made['id']}"))["state"] == "stopped"
    assert await alerts_of(api) == []


async def test_books_that_differ_are_repaired_by_their_alert(api: Api) -> None:
    operator, ledger = await api.operator(), api.parts.ledger
    job = good(await operator.post("/v1/consistency", json={}), 202)
    report = {"ok": False, "counts": {"unit_lost": 3}}
    async with ledger.begin() as conn:
        done = {"state": "done", "report": report, "done_at": NOW}
        await conn.execute(update(jobs).where(jobs.c.id == job["id"]).values(done))
    [alert] = await alerts_of(api)
    assert (alert["kind"], alert["amount"]) == ("books_differ", 3)
    good(await operator.post(f"/v1/alerts/{alert['id']}/act", json={"act": "repair"}))
    # The repair is under way: what it finds decides.
    assert await alerts_of(api) == []
    async with ledger.read() as conn:
        kinds = [row.kind for row in await conn.execute(select(jobs.c.kind).order_by(jobs.c.id))]
    assert len(kinds) == 2


async def given(api: Api, batch_id: str, students: int, *, ends_at: int) -> None:
    """Give a coupon to each of so many students, which ends then."""
    async with api.parts.ledger.begin() as conn:
        template = await conn.scalar(select(batches.c.template_id).where(batches.c.id == batch_id))
        fixed = {"batch_id": batch_id, "template_id": template, "template_version": 1}
        fixed |= {"source": "api", "state": "usable", "created_at": 1, "valid_from": 1}
        for number in range(students):
            own = {"id": f"cpn_{number}", "code": f"C{number}", "student": f"s{number}"}
            row = {**fixed, **own, "valid_until": ends_at}
            await conn.execute(insert(coupons).values(row))


async def test_students_whose_coupons_end_unused_are_reminded_once_by_the_alert(api: Api) -> None:
    batch_id, operator, ledger = await made_batch(api), await api.operator(), api.parts.ledger
    now = api.clock.now
    await given(api, batch_id, 30, ends_at=now + 2 * DAY_MS)
    await watch_slow_alerts(ledger, now - 2 * DAY_MS)
    assert good(await operator.get("/v1/alerts"))["alerts"] == []
    await watch_slow_alerts(ledger, now)
    [alert] = good(await operator.get("/v1/alerts"))["alerts"]
    facts = ("coupons_unused", batch_id, 80, 30, 30)
    assert tuple(alert[name] for name in ("kind", "about", "level", "amount", "left")) == facts
    assert alert["acts"] == ["remind", "dismiss"]

    path = f"/v1/alerts/{alert['id']}/act"
    for _ in range(2):
        reminded = good(await operator.post(path, json={"act": "remind"}))
        assert (reminded["state"], reminded["dismissed_by"]) == ("dismissed", "olga")
    async with ledger.read() as conn:
        asked = list(await conn.execute(select(messages.c.student, messages.c.kind)))
    assert len({row.student for row in asked}) == 30
    assert len(asked) == 30 * 2  # one for each channel
    assert {row.kind for row in asked} == {"coupon_expires"}

    # It is the same fault, so it stays hidden; and it ends when the coupons have.
    await watch_slow_alerts(ledger, now)
    assert good(await operator.get("/v1/alerts"))["alerts"] == []
    await watch_slow_alerts(ledger, now + 3 * DAY_MS)
    [ended] = good(await operator.get("/v1/alerts?state=ended"))["alerts"]
    assert ended["id"] == alert["id"]


async def test_used_coupons_and_few_coupons_raise_no_alert(api: Api) -> None:
    batch_id, ledger, now = await made_batch(api), api.parts.ledger, api.clock.now
    await given(api, batch_id, 45, ends_at=now + DAY_MS)
    async with ledger.begin() as conn:
        released = update(coupons).where(coupons.c.id.in_([f"cpn_{n}" for n in range(26)]))
        await conn.execute(released.values(state="released"))
    await watch_slow_alerts(ledger, now)

    assert good(await (await api.operator()).get("/v1/alerts"))["alerts"] == []


async def test_a_page_of_reminders_after_another_leaves_nobody_out(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id, ledger, now = await made_batch(api), api.parts.ledger, api.clock.now
    await given(api, batch_id, 7, ends_at=now + DAY_MS)
    monkeypatch.setattr(reminders, "AT_ONCE", 3)
    stores = Stores(ledger, api.parts.drop_desk, api.parts.feed)

    assert not await reminders.remind_of_batch(stores, batch_id, now + DAY_MS, now, 0)
    assert await reminders.remind_of_batch(stores, batch_id, now + DAY_MS, now, 60)

    async with ledger.read() as conn:
        reminded = set(await conn.scalars(select(messages.c.coupon_id)))
    assert reminded == {f"cpn_{number}" for number in range(7)}


async def test_a_split_that_is_off_is_told_and_ends_with_its_experiment(api: Api) -> None:
    made = [await made_batch(api) for _ in range(2)]
    variants = [{"batch_id": one, "share": 50} for one in made]
    operator = await api.operator()
    body = {"name": "20 or 30", "variants": variants}
    experiment = good(await operator.post("/v1/experiments", json=body), 201)["id"]
    await exposed(api, experiment, 0, 100)
    await exposed(api, experiment, 1, 95)
    assert await alerts_of(api) == []

    await exposed(api, experiment, 0, 300)
    [alert] = await alerts_of(api)

    assert (alert["kind"], alert["about"], alert["name"]) == ("split_off", experiment, "20 or 30")
    assert alert["reason"] == "300 : 95 ≠ 198 : 198"
    good(await operator.post(f"/v1/alerts/{alert['id']}/act", json={"act": "end"}))
    assert good(await operator.get(f"/v1/experiments/{experiment}"))["state"] == "ended"
    assert await alerts_of(api) == []


async def exposed(api: Api, experiment_id: str, variant: int, count: int) -> None:
    """Let so many students of the variant be exposed."""
    found = [Exposure(f"v{variant}_{number}", variant, NOW) for number in range(count)]
    async with api.parts.ledger.begin() as conn:
        await exposures.add(conn, experiment_id, found)
