"""Experiments: each student gets what their share says by every way, and the figures add up."""

from collections.abc import AsyncIterator, Collection
from itertools import count

import pytest
import pytest_asyncio

from server.clock import now_ms
from server.core.experiments.experiments import HELD_OUT, KEPT_MS
from server.core.ids import StudentId
from server.core.offers.roster import Present
from server.core.promotions.splits import place_of
from server.flows.events.number_events import number_events
from server.flows.experiments import expose
from server.flows.stores import Stores
from server.ledger.engine import Ledger
from server.ledger.experiments import exposures
from tests.support.builders.api import (
    ROOM,
    Api,
    Json,
    a_drop,
    a_template,
    an_order,
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
    """Yield the application on each database."""
    async with serving(ledger, desk) as made:
        yield made


async def started(api: Api, hold_out: int = 0) -> tuple[Json, list[Json]]:
    """Start an experiment with two fresh batches, half of the students each; return it and the batches."""
    validity = {"kind": "fixed", "from": "2026-01-01", "until": "2999-01-01"}
    template = (await api.made_template(validity=validity))["id"]
    batches = [await api.made_batch(template_id=template) for _ in range(2)]
    body = {
        "name": "20 or 30",
        "variants": [{"batch_id": one["id"], "share": 50} for one in batches],
        "hold_out": hold_out,
    }
    return good(await (await api.operator()).post("/v1/experiments", json=body), 201), batches


def students_of(experiment: Json, group: int, wanted: int = 1) -> list[str]:
    """Return students of the group, by the documented hash."""
    found: list[str] = []
    first = experiment["hold_out"] * 100
    half = first + (10_000 - first) // 2
    bounds = {HELD_OUT: (0, first), 0: (first, half), 1: (half, 10_000)}[group]
    for number in count():
        if bounds[0] <= place_of(experiment["id"], f"s{number}") < bounds[1]:
            found.append(f"s{number}")
        if len(found) == wanted:
            break
    return found


async def shown(api: Api, experiment: Json) -> Json:
    return good(await (await api.operator()).get(f"/v1/experiments/{experiment['id']}"))


async def dropped(api: Api, batch: Json) -> str:
    body = a_drop(batch_id=batch["id"])
    teacher = await api.teacher()
    return str(good(await teacher.post(f"/v1/rooms/{ROOM}/drops", json=body), 201)["id"])


async def claimed(api: Api, student: str, drop_id: str) -> Json:
    body = {"request_id": f"q-{student}"}
    return good(await (await api.student(student)).post(f"/v1/drops/{drop_id}/claims", json=body))


async def ignore(_last: int, _types: Collection[str]) -> None:
    """Announce nothing."""


async def followed(ledger: Ledger) -> None:
    await number_events(ledger, ignore)
    await expose.follow(ledger)


async def paid(api: Api, student: str, order_id: str, price: int, *, used: bool) -> None:
    mine = good(await (await api.student(student)).get("/v1/me/coupons"))["coupons"]
    order = {
        "order_id": order_id,
        "student": student,
        "order": an_order(price),
        "coupons": [one["code"] for one in mine] if used else [],
    }
    shop = await api.service()
    locked = good(await shop.post("/v1/redemptions", json=order), 201)
    good(await shop.post(f"/v1/redemptions/{locked['id']}/confirm", json={}))


async def test_a_drop_is_for_its_share_alone(school: Api, ledger: Ledger, desk: Desk) -> None:
    experiment, (first, second) = await started(school, hold_out=20)
    ann, ben, out = (students_of(experiment, group)[0] for group in (0, 1, HELD_OUT))
    drops = [await dropped(school, first), await dropped(school, second)]

    outcomes = {
        (student, number): (await claimed(school, student, drop_id))["outcome"]
        for student in (ann, ben, out)
        for number, drop_id in enumerate(drops)
    }

    assert [key for key, outcome in outcomes.items() if outcome == "won"] == [(ann, 0), (ben, 1)]
    assert set(outcomes.values()) == {"won", "not_eligible"}


async def test_a_code_is_for_its_share_alone(school: Api) -> None:
    experiment, (first, _) = await started(school)
    ann, ben = (students_of(experiment, group)[0] for group in (0, 1))
    operator = await school.operator()
    path = f"/v1/batches/{first['id']}/codes"
    good(await operator.post(path, json={"quantity": 1}), 201)
    (code,) = good(await operator.get(path))["codes"]
    typed = {"code": code["code"]}
    refused(await (await school.student(ben)).post("/v1/me/coupons", json=typed), 404, "not_found")
    answer = await (await school.student(ann)).post("/v1/me/coupons", json=typed)
    assert answer.is_success


async def test_cards_that_were_seen_are_exposures_once(
    school: Api, ledger: Ledger, desk: Desk
) -> None:
    experiment, (first, _) = await started(school)
    drop_id = await dropped(school, first)
    seen = students_of(experiment, 0, 3)
    stores = Stores(ledger, desk.drops, desk.feed)
    await desk.feed.add_seen(ROOM, drop_id, seen[:2])

    reader = expose.CardReader(stores)
    assert await reader.expose(now_ms() + 1_000) == 2
    await desk.feed.add_seen(ROOM, drop_id, seen)
    assert await reader.expose(now_ms() + 1_000) == 1
    assert await expose.CardReader(stores).expose(now_ms() + 1_000) == 0

    assert [one["exposed"] for one in (await shown(school, experiment))["figures"]] == [3, 0]


async def test_where_some_are_held_out_everybody_is_exposed_by_being_there(
    school: Api, ledger: Ledger, desk: Desk
) -> None:
    experiment, (first, second) = await started(school, hold_out=20)
    await dropped(school, first)
    await dropped(school, second)
    present = [name for group in (0, 1, HELD_OUT) for name in students_of(experiment, group, 2)]
    some = {name: Present(StudentId(name)) for name in present}
    await desk.feed.rosters.write(ROOM, "gwy_1", some, [], was_written=False)

    reader = expose.CardReader(Stores(ledger, desk.drops, desk.feed))
    await reader.expose(now_ms() + 1_000)

    figures = (await shown(school, experiment))["figures"]
    assert [one["batch_id"] for one in figures] == [first["id"], second["id"], None]
    assert [one["exposed"] for one in figures] == [2, 2, 2]


async def test_figures_are_what_exposed_students_claimed_used_and_paid(
    school: Api, ledger: Ledger, desk: Desk
) -> None:
    experiment, (first, _) = await started(school)
    drop_id = await dropped(school, first)
    ann, ben, *_ = students_of(experiment, 0, 2)
    (other,) = students_of(experiment, 1)
    for name in (ann, ben):
        assert (await claimed(school, name, drop_id))["outcome"] == "won"
    await confirm_all(school, desk)
    await followed(ledger)
    await followed(ledger)
    await paid(school, ann, "o-1", 5_000, used=True)
    await paid(school, ben, "o-2", 3_000, used=False)
    await paid(school, other, "o-3", 9_000, used=False)  # was not exposed
    shop = await school.service()
    refund = {"refund_id": "r-1", "lines": [{"id": "0", "amount": 500}]}
    good(await shop.post("/v1/orders/o-2/refunds", json=refund), 201)

    figures = (await shown(school, experiment))["figures"]

    assert figures[0] == {
        "batch_id": first["id"],
        **{"exposed": 2, "claimed": 2, "used": 1, "bought": 2, "orders": 2},
        **{"revenue": 4_000 + 2_500, "cost": 1_000},
        "per_student": {
            **{"claimed": 1.0, "used": 0.5, "bought": 1.0},
            **{"revenue": 3_250.0, "cost": 500.0},
        },
    }
    assert figures[1]["exposed"] == 0
    assert figures[1]["per_student"] is None


async def test_an_issuance_keeps_to_the_shares_and_its_hold_out_is_exposed(
    school: Api, ledger: Ledger
) -> None:
    experiment, (first, _) = await started(school, hold_out=20)
    ann, ben, out = (students_of(experiment, group)[0] for group in (0, 1, HELD_OUT))
    body = {"batch_id": first["id"], "students": [ann, ben, out], "reason": "x"}
    made = good(await (await school.service()).post("/v1/issuances", json=body))

    assert {one["student"]: one["outcome"] for one in made["items"]} == {
        ann: "issued",
        ben: "not_eligible",
        out: "held_out",
    }
    await followed(ledger)
    await paid(school, out, "o-1", 700, used=False)
    figures = (await shown(school, experiment))["figures"]
    assert [one["exposed"] for one in figures] == [1, 0, 1]
    assert figures[2]["revenue"] == 700


async def test_the_hold_out_of_an_issuance_is_no_group_of_the_experiment(
    school: Api, ledger: Ledger
) -> None:
    experiment, (first, _) = await started(school, hold_out=20)
    (ann,) = students_of(experiment, 0)
    body = {
        "batch_id": first["id"],
        "students": [ann],
        "reason": "x",
        "hold_out_percent": 100,
    }
    good(await (await school.service()).post("/v1/issuances", json=body))
    await followed(ledger)
    assert [one["exposed"] for one in (await shown(school, experiment))["figures"]] == [0, 0, 0]


async def test_groups_that_are_far_off_raise_the_alarm(school: Api, ledger: Ledger) -> None:
    experiment, (first, _) = await started(school)
    everybody = students_of(experiment, 0, 60)
    body = {"batch_id": first["id"], "students": everybody, "reason": "x"}
    api = await school.service()
    made = good(await api.post("/v1/issuances", json=body), 202)
    assert made["asked"] == 60
    async with ledger.begin() as conn:
        rows = [exposures.Exposure(name, 0, 0) for name in everybody]
        await exposures.add(conn, experiment["id"], rows)

    alarm = (await shown(school, experiment))["alarm"]

    assert alarm["exposed"] == [60, 0]
    assert alarm["expected"] == [30, 30]
    assert alarm["p_value"] < 0.001


async def test_after_the_end_batches_are_for_everybody_and_the_result_stays(
    school: Api, ledger: Ledger, desk: Desk
) -> None:
    experiment, (first, _) = await started(school)
    ann, ben = (students_of(experiment, group)[0] for group in (0, 1))
    drop_id = await dropped(school, first)
    await claimed(school, ann, drop_id)
    await confirm_all(school, desk)
    await followed(ledger)
    operator = await school.operator()

    ended = good(await operator.post(f"/v1/experiments/{experiment['id']}/end"))
    assert ended["state"] == "ended"
    assert good(await operator.post(f"/v1/experiments/{experiment['id']}/end")) == ended
    assert (await claimed(school, ben, await dropped(school, first)))["outcome"] == "won"

    await expose.delete_old(ledger, school.clock.now + KEPT_MS)
    await expose.delete_old(ledger, school.clock.now + KEPT_MS)
    assert await shown(school, experiment) == ended


async def test_a_batch_is_fresh_and_in_one_experiment(school: Api) -> None:
    _, (first, _) = await started(school)
    used = (await school.made_drop())["batch_id"]
    fresh = (await school.made_batch())["id"]
    in_dollars = await (await school.operator()).post(
        "/v1/templates", json=a_template(currency="USD")
    )
    dollars = (await school.made_batch(template_id=good(in_dollars, 201)["id"]))["id"]

    async def errors(*batch_ids: str, shares: tuple[int, ...] = (50, 50)) -> list[tuple[str, str]]:
        variants = [
            {"batch_id": one, "share": share} for one, share in zip(batch_ids, shares, strict=True)
        ]
        body = {"name": "x", "variants": variants}
        return field_errors(await (await school.operator()).post("/v1/experiments", json=body))

    assert await errors(fresh, first["id"]) == [("variants.1.batch_id", "in_experiment")]
    assert await errors(fresh, used) == [("variants.1.batch_id", "in_use")]
    assert await errors(fresh, dollars) == [("variants.1.batch_id", "currency")]
    assert await errors(fresh, "bat_none") == [("variants.1.batch_id", "unknown")]
    assert await errors(fresh, fresh) == [("variants.1.batch_id", "duplicate")]
    assert await errors(fresh, shares=(100,)) == [("variants", "nothing_to_compare")]
    assert ("variants", "not_100") in await errors(fresh, used, shares=(50, 40))


async def test_roles_lists_and_a_repeated_request(school: Api) -> None:
    experiment, _ = await started(school)
    operator, finance = await school.operator(), await school.finance()
    listed = good(await finance.get("/v1/experiments"))
    assert [one["id"] for one in listed["experiments"]] == [experiment["id"]]
    assert listed["next"] is None
    assert good(await finance.get(f"/v1/experiments/{experiment['id']}"))["interval"] != []
    refused(await finance.post(f"/v1/experiments/{experiment['id']}/end"), 403, "wrong_role")
    refused(await (await school.teacher()).get("/v1/experiments"), 403, "wrong_role")
    for call in (
        operator.get("/v1/experiments/exp_no"),
        operator.post("/v1/experiments/exp_no/end"),
    ):
        refused(await call, 404, "not_found")
    batch = await school.made_batch()
    body = {
        "name": "Once",
        "variants": [{"batch_id": batch["id"], "share": 90}],
        "hold_out": 10,
        "metadata": {"term": "spring"},
    }
    key = {"Idempotency-Key": "k-1"}
    made = [await operator.post("/v1/experiments", json=body, headers=key) for _ in range(2)]
    assert good(made[0], 201) == good(made[1], 201)
