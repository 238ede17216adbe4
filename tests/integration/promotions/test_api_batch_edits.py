"""Batches changed over HTTP, and templates that change under coupons."""

import httpx
import pytest

from server.core.instants import to_text
from tests.support.builders.api import (
    ROOM,
    Api,
    Json,
    a_batch,
    a_drop,
    a_template,
    an_order,
    confirm_all,
    field_errors,
    good,
    refused,
)
from tests.support.builders.classroom import now_ms
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio
FROM, UNTIL, LATER = "2020-01-01T00:00:00.000Z", "2090-01-01T00:00:00.000Z", "2091-01-01"


async def edit(api: Api, batch: Json, /, version: int | None = None, **changes: object) -> Json:
    return good(await edited(api, batch, version, **changes))


async def edited(
    api: Api, batch: Json, /, version: int | None = None, **changes: object
) -> httpx.Response:
    headers = {"If-Match": f'"{version or batch["version"]}"'}
    operator = await api.operator()
    return await operator.patch(f"/v1/batches/{batch['id']}", json=changes, headers=headers)


async def dropped(api: Api, batch: Json, room: str = ROOM, **change: object) -> Json:
    teacher = await api.teacher(room)
    body = a_drop(batch_id=batch["id"], **change)
    return good(await teacher.post(f"/v1/rooms/{room}/drops", json=body), 201)


async def test_everything_may_change_before_anything_is_made_of_it(api: Api) -> None:
    batch = await api.made_batch()
    other = await api.made_template(name="Other")
    changes = {
        "template_id": other["id"],
        "name": "Friday",
        "quantity": 5,
        "channel": "wechat",
        "per_student": 3,
        "per_person": 4,
        "per_device": 2,
        "code_prefix": "FRI",
        "hold_seconds": 60,
        "rooms": [{"room": "b", "quantity": 2}],
        "claim_window": {"from": FROM, "until": UNTIL},
        "metadata": {"a": "b"},
    }

    changed = await edit(api, batch, **changes)

    assert {name: changed[name] for name in changes if name != "rooms"} == {
        name: value for name, value in changes.items() if name != "rooms"
    }
    assert changed["rooms"] == [{"room": "b", "quantity": 2, "remaining": 2}]
    assert (changed["version"], changed["template"]["name"]) == (2, "Other")
    found = await (await api.operator()).get(f"/v1/batches/{batch['id']}")
    assert good(found) == changed
    assert found.headers["etag"] == '"2"'
    await dropped(api, changed, "b", quantity=2)


async def test_a_limit_for_persons_follows_that_for_students_unless_it_was_set(api: Api) -> None:
    followed = await edit(api, await api.made_batch(), per_student=3)
    assert followed["per_person"] == 3
    kept = await edit(api, await api.made_batch(per_person=2), per_student=3)
    assert kept["per_person"] == 2
    reset = await edit(api, kept, per_person=None)
    assert reset["per_person"] == 3


async def test_afterwards_only_what_nobody_was_promised_otherwise(api: Api) -> None:
    batch = await api.made_batch(claim_window={"from": FROM, "until": UNTIL})
    drop = await dropped(api, batch)

    answer = await edited(api, batch, channel="wechat", per_student=2, per_device=1, name="Friday")
    changed = await edit(
        api,
        batch,
        name="Friday",
        metadata={"a": "b"},
        quantity=120,
        expected_quantity=100,
        claim_window={"from": FROM, "until": LATER},
    )

    assert sorted(field_errors(answer)) == [
        *(("channel", "fixed"), ("per_device", "fixed"), ("per_student", "fixed")),
    ]
    assert (changed["name"], changed["quantity"], changed["remaining"]) == ("Friday", 120, 117)
    shown = good(await (await api.teacher()).get(f"/v1/rooms/{ROOM}/drops/{drop['id']}"))
    assert shown["closes_at"] == drop["closes_at"]


@pytest.mark.parametrize("made", ["a prepared drop", "codes"])
async def test_what_is_prepared_or_printed_counts_as_made(api: Api, made: str) -> None:
    batch = await api.made_batch()
    if made == "codes":
        path = f"/v1/batches/{batch['id']}/codes"
        good(await (await api.operator()).post(path, json={"quantity": 1}), 201)
    else:
        await dropped(api, batch, start="prepared")
    assert field_errors(await edited(api, batch, code_prefix="X")) == [("code_prefix", "fixed")]


async def test_less_or_earlier_is_refused_and_changes_nothing(api: Api) -> None:
    batch = await api.made_batch(claim_window={"from": FROM, "until": UNTIL})
    await dropped(api, batch)
    less = await edited(api, batch, quantity=99, expected_quantity=100)
    earlier = await edited(api, batch, claim_window={"from": FROM, "until": "2089-01-01"})
    unseen = await edited(api, batch, quantity=101)

    assert field_errors(less) == [("quantity", "only_up")]
    assert field_errors(earlier) == [("claim_window.until", "only_later")]
    assert field_errors(unseen) == [("expected_quantity", "missing")]
    found = good(await (await api.operator()).get(f"/v1/batches/{batch['id']}"))
    assert {**found, "remaining": 100, "droppable": 100} == batch


async def test_more_units_may_be_dropped_at_once(api: Api) -> None:
    batch = await api.made_batch(quantity=3)
    await dropped(api, batch)
    await edit(api, batch, quantity=5, expected_quantity=3)
    await dropped(api, batch, quantity=2)


