"""PATCH /v1/campaigns/{id}: budgets, limits and open drops after a campaign was changed."""

import asyncio

import pytest

from server.core.drops.claims import Outcome
from server.core.promotions.campaign_edits import CampaignEdit
from server.core.promotions.campaigns import Campaign, Money
from server.core.refusals import Code, Refused
from server.flows.drops.intents.drive_intents import drive_pending
from server.flows.events.number_events import number_events
from server.flows.promotions.budgets import raise_budget
from server.flows.promotions.edit_campaign import edit_campaign
from server.ledger.promotions import campaigns
from tests.integration.promotions.test_campaign_limits import rebuild, tap, two_drops
from tests.support.builders.api import ROOM, Api, Json, a_drop, field_errors, good, refused
from tests.support.builders.campaigns import MONEY, budget_of, parts_of, with_budget
from tests.support.builders.classroom import Classroom, granted, now_ms

pytestmark = pytest.mark.asyncio

LONG = {"starts_at": "2020-01-01", "ends_at": "2100-01-01"}
CAMPAIGN = {"name": "Spring", "purpose": "New faces", **LONG}
BUDGET = {"money": {"amount": 5_000, "currency": "CNY"}, "pieces": 5}


async def made(api: Api, **change: object) -> Json:
    operator = await api.operator()
    return good(await operator.post("/v1/campaigns", json={**CAMPAIGN, **change}), 201)


async def _nobody(_last: int, _types: object) -> None:
    """Announce to nobody."""


async def read(classroom: Classroom, campaign_id: str | None) -> Campaign:
    assert campaign_id is not None
    async with classroom.ledger.read() as conn:
        found = await campaigns.find(conn, campaign_id)
    assert found is not None
    return found


async def edited(
    classroom: Classroom, campaign_id: str | None, **changes: object
) -> Campaign | Refused:
    campaign = await read(classroom, campaign_id)
    edit = CampaignEdit(campaign.version, changes)
    return await edit_campaign(classroom.ledger, "op", campaign.id, edit, now_ms())


async def test_a_change_is_shown_told_and_kept_as_an_act(api: Api) -> None:
    campaign = await made(api, budget=BUDGET, per_student=1)
    path, operator = f"/v1/campaigns/{campaign['id']}", await api.operator()
    phases = [{"name": "all", "from": "2020-01-01", "until": "2100-01-01"}]
    body = {"name": "Summer", "budget": {**BUDGET, "pieces": 7}, "phases": phases}

    reply = await operator.patch(path, json=body, headers={"If-Match": '"1"'})

    changed = good(reply)
    assert reply.headers["ETag"] == '"2"'
    assert (changed["version"], changed["name"], changed["phase"]) == (2, "Summer", "all")
    assert (changed["budget"]["pieces"]["free"], changed["per_student"]) == (7, 1)
    (act,) = good(await operator.get("/v1/acts?action=campaign.changed"))["acts"]
    assert (act["subject"], act["detail"]["fields"]) == (
        *(campaign["id"], ["budget", "name", "phases"]),
    )
    assert act["detail"]["before"]["budget"]["pieces"] == 5
    assert act["detail"]["after"]["name"] == "Summer"
    await number_events(api.parts.ledger, _nobody)
    events = good(await operator.get("/v1/events?types=campaign.changed"))["events"]
    assert [(one["subject"], one["data"]["version"]) for one in events] == [(campaign["id"], 2)]


async def test_of_two_edits_of_one_version_one_succeeds(api: Api) -> None:
    campaign = await made(api)
    path, operator = f"/v1/campaigns/{campaign['id']}", await api.operator()

    replies = await asyncio.gather(
        *(
            operator.patch(path, json={"name": name}, headers={"If-Match": "1"})
            for name in ("A", "B")
        )
    )

    assert sorted(reply.status_code for reply in replies) == [200, 409]
    (overtaken,) = [reply for reply in replies if reply.status_code == 409]
    assert refused(overtaken, 409, "wrong_state")["version"] == 2


async def test_an_edit_names_its_version_and_the_campaign(api: Api) -> None:
    campaign = await made(api)
    operator, change = await api.operator(), {"name": "Summer"}
    path = f"/v1/campaigns/{campaign['id']}"

    assert field_errors(await operator.patch(path, json=change)) == [("If-Match", "missing")]
    version = {"If-Match": "1"}
    unknown = await operator.patch("/v1/campaigns/cmp_none", json=change, headers=version)
    refused(unknown, 404, "not_found")
    missing = await operator.patch(path, json={"name": None}, headers=version)
    assert field_errors(missing) == [("name", "missing")]
    same = good(await operator.patch(path, json={"name": "Spring"}, headers=version))
    assert same["version"] == 1
    finance = await api.finance()
    refused(await finance.patch(path, json=change, headers=version), 403, "wrong_role")


async def test_what_is_taken_stays_within_the_budget(api: Api) -> None:
    campaign = await made(api, budget=BUDGET)
    batch = await api.made_batch(campaign_id=campaign["id"])
    body = {"batch_id": batch["id"], **a_drop()}
    good(await (await api.teacher()).post(f"/v1/rooms/{ROOM}/drops", json=body), 201)
    operator, version = await api.operator(), {"If-Match": "1"}
    path = f"/v1/campaigns/{campaign['id']}"

    low = {"budget": {"money": {"amount": 2_999, "currency": "CNY"}, "pieces": 2}}
    answer = await operator.patch(path, json=low, headers=version)
    assert field_errors(answer) == [
        ("budget.money.amount", "below_taken"),
        ("budget.pieces", "below_taken"),
    ]
    gone = await operator.patch(path, json={"budget": None}, headers=version)
    assert field_errors(gone) == [("budget.money", "fixed"), ("budget.pieces", "fixed")]
    just = {"budget": {"money": {"amount": 3_000, "currency": "CNY"}, "pieces": 3}}
    money = good(await operator.patch(path, json=just, headers=version))["budget"]["money"]
    assert (money["amount"], money["free"], money["exposed"]) == (3_000, 0, 3_000)


