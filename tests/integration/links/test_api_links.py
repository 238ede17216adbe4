"""Links over HTTP, on both databases: made, claimed, paused, ended, and counted."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from client_sdk.python.receipts import verify_receipt
from server.core.identity import Role
from server.core.instants import to_text
from server.core.links.links import LinkForm, LinkState
from server.desk.claims.outbox import Outbox
from server.desk.keys import SHARDS
from server.flows.consistency.rebuild.rebuild_desk import DeskRebuilder
from server.flows.drops.claims.persist_claims import ClaimPersister
from server.flows.drops.intents.drive_intents import close_overdue, drive_pending
from server.flows.drops.seal_drops import seal_drops
from server.flows.events.number_events import number_events
from server.flows.links.link_views import keep_opened
from server.flows.links.links import make_link
from server.flows.stores import Stores
from server.ledger.drops import drops
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
from tests.support.builders.classroom import granted, now_ms
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def school(ledger: Ledger, desk: Desk) -> AsyncIterator[Api]:
    """Yield the application on each database."""
    async with serving(ledger, desk) as made:
        yield made


async def made_link(api: Api, batch: Json | None = None, **change: object) -> Json:
    batch = batch or await api.made_batch()
    body = {"channel": "wechat", "quantity": 2, **change}
    operator = await api.operator()
    return good(await operator.post(f"/v1/batches/{batch['id']}/links", json=body), 201)


async def shown(api: Api, link: Json) -> Json:
    return good(await (await api.operator()).get(f"/v1/links/{link['id']}"))


async def changed(api: Api, link: Json, **change: object) -> Json:
    return good(await (await api.operator()).patch(f"/v1/links/{link['id']}", json=change))


async def claimed(api: Api, link: Json, student: str, request_id: str = "r1") -> Json:
    # Of a room that has nothing to do with it.
    client = await api.student(student, "elsewhere")
    return good(
        await client.post(f"/v1/links/{link['id']}/claims", json={"request_id": request_id})
    )


async def remaining(api: Api, batch_id: str) -> int:
    found = good(await (await api.operator()).get(f"/v1/batches/{batch_id}"))["remaining"]
    assert isinstance(found, int)
    return found


async def test_a_link_takes_units_of_its_batch(school: Api) -> None:
    batch = await school.made_batch()

    link = await made_link(school, batch, note="posters", metadata={"where": "hall"})

    assert await remaining(school, batch["id"]) == 98
    assert link["url"].endswith(f"/c/{link['slug']}")
    assert len(link["slug"]) == 10
    facts = (
        "channel",
        "note",
        "state",
        "quantity",
        "remaining",
        "per_student",
        "opened",
        "claimed",
    )
    assert [link[name] for name in facts] == ["wechat", "posters", "active", 2, 2, 1, 0, 0]
    assert link["metadata"] == {"where": "hall"}
    assert await shown(school, link) == link
    assert await shown(school, {"id": link["slug"]}) == link


async def test_students_of_any_room_claim_by_a_link_until_it_is_exhausted(
    school: Api, desk: Desk
) -> None:
    link = await made_link(school)

    outcomes = [(await claimed(school, link, name))["outcome"] for name in ("ann", "bob", "cyd")]
    again = await claimed(school, link, "ann")
    other = await claimed(school, link, "ann", "r2")
    await confirm_all(school, desk)
    coupon = (await claimed(school, {"id": link["slug"]}, "ann"))["coupon"]

    assert outcomes == ["won", "won", "sold_out"]
    assert (again["outcome"], again["drop_id"]) == ("won", link["drop_id"])
    assert other["outcome"] == "already_won"
    wallet = good(await (await school.student("ann", "elsewhere")).get("/v1/me/coupons"))
    assert [one["id"] for one in wallet["coupons"]] == [coupon["id"]]
    now = await shown(school, link)
    counts = ("state", "remaining", "claimed", "claimed_total", "confirmed", "used")
    assert [now[name] for name in counts] == ["exhausted", 0, 2, 2, 2, 0]


async def test_a_coupon_of_a_link_says_so(school: Api, desk: Desk) -> None:
    link = await made_link(school)
    await claimed(school, link, "ann")
    await confirm_all(school, desk)

    events = await numbered(school)

    (confirmed,) = [one for one in events if one["type"] == "coupon.confirmed"]
    assert confirmed["data"]["source"] == "link"
    assert confirmed["data"]["link_id"] == link["id"]
    assert "room" not in confirmed["data"]
    (opened,) = [one for one in events if one["type"] == "link.opened"]
    assert (opened["subject"], opened["data"]["quantity"]) == (link["id"], 2)
    assert not [one for one in events if one["type"].startswith("drop.")]


async def test_a_paused_link_gives_nothing_until_it_is_resumed(school: Api) -> None:
    link = await made_link(school)

    paused = await changed(school, link, state="paused")
    while_paused = (await claimed(school, link, "ann"))["outcome"]
    again = await changed(school, link, state="paused")
    resumed = await changed(school, link, state="active")

    assert (paused["state"], while_paused, again["state"]) == ("paused", "not_open", "paused")
    assert paused["closes_at"] == link["closes_at"]
    assert resumed == link
    assert (await claimed(school, link, "ann"))["outcome"] == "won"


async def test_a_paused_link_says_that_it_is_paused_and_no_time_at_which_it_opens(
    school: Api,
) -> None:
    link = await made_link(school)
    await changed(school, link, state="paused")

    refused = await claimed(school, link, "ann")

    assert (refused["outcome"], refused["why"]) == ("not_open", {"reason": "stopped"})


async def test_more_units_of_the_batch_are_added_to_a_link_once(school: Api) -> None:
    batch = await school.made_batch()
    link, operator = await made_link(school, batch, quantity=1), await school.operator()
    await claimed(school, link, "ann")
    assert (await shown(school, link))["state"] == "exhausted"
    path, more = f"/v1/links/{link['slug']}", {"add": 2, "expected_quantity": 1}

    topped_up = good(await operator.patch(path, json=more))
    again = refused(await operator.patch(path, json=more), 409, "wrong_state")

    counts = ("state", "quantity", "remaining", "claimed")
    assert [topped_up[name] for name in counts] == ["active", 3, 2, 1]
    assert (again["quantity"], await remaining(school, batch["id"])) == (3, 97)
    outcomes = [(await claimed(school, link, name))["outcome"] for name in ("bob", "cyd", "dan")]
    assert outcomes == ["won", "won", "sold_out"]
    changes = [one for one in await numbered(school) if one["type"] == "link.changed"]
    assert [one["data"]["quantity"] for one in changes] == [3]


async def test_a_paused_link_is_topped_up_and_stays_paused(school: Api, desk: Desk) -> None:
    link = await made_link(school)
    await changed(school, link, state="paused")

    topped_up = await changed(school, link, add=3, expected_quantity=2)
    while_paused = (await claimed(school, link, "ann"))["outcome"]
    await confirm_all(school, desk)
    await lose_and_rebuild(school, desk)
    resumed = await changed(school, link, state="active")

    assert (topped_up["state"], while_paused) == ("paused", "not_open")
    assert (resumed["state"], resumed["quantity"], resumed["remaining"]) == ("active", 5, 5)
    assert (await claimed(school, link, "ann"))["outcome"] == "won"


async def test_a_top_up_that_cannot_be_changes_nothing(school: Api) -> None:
    batch = await school.made_batch()
    link, operator = await made_link(school, batch), await school.operator()
    path = f"/v1/links/{link['id']}"

    short = await operator.patch(path, json={"add": 99, "expected_quantity": 2})
    assert refused(short, 409, "stock_short")["available"] == 98
    for body, fault in (
        ({"add": 1}, ("expected_quantity", "missing")),
        ({"expected_quantity": 2}, ("add", "missing")),
        ({"add": 1, "expected_quantity": 2, "state": "paused"}, ("add", "conflict")),
        ({"add": 0, "expected_quantity": 2}, ("add", "too_small")),
    ):
        assert field_errors(await operator.patch(path, json=body)) == [fault]
    assert await shown(school, link) == link
    await changed(school, link, state="ended")
    over = await operator.patch(path, json={"add": 1, "expected_quantity": 2})
    refused(over, 409, "wrong_state")
    assert await remaining(school, batch["id"]) == 100


async def test_a_pause_survives_the_loss_of_the_desk(school: Api, desk: Desk) -> None:
    link = await made_link(school)
    await claimed(school, link, "bob")
    await changed(school, link, state="paused")
    await confirm_all(school, desk)

    await lose_and_rebuild(school, desk)
    while_paused = (await claimed(school, link, "ann"))["outcome"]
    await changed(school, link, state="active")

    assert while_paused == "not_open"
    assert (await claimed(school, link, "ann"))["outcome"] == "won"
    assert (await claimed(school, link, "cyd"))["outcome"] == "sold_out"


async def test_units_of_an_ended_link_go_back_to_the_batch(school: Api, desk: Desk) -> None:
    batch = await school.made_batch()
    link = await made_link(school, batch)
    await claimed(school, link, "ann")
    await confirm_all(school, desk)

    ended = await changed(school, link, state="ended")
    again = await changed(school, link, state="ended")

    assert (ended["state"], ended["reason"], ended["returned"]) == ("ended", "stopped", 1)
    assert again == ended
    assert await remaining(school, batch["id"]) == 99
    assert (await claimed(school, link, "bob"))["outcome"] == "closed"
    operator = await school.operator()
    path = f"/v1/links/{link['id']}"
    refused(await operator.patch(path, json={"state": "active"}), 409, "wrong_state")
    noted = good(await operator.patch(path, json={"note": "posters taken down"}))
    assert noted["note"] == "posters taken down"


async def test_a_link_ends_by_itself(school: Api, desk: Desk) -> None:
    batch = await school.made_batch()
    link = await made_link(school, batch, closes_at="2026-03-01T10:00:00Z")
    async with school.parts.ledger.read() as conn:
        row = await drops.find(conn, link["drop_id"])
    assert row is not None
    assert row.window is not None
    assert row.window.closes_at - row.window.opens_at == 3_600_000

    # As if its hour were over by the desk's clock.
    await desk.redis.hset(desk.keys(row.shard).drop(row.id), "closes_at", row.window.opens_at)
    await close_overdue(_stores(school), row.window.closes_at)

    found = await shown(school, link)
    assert (found["state"], found["reason"], found["returned"]) == ("ended", "ended", 2)
    assert await remaining(school, batch["id"]) == 100


async def test_an_end_is_moved_on_the_desk_as_well(school: Api, desk: Desk) -> None:
    link = await made_link(school, closes_at="2026-03-01T10:00:00Z")
    assert await hours_of(school, desk, link) == 1

    later = await changed(school, link, closes_at="2026-03-01T12:00:00Z")
    await changed(school, link, state="paused")
    sooner = await changed(school, link, closes_at="2026-03-01T11:00:00Z")
    await changed(school, link, state="active")

    assert (later["closes_at"], sooner["closes_at"]) == (
        "2026-03-01T12:00:00.000Z",
        "2026-03-01T11:00:00.000Z",
    )
    assert await hours_of(school, desk, link) == 2
    over = {"closes_at": "2026-03-01T08:00:00Z"}
    answer = await (await school.operator()).patch(f"/v1/links/{link['id']}", json=over)
    assert field_errors(answer) == [("closes_at", "too_small")]


async def test_a_link_opens_at_its_very_moment(school: Api) -> None:
    batch, now = await school.made_batch(), now_ms()
    moment = now + 60_250
    form = LinkForm(batch["id"], "wechat", 2, opens_at=moment)

    link = granted(await make_link(_stores(school), form, None, now))

    assert (link.state, link.link.opens_at) == (LinkState.ACTIVE, moment)
    async with school.parts.ledger.read() as conn:
        row = await drops.find(conn, link.link.drop_id)
    assert row is not None
    assert row.opens_at == moment
    refused = await claimed(school, {"id": link.id}, "ann")
    assert (refused["outcome"], refused["why"]["opens_at"]) == ("not_open", to_text(moment))


async def hours_of(api: Api, desk: Desk, link: Json) -> float:
    """Return how long the link is open on the desk."""
    async with api.parts.ledger.read() as conn:
        row = await drops.find(conn, link["drop_id"])
    assert row is not None
    counts = await desk.drops.counts(row.shard, row.id)
    assert counts is not None
    assert counts.window is not None
    return (counts.window.closes_at - counts.window.opens_at) / 3_600_000


async def test_a_link_that_ended_is_sealed_and_each_student_reads_their_own(
    school: Api, desk: Desk
) -> None:
    link = await made_link(school)
    await claimed(school, link, "ann")
    await confirm_all(school, desk)
    await changed(school, link, state="ended")
    stores = Stores(school.parts.ledger, desk.drops, desk.feed)
    assert await seal_drops(stores, school.clock()) == 1

    path = f"/v1/drops/{link['drop_id']}/receipt"
    mine = good(await (await school.student("ann", "elsewhere")).get(path))
    sealed = (await numbered(school))[-1]
    assert (mine["count"], mine["stock"], mine["own"]["student"]) == (1, 2, "ann")
    assert verify_receipt(mine, sealed["data"]["seal"]) is None
    assert (sealed["type"], sealed["subject"]) == ("link.sealed", link["id"])
    whole = good(
        await (await school.student("ann", "elsewhere")).get(path, params={"leaves": "true"})
    )
    assert whole == {**mine, "leaves": [mine["own"]["leaf"]]}
    other_one = good(await (await school.student("eve", "elsewhere")).get(path))
    assert "own" not in other_one
    assert other_one["why"] == {"reason": "ended", "closed_at": mine["closed_at"]}
    refused(
        await (await school.as_(Role.INSTRUCTOR, "bob", "elsewhere")).get(path), 403, "wrong_room"
    )
    other = await (await school.student("ann", "elsewhere")).get(path, params={"seal": "0" * 64})
    refused(other, 404, "not_found")


async def test_a_dead_process_leaves_a_pause_that_a_worker_finishes(
    school: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = await made_link(school)
    monkeypatch.setattr("server.flows.links.links.drive", _nothing)

    await changed(school, link, state="paused")
    before = (await claimed(school, link, "ann"))["outcome"]
    await drive_pending(_stores(school), 0, school.clock.now)

    assert before == "won"
    assert (await claimed(school, link, "bob"))["outcome"] == "not_open"


async def test_the_same_key_makes_one_link(school: Api) -> None:
    batch = await school.made_batch()
    operator = await school.operator()
    path, key = f"/v1/batches/{batch['id']}/links", {"Idempotency-Key": "k1"}
    body = {"channel": "qr", "quantity": 3}

    first = good(await operator.post(path, json=body, headers=key), 201)
    second = good(await operator.post(path, json=body, headers=key), 201)
    third = good(await operator.post(path, json=body), 201)

    assert first == second
    listed = good(await operator.get(path, params={"limit": 1}))
    assert ([one["id"] for one in listed["links"]], listed["next"]) == ([third["id"]], third["id"])
    rest = good(await operator.get(path, params={"limit": 1, "after": listed["next"]}))
    assert ([one["id"] for one in rest["links"]], rest["next"]) == ([first["id"]], None)
    refused(await operator.get("/v1/batches/bat_none/links"), 404, "not_found")


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"quantity": 0}, [("quantity", "too_small")]),
        ({"channel": ""}, [("channel", "too_short")]),
        ({"per_student": 2}, [("per_student", "unsupported")]),
        ({"task": {"kind": "watch", "minutes": 5}}, [("task", "unsupported")]),
        ({"closes_at": "2026-02-01T09:00:00Z"}, [("closes_at", "too_small")]),
        ({"closes_at": "2028-02-01T09:00:00Z"}, [("closes_at", "too_large")]),
    ],
)
async def test_a_link_that_makes_no_sense_is_refused(
    school: Api, change: Json, errors: list[tuple[str, str]]
) -> None:
    batch = await school.made_batch()
    before = await school.row_counts()
    body = {"channel": "qr", "quantity": 3, **change}

    answer = await (await school.operator()).post(f"/v1/batches/{batch['id']}/links", json=body)

    assert field_errors(answer) == errors
    assert await school.row_counts() == before


async def test_a_batch_without_enough_units_makes_no_link(school: Api) -> None:
    batch = await school.made_batch(quantity=5)
    unlimited = await school.made_batch(quantity=None)
    for_rooms = await school.made_batch(rooms=[{"room": "math-7"}])
    operator = await school.operator()

    async def refusal(of: Json, code: str) -> Json:
        body = {"channel": "qr", "quantity": 6}
        answer = await operator.post(f"/v1/batches/{of['id']}/links", json=body)
        return refused(answer, 409, code)

    assert (await refusal(batch, "stock_short"))["available"] == 5
    await refusal(unlimited, "wrong_state")
    await refusal(for_rooms, "wrong_state")


async def test_a_link_counts_against_the_limit_of_its_batch(school: Api) -> None:
    batch = await school.made_batch()
    first, second = await made_link(school, batch), await made_link(school, batch)

    assert (await claimed(school, first, "ann"))["outcome"] == "won"
    limited = await claimed(school, second, "ann")

    assert (limited["outcome"], limited["limit"]) == ("limit_reached", "batch")


async def test_a_stop_holds_for_links(school: Api, desk: Desk) -> None:
    batch = await school.made_batch()
    link = await made_link(school, batch)
    operator = await school.operator()

    good(
        await operator.post(f"/v1/batches/{batch['id']}/stop", json={"claims": True, "reason": "x"})
    )

    assert (await claimed(school, link, "ann"))["outcome"] == "not_open"


async def test_the_task_of_a_link_comes_before_a_claim(school: Api) -> None:
    link = await made_link(school, task={"kind": "sign_in"})
    ann = await school.student("ann", "elsewhere")

    before = await claimed(school, link, "ann")
    good(await ann.post(f"/v1/drops/{link['drop_id']}/sign-in"))

    assert link["task"] == {"kind": "sign_in"}
    assert before["outcome"] == "task_open"
    assert (await claimed(school, link, "ann"))["outcome"] == "won"


async def test_anybody_sees_the_card_and_nobody_changes_anything_by_it(school: Api) -> None:
    link = await made_link(school, message="for our readers")
    before, visitor = await school.row_counts(), await school.client()

    card = good(await visitor.get(f"/v1/links/{link['slug']}/card"))
    for path in (f"/v1/links/{link['slug']}/card", f"/v1/links/{link['id']}/card"):
        for method in ("GET", "HEAD"):
            assert (await visitor.request(method, path)).status_code == 200
    refused(await visitor.get(f"/v1/links/{link['slug']}/claims"), 405, "wrong_method")
    refused(await visitor.get("/v1/links/nothing/card"), 404, "not_found")
    refused(await visitor.get("/v1/links/no-name/card"), 404, "not_found")

    assert (card["state"], card["drop"]["name"], card["drop"]["state"]) == (
        "active",
        "Ten off",
        "open",
    )
    assert card["drop"]["message"] == "for our readers"
    assert not {"note", "channel", "batch_id"} & {*card, *card["drop"]}
    assert await school.row_counts() == before
    assert await shown(school, link) == link


async def test_visitors_are_counted_once_each(school: Api, desk: Desk) -> None:
    link, visitor = await made_link(school), await school.client()
    path = f"/v1/links/{link['slug']}/opened"

    for name in ("visitor-1", "visitor-2", "visitor-1"):
        good(await visitor.post(path, json={"visitor": name}))
    await keep_opened(_stores(school), school.clock.now)

    assert (await shown(school, link))["opened"] == 2
    assert field_errors(await visitor.post(path, json={"visitor": "x"})) == [
        ("visitor", "bad_format")
    ]
    for name in ("nothing", "a%00b"):
        unknown = await visitor.post(f"/v1/links/{name}/opened", json={"visitor": "visitor-1"})
        refused(unknown, 404, "not_found")
    await lose(desk)
    assert (await shown(school, link))["opened"] == 2


async def test_the_card_of_an_ended_link_says_why(school: Api) -> None:
    link, visitor = await made_link(school), await school.client()
    good(await visitor.get(f"/v1/links/{link['slug']}/card"))

    await changed(school, link, state="ended")

    card = good(await visitor.get(f"/v1/links/{link['slug']}/card"))
    assert (card["state"], card["reason"], card["drop"]["state"]) == ("ended", "stopped", "closed")


async def test_the_qr_code_of_a_link_is_dark_on_white(school: Api) -> None:
    link = await made_link(school)
    operator = await school.operator()

    answer = await operator.get(f"/v1/links/{link['id']}/qr.svg", params={"size": 300})

    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.text.startswith('<svg width="300" height="300"')
    assert 'fill="#fff"' in answer.text
    assert 'stroke="#000"' in answer.text
    assert field_errors(
        await operator.get(f"/v1/links/{link['id']}/qr.svg", params={"size": 5})
    ) == [("size", "too_small")]
    refused(await operator.get("/v1/links/lnk_none/qr.svg"), 404, "not_found")


async def test_the_qr_code_of_a_drop_is_for_its_teacher(school: Api) -> None:
    drop = await school.made_drop()
    path = f"/v1/rooms/{ROOM}/drops/{drop['id']}/qr.svg"

    answer = await (await school.teacher()).get(path)

    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.text.startswith('<svg width="480"')
    refused(await (await school.student()).get(path), 403, "wrong_role")
    other = path.replace(drop["id"], "drp_none")
    refused(await (await school.teacher()).get(other), 404, "not_found")


async def test_only_operators_make_links_and_only_students_claim(school: Api) -> None:
    link, teacher, ann = await made_link(school), await school.teacher(), await school.student()

    for client in (teacher, ann):
        body = {"channel": "qr", "quantity": 1}
        answer = await client.post(f"/v1/batches/{link['batch_id']}/links", json=body)
        refused(answer, 403, "wrong_role")
        refused(await client.patch(f"/v1/links/{link['id']}", json={}), 403, "wrong_role")
    claim = await teacher.post(f"/v1/links/{link['id']}/claims", json={"request_id": "r1"})
    refused(claim, 403, "wrong_role")
    good(await (await school.finance()).get(f"/v1/links/{link['id']}"))
    missing = await ann.post("/v1/links/lnk_none/claims", json={"request_id": "r1"})
    refused(missing, 404, "not_found")


async def lose(desk: Desk) -> None:
    async for key in desk.redis.scan_iter(f"{desk.prefix}*"):
        await desk.redis.delete(key)


async def lose_and_rebuild(api: Api, desk: Desk) -> None:
    """Lose all that is in Redis, and load it from the ledger."""
    await lose(desk)
    outbox = Outbox(desk.redis, desk.prefix, "tests")
    persister = ClaimPersister(api.parts.ledger, desk.fence, desk.feed)
    rebuilder = DeskRebuilder(api.parts.ledger, desk.fence, desk.feed, outbox, persister)
    for shard in range(SHARDS):
        assert await rebuilder.rebuild(shard, api.clock.now)


async def numbered(api: Api) -> list[Json]:
    """Return all events, as the school reads them."""
    await number_events(api.parts.ledger, _ignore)
    return list(good(await (await api.service()).get("/v1/events"))["events"])


async def _ignore(*_: object) -> None:
    return None


async def _nothing(*_: object) -> None:
    return None


def _stores(api: Api) -> Stores:
    return Stores(api.parts.ledger, api.parts.drop_desk, api.parts.feed)