async def test_an_edit_of_an_older_version_is_told_the_current_one(api: Api) -> None:
    batch = await api.made_batch()
    await edit(api, batch, name="First")
    answer = await edited(api, batch, name="Second")
    assert refused(answer, 409, "wrong_state")["version"] == 2
    changed = await edit(api, batch, 2, quantity=50, expected_quantity=100)
    stale = await edited(api, changed, quantity=60, expected_quantity=100)
    assert refused(stale, 409, "wrong_state")["quantity"] == 50


async def test_an_edit_needs_a_version_a_batch_and_an_operator(api: Api) -> None:
    batch, operator = await api.made_batch(), await api.operator()
    path = f"/v1/batches/{batch['id']}"
    assert field_errors(await operator.patch(path, json={})) == [("If-Match", "missing")]
    headers = {"If-Match": "1"}
    answer = await operator.patch("/v1/batches/bat_no", json={}, headers=headers)
    refused(answer, 404, "not_found")
    answer = await (await api.teacher()).patch(path, json={}, headers=headers)
    refused(answer, 403, "wrong_role")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"name": None}, ("name", "missing")),
        ({"name": ""}, ("name", "too_short")),
        ({"template_id": "tpl_nowhere"}, ("template_id", "unknown")),
        ({"campaign_id": "cmp_1"}, ("campaign_id", "fixed")),
        ({"per_student": 0}, ("per_student", "too_small")),
        ({"claim_window": {"from": UNTIL, "until": FROM}}, ("claim_window.until", "empty_window")),
    ],
)
async def test_what_makes_no_sense_is_named(
    api: Api, changes: Json, error: tuple[str, str]
) -> None:
    batch = await api.made_batch()
    assert error in field_errors(await edited(api, batch, **changes))


async def test_an_end_that_moved_is_the_end_of_coupons_that_are_capped_there(
    api: Api, desk: Desk
) -> None:
    """The same where a worker has confirmed claims of the batch before, and cached it."""
    validity = {"kind": "relative", "seconds": 30 * 86_400, "cap_at_batch_end": True}
    template = await api.made_template(validity=validity)
    tomorrow, later = (to_text(now_ms() + days * 86_400_000) for days in (1, 2))
    window = {"from": FROM, "until": tomorrow}
    batch = await api.made_batch(template_id=template["id"], per_student=2, claim_window=window)
    for student, until in (("ann", tomorrow), ("bob", later)):
        drop = await dropped(api, batch)
        client = await api.student(student)
        claim = await client.post(f"/v1/drops/{drop['id']}/claims", json={"request_id": "r"})
        assert good(claim)["outcome"] == "won"
        await confirm_all(api, desk)
        (coupon,) = good(await client.get("/v1/me/coupons"))["coupons"]
        assert coupon["valid_until"] == until
        if student == "ann":
            await edit(api, batch, claim_window={"from": FROM, "until": later})


async def test_coupons_keep_the_version_they_were_claimed_under(api: Api, desk: Desk) -> None:
    """Claimed under the first version, edited, claimed under the second: each takes off its own."""
    always = {"kind": "fixed", "from": FROM, "until": UNTIL}
    template, operator = await api.made_template(validity=always), await api.operator()
    ann = await api.student("ann")
    first = await claimed(api, desk, template)
    dearer = a_template(discount={"kind": "amount_off", "amount": 2_500}, validity=always)
    path = f"/v1/templates/{template['id']}"
    good(await operator.put(path, json=dearer, headers={"If-Match": "1"}))
    second = await claimed(api, desk, template)

    saved = {
        code: good(
            await ann.post("/v1/quotes", json={"order": an_order(9_000), "coupons": [code]})
        )["discount"]
        for code in (first, second)
    }
    wallet = good(await ann.get("/v1/me/coupons"))["coupons"]

    assert saved == {first: 1_000, second: 2_500}
    assert {one["code"]: one["template"]["version"] for one in wallet} == {first: 1, second: 2}


async def claimed(api: Api, desk: Desk, template: Json) -> str:
    """Let ann claim a coupon of a new batch of the template's current version; return the code."""
    ann, operator = await api.student("ann"), await api.operator()
    body = {"template_id": template["id"], **a_batch()}
    batch = good(await operator.post("/v1/batches", json=body), 201)
    drop = await dropped(api, batch)
    claim = await ann.post(f"/v1/drops/{drop['id']}/claims", json={"request_id": "r1"})
    assert good(claim)["outcome"] == "won"
    await confirm_all(api, desk)
    coupons = good(await ann.get("/v1/me/coupons"))["coupons"]
    return next(str(one["code"]) for one in coupons if one["batch_id"] == batch["id"])


async def test_a_batch_keeps_its_version_unless_its_template_is_sent_again(api: Api) -> None:
    batch, operator = await api.made_batch(), await api.operator()
    path = f"/v1/templates/{batch['template_id']}"
    good(await operator.put(path, json=a_template(), headers={"If-Match": "1"}))
    named = await edit(api, batch, name="Friday")
    taken = await edit(api, named, template_id=batch["template_id"])
    await dropped(api, taken)
    good(await operator.put(path, json=a_template(), headers={"If-Match": "2"}))
    kept = await edit(api, taken, template_id=batch["template_id"])

    versions = [one["template_version"] for one in (batch, named, taken, kept)]
    assert versions == [1, 1, 2, 2]