async def test_before_its_first_batch_a_budget_comes_and_goes(api: Api) -> None:
    campaign = await made(api)
    operator, path = await api.operator(), f"/v1/campaigns/{campaign['id']}"

    some = {"budget": {"money": {"amount": 10, "currency": "USD"}}, "per_student": 3}
    changed = good(await operator.patch(path, json=some, headers={"If-Match": "1"}))
    assert changed["budget"]["money"]["free"] == 10
    none = {"budget": None, "per_student": None, "metadata": None, "phases": None}
    changed = good(await operator.patch(path, json=none, headers={"If-Match": "2"}))
    assert "budget" not in changed
    assert "per_student" not in changed


async def test_a_campaign_that_has_ended_is_not_changed(classroom: Classroom) -> None:
    batch = await with_budget(classroom, 5_000)
    campaign = await read(classroom, batch.campaign_id)
    edit = CampaignEdit(campaign.version, {"name": "Again"})

    ended = await edit_campaign(classroom.ledger, "op", campaign.id, edit, campaign.ends_at)

    assert isinstance(ended, Refused)
    assert (ended.code, ended.facts) == (Code.WRONG_STATE, {"state": "ended"})


async def test_a_raise_by_an_alert_is_not_taken_back(classroom: Classroom) -> None:
    batch = await with_budget(classroom, 5_000)
    seen = await read(classroom, batch.campaign_id)
    granted(await raise_budget(classroom.ledger, "op", seen.id, MONEY, 1_000, now_ms()))

    edit = CampaignEdit(seen.version, {"money": Money(5_500, "CNY")})
    overtaken = await edit_campaign(classroom.ledger, "op", seen.id, edit, now_ms())

    assert isinstance(overtaken, Refused)
    assert overtaken.facts == {"version": seen.version + 1}
    assert (await budget_of(classroom.ledger, seen.id)).amount == 6_000


async def test_the_books_add_up_after_drops_and_edits_at_once(classroom: Classroom) -> None:
    batch = await with_budget(classroom, 100_000, 100)
    amounts = (50_000, 60_000, 70_000)

    await asyncio.gather(
        *(classroom.opened(batch, quantity=2) for _ in range(3)),
        *(edited(classroom, batch.campaign_id, money=Money(each, "CNY")) for each in amounts),
    )

    free, exposed, _ = await parts_of(classroom.ledger, batch.campaign_id)
    assert exposed == 6_000
    assert free + exposed in (100_000, *amounts)


async def test_a_limit_that_moves_holds_in_drops_that_are_open(classroom: Classroom) -> None:
    first, second = await two_drops(classroom, per_student=1)
    assert (await tap(classroom, first, "ann")).outcome is Outcome.WON
    assert (await tap(classroom, second, "ann")).outcome is Outcome.LIMIT_REACHED
    await classroom.confirm(first.id)
    batch = await classroom.batch(second.batch_id)

    changed = granted(await edited(classroom, batch.campaign_id, per_student=2))
    await drive_pending(classroom.stores, 0, now_ms())

    assert changed.per_student == 2
    assert (await tap(classroom, second, "ann")).outcome is Outcome.WON
    await classroom.confirm(second.id)
    low = await edited(classroom, batch.campaign_id, per_student=1)
    assert isinstance(low, Refused)
    assert low.facts["errors"] == [{"field": "per_student", "code": "below_held"}]


async def test_a_lower_limit_counts_for_those_who_have_none_yet(classroom: Classroom) -> None:
    first, second = await two_drops(classroom, per_student=2)
    batch = await classroom.batch(second.batch_id)

    granted(await edited(classroom, batch.campaign_id, per_student=1))
    # A win that comes before the desk is told is kept, by the limit that it was won by.
    for drop in (first, second):
        assert (await tap(classroom, drop, "ann")).outcome is Outcome.WON
        await classroom.confirm(drop.id)
    await drive_pending(classroom.stores, 0, now_ms())

    assert (await tap(classroom, first, "bob")).outcome is Outcome.WON
    assert (await tap(classroom, second, "bob")).outcome is Outcome.LIMIT_REACHED


async def test_a_rebuilt_desk_has_the_new_limit_and_no_older_one_comes_after(
    classroom: Classroom,
) -> None:
    first, second = await two_drops(classroom, per_student=1)
    batch = await classroom.batch(first.batch_id)
    granted(await edited(classroom, batch.campaign_id, per_student=2))
    keys = [key async for key in classroom.desk.redis.scan_iter(f"{classroom.desk.prefix}:*")]
    await classroom.desk.redis.delete(*keys)
    await rebuild(classroom, batch.shard)

    for drop in (first, second):
        assert (await tap(classroom, drop, "ann")).outcome is Outcome.WON

    desk = classroom.desk.drops
    await desk.move_limit(batch.shard, second.id, 9, 3)
    await desk.move_limit(batch.shard, second.id, 8, 1)
    limit = await classroom.desk.redis.hget(
        classroom.desk.keys(batch.shard).drop(second.id), "per_campaign"
    )
    assert limit == b"3"
