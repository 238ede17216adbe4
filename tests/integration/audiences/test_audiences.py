"""Audiences: versions, previews, and members that are frozen where they are used."""

from datetime import UTC

import pytest
from sqlalchemy import func, select

from server.core.audiences.audiences import Audience, AudienceForm, AudienceKind, Preview
from server.core.audiences.student_events import day_of
from server.core.audiences.students import StudentForm
from server.core.coupons.issuances import NewIssuance
from server.core.refusals import Code, Refused
from server.flows.audiences.audiences import (
    AT_ONCE,
    create_audience,
    delete_unused,
    preview_audience,
    replace_audience,
)
from server.flows.audiences.students import upsert_students
from server.flows.coupons.issuing import issue
from server.ledger import tables
from server.ledger.audiences import audiences as rows
from server.ledger.audiences.rules import DAY_MS, Moment
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from tests.support.builders.coupon_rows import give_coupon
from tests.support.builders.money import NOW

pytestmark = pytest.mark.asyncio
MOMENT = Moment(NOW, day_of(NOW, UTC))


def a_list(*students: str) -> AudienceForm:
    return AudienceForm("Some", AudienceKind.LIST, students)


VIPS = AudienceForm("Vips", AudienceKind.TAG, tag="vip")
RULE = AudienceForm(
    "Rule", AudienceKind.RULE, rule={"any": [{"fact": "tag", "op": "=", "value": "vip"}]}
)


async def create(ledger: Ledger, form: AudienceForm, key: IdempotencyKey | None = None) -> Audience:
    made = await create_audience(ledger, "olga", form, key, NOW)
    assert isinstance(made, Audience), made
    return made


async def preview(ledger: Ledger, audience: Audience) -> Preview | Refused:
    return await preview_audience(ledger, audience.id, UTC, NOW)


async def an_issuance(ledger: Ledger) -> str:
    await give_coupon(ledger, 1)
    async with ledger.begin() as conn:
        batch_id = await conn.scalar(select(tables.batches.c.id))
        form = NewIssuance("for all", batch_id=batch_id)
        return (await issue.add(conn, form, actor="olga", now=NOW)).id


async def freeze(ledger: Ledger, audience_id: str, issuance_id: str) -> int | None:
    async with ledger.begin() as conn:
        return await rows.freeze(conn, audience_id, issuance_id, MOMENT)


async def frozen(ledger: Ledger) -> set[str]:
    async with ledger.read() as conn:
        return set(await conn.scalars(select(tables.issuance_items.c.student)))


async def test_a_list_keeps_its_order_and_drops_repetitions(ledger: Ledger) -> None:
    made = await create(ledger, a_list("bob", "ann", "bob"))
    assert made.size == 2
    assert await preview(ledger, made) == Preview(2, ("ann", "bob"))


async def test_a_list_of_several_pieces_is_whole(ledger: Ledger) -> None:
    made = await create(ledger, a_list(*(f"s{n}" for n in range(AT_ONCE + 1))))
    found = await preview(ledger, made)
    assert isinstance(found, Preview)
    assert (found.count, len(found.sample)) == (AT_ONCE + 1, 20)


@pytest.mark.parametrize("form", [VIPS, RULE], ids=["tag", "rule"])
async def test_a_tag_and_a_rule_say_who_is_in_now(ledger: Ledger, form: AudienceForm) -> None:
    made = await create(ledger, form)
    assert await preview(ledger, made) == Preview(0, ())
    vip = StudentForm("ann", tags=frozenset({"vip"}))
    await upsert_students(ledger, [vip, StudentForm("bob")], NOW)
    assert await preview(ledger, made) == Preview(1, ("ann",))


@pytest.mark.parametrize("form", [VIPS, RULE, a_list("ann")], ids=["tag", "rule", "list"])
async def test_members_are_frozen_once(ledger: Ledger, form: AudienceForm) -> None:
    vip = StudentForm("ann", tags=frozenset({"vip"}))
    await upsert_students(ledger, [vip, StudentForm("bob")], NOW)
    made, issuance = await create(ledger, form), await an_issuance(ledger)

    assert await freeze(ledger, made.id, issuance) == 1
    assert await freeze(ledger, made.id, issuance) == 0
    await replace_audience(ledger, "olga", made.id, 1, a_list("cem"), NOW)

    assert await frozen(ledger) == {"ann"}


async def test_an_audience_that_is_not_there_freezes_nothing(ledger: Ledger) -> None:
    issuance = await an_issuance(ledger)
    assert await freeze(ledger, "aud_no", issuance) is None


async def test_an_edit_is_a_new_version(ledger: Ledger) -> None:
    made = await create(ledger, a_list("ann"))
    second = await replace_audience(ledger, "olga", made.id, 1, a_list("bob"), NOW)
    late = await replace_audience(ledger, "olga", made.id, 1, VIPS, NOW)
    missing = await replace_audience(ledger, "olga", "aud_no", 1, VIPS, NOW)

    assert isinstance(second, Audience)
    assert isinstance(late, Refused)
    assert isinstance(missing, Refused)
    assert (second.version, late.code, late.facts) == (2, Code.WRONG_STATE, {"version": 2})
    assert missing.code is Code.NOT_FOUND
    assert await preview(ledger, second) == Preview(1, ("bob",))


async def test_the_same_key_creates_one_audience(ledger: Ledger) -> None:
    key = IdempotencyKey("olga", "/v1/audiences", "once", "hash")
    first, again = (
        await create(ledger, a_list("ann"), key),
        await create(ledger, a_list("ann"), key),
    )
    assert first.id == again.id


async def test_lists_that_nothing_names_are_deleted_after_a_day(ledger: Ledger) -> None:
    made = await create(ledger, a_list("ann", "bob"))
    await replace_audience(ledger, "olga", made.id, 1, a_list("cem"), NOW)
    async with ledger.begin() as conn:
        await rows.insert_list(conn, "lst_left", NOW)
        await rows.add_members(conn, "lst_left", [(0, "dan")])

    await delete_unused(ledger, NOW + DAY_MS)
    assert await _lists(ledger) == 3
    await delete_unused(ledger, NOW + DAY_MS + 1)
    assert await _lists(ledger) == 1
    current = await preview(ledger, made)
    assert current == Preview(1, ("cem",))


async def _lists(ledger: Ledger) -> int:
    async with ledger.read() as conn:
        query = select(func.count()).select_from(tables.audience_lists)
        return (await conn.execute(query)).scalar_one()
