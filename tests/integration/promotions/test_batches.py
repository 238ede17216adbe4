"""Templates and batches as operators make them."""

import asyncio
from dataclasses import replace

import pytest

from server.core.promotions.batches import Batch, BatchForm, ClaimWindow, RoomQuota
from server.core.promotions.templates import AmountOff, PercentOff, Template, TemplateForm
from server.core.refusals import Code, Refused
from server.desk.keys import shard_of
from server.flows.promotions.batches import create_batch
from server.flows.promotions.templates import create_template, replace_template
from server.ledger import idempotency
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from server.ledger.promotions import batch_stock, batches, templates
from tests.support.builders.classroom import TEMPLATE, granted, refused

pytestmark = pytest.mark.asyncio
NOW = 1_760_000_000_000
KEY = IdempotencyKey("op", "/v1/templates", "key-1", "hash-1")


async def made(
    ledger: Ledger, form: TemplateForm = TEMPLATE, key: IdempotencyKey | None = None
) -> Template | Refused:
    return await create_template(ledger, "op", form, key, NOW)


class TestTemplates:
    async def test_what_is_made_is_found_again(self, ledger: Ledger) -> None:
        form = replace(TEMPLATE, use_url="https://school.example/course", metadata={"term": "1"})
        template = granted(await made(ledger, form))
        async with ledger.read() as conn:
            assert await templates.find(conn, template.id) == template

        assert (template.version, template.created_at) == (1, NOW)

    async def test_a_bad_one_is_refused_by_its_fields(self, ledger: Ledger) -> None:
        answer = refused(await made(ledger, replace(TEMPLATE, name="", currency="XXX")))

        assert answer.facts["errors"] == [
            {"field": "name", "code": "too_short"},
            {"field": "currency", "code": "unknown"},
        ]

    async def test_each_replacement_is_a_version_and_the_old_ones_stay(
        self, ledger: Ledger
    ) -> None:
        first = granted(await made(ledger))
        form = replace(TEMPLATE, discount=PercentOff(20))
        second = granted(await replace_template(ledger, "op", first.id, 1, form, NOW + 1))
        async with ledger.read() as conn:
            assert await templates.find(conn, first.id) == second
            assert await templates.find(conn, first.id, 1) == first
            assert await templates.find(conn, first.id, 3) is None

        assert (second.version, second.discount) == (2, PercentOff(20))

    async def test_of_two_replacements_of_one_version_one_counts(self, ledger: Ledger) -> None:
        first = granted(await made(ledger))
        answers = await asyncio.gather(
            *(
                replace_template(
                    ledger, "op", first.id, 1, replace(TEMPLATE, discount=AmountOff(n)), NOW
                )
                for n in (1, 2)
            )
        )

        (late,) = [one for one in answers if isinstance(one, Refused)]
        assert (late.code, late.facts) == (Code.WRONG_STATE, {"version": 2})

    async def test_what_is_not_there_is_not_replaced(self, ledger: Ledger) -> None:
        answer = await replace_template(ledger, "op", "tpl_0", 1, TEMPLATE, NOW)

        assert refused(answer).code is Code.NOT_FOUND

    async def test_a_bad_replacement_is_refused(self, ledger: Ledger) -> None:
        first = granted(await made(ledger))
        bad = replace(TEMPLATE, name="")
        answer = await replace_template(ledger, "op", first.id, 1, bad, NOW)

        assert refused(answer).code is Code.INVALID_FIELD

    async def test_pages_are_of_current_versions_newest_template_first(
        self, ledger: Ledger
    ) -> None:
        ids = [granted(await made(ledger)).id for _ in range(3)]
        granted(await replace_template(ledger, "op", ids[0], 1, TEMPLATE, NOW))
        async with ledger.read() as conn:
            first = await templates.page(conn, 2)
            second = await templates.page(conn, 2, first[-1].id)

        assert [one.id for one in (*first, *second)] == sorted(ids, reverse=True)
        assert {one.id: one.version for one in (*first, *second)}[ids[0]] == 2


class TestSameRequestAgain:
    """Promise I4."""

    async def test_the_template_is_made_once_and_shown_as_it_is_now(self, ledger: Ledger) -> None:
        first = granted(await made(ledger, key=KEY))
        granted(await replace_template(ledger, "op", first.id, 1, TEMPLATE, NOW))
        again = granted(await made(ledger, key=KEY))

        assert (again.id, again.version) == (first.id, 2)

    async def test_at_the_same_moment_one_is_made(self, ledger: Ledger) -> None:
        answers = await asyncio.gather(*(made(ledger, key=KEY) for _ in range(5)))

        assert len({granted(one).id for one in answers}) == 1

    @pytest.mark.parametrize(
        "other", [{"subject": "op2"}, {"path": "/v1/batches"}, {"key": "key-2"}]
    )
    async def test_another_person_path_or_key_is_another_request(
        self, ledger: Ledger, other: dict[str, str]
    ) -> None:
        first = granted(await made(ledger, key=KEY))
        second = granted(await made(ledger, key=replace(KEY, **other)))

        assert first.id != second.id

    async def test_with_another_body_it_is_refused(self, ledger: Ledger) -> None:
        granted(await made(ledger, key=KEY))
        answer = await made(ledger, key=replace(KEY, body_hash="hash-2"))

        assert refused(answer).code is Code.IDEMPOTENCY_MISMATCH

    async def test_the_batch_is_made_once_and_shown_as_it_is_now(self, ledger: Ledger) -> None:
        template = granted(await made(ledger))
        form = BatchForm(template.id, "Tuesday", 100, "live", 1)
        first = granted(await create_batch(ledger, "op", form, KEY, NOW))
        async with ledger.begin() as conn:
            assert await batch_stock.take(conn, first, "101", 10)
        again = granted(await create_batch(ledger, "op", form, KEY, NOW))

        assert (again.id, again.remaining) == (first.id, 90)

    async def test_keys_are_forgotten_after_a_day(self, ledger: Ledger) -> None:
        granted(await made(ledger, key=KEY))
        async with ledger.begin() as conn:
            young = await idempotency.delete_expired(conn, NOW + idempotency.KEPT_MS - 1)
            old = await idempotency.delete_expired(conn, NOW + idempotency.KEPT_MS)

        assert (young, old) == (0, 1)


class TestBatches:
    async def test_what_is_made_is_found_again(self, ledger: Ledger) -> None:
        batch = await self._made(
            ledger,
            rooms=(RoomQuota("101", 40), RoomQuota("102")),
            claim_window=ClaimWindow(NOW, NOW + 1),
            code_prefix="LIVE",
            hold_seconds=60,
            metadata={"term": "1"},
        )
        async with ledger.read() as conn:
            assert await batches.find(conn, batch.id) == batch

        assert batch.shard == shard_of(batch.id)

    async def test_a_plain_one_is_found_again(self, ledger: Ledger) -> None:
        batch = await self._made(ledger, quantity=None)
        async with ledger.read() as conn:
            assert await batches.find(conn, batch.id) == batch
            assert await batches.find(conn, "bat_0") is None

    async def test_it_keeps_the_version_it_was_made_of(self, ledger: Ledger) -> None:
        batch = await self._made(ledger)
        granted(await replace_template(ledger, "op", batch.template_id, 1, TEMPLATE, NOW))
        async with ledger.read() as conn:
            found = await batches.find(conn, batch.id)

        assert found is not None
        assert found.template_version == 1

    async def test_a_bad_one_is_refused_by_its_fields(self, ledger: Ledger) -> None:
        template = granted(await made(ledger))
        bad = BatchForm(template.id, "", 0, "live", 1)
        answer = refused(await create_batch(ledger, "op", bad, None, NOW))

        assert answer.facts["errors"] == [
            {"field": "name", "code": "too_short"},
            {"field": "quantity", "code": "too_small"},
        ]

    async def test_there_has_to_be_a_template(self, ledger: Ledger) -> None:
        form = BatchForm("tpl_0", "Tuesday", 100, "live", 1)
        answer = refused(await create_batch(ledger, "op", form, None, NOW))

        assert answer.facts["errors"] == [{"field": "template_id", "code": "unknown"}]

    async def test_teachers_are_shown_what_their_rooms_may_drop(self, ledger: Ledger) -> None:
        open_to_all = await self._made(ledger)
        shared = await self._made(ledger, rooms=(RoomQuota("101", 5),))
        await self._made(ledger, rooms=(RoomQuota("102", 5),))
        await self._made(ledger, quantity=None)
        async with ledger.read() as conn:
            seen = await batches.page(conn, 10, None, {"101", "103"})
            everything = await batches.page(conn, 10)

        assert [batch.id for batch in seen] == [shared.id, open_to_all.id]
        assert len(everything) == 4

    async def test_pages_are_newest_first(self, ledger: Ledger) -> None:
        ids = [(await self._made(ledger)).id for _ in range(3)]
        async with ledger.read() as conn:
            first = await batches.page(conn, 2)
            second = await batches.page(conn, 2, first[-1].id)

        assert [one.id for one in (*first, *second)] == sorted(ids, reverse=True)

    async def test_taking_from_a_share_that_is_short_takes_nothing(self, ledger: Ledger) -> None:
        batch = await self._made(ledger, rooms=(RoomQuota("101", 5),))
        async with ledger.begin() as conn:
            assert not await batch_stock.take(conn, batch, "101", 6)
            assert not await batch_stock.take(conn, batch, "102", 1)
            assert await batch_stock.take(conn, batch, "101", 5)
            after = await batches.find(conn, batch.id)

        assert after is not None
        assert (after.allotted, after.droppable_in("101")) == (5, 0)

    async def _made(self, ledger: Ledger, **changes: object) -> Batch:
        template = granted(await made(ledger))
        form = BatchForm(template.id, "Tuesday", 100, "live", 1)
        form = replace(form, **changes)  # type: ignore[arg-type]
        return granted(await create_batch(ledger, "op", form, None, NOW))


async def test_a_ledger_that_is_away_is_a_refusal(tmp_path: object) -> None:
    away = Ledger.connect(f"postgresql://somebody@/db?host={tmp_path}")
    answer = await create_template(away, "op", TEMPLATE, None, NOW)
    await away.close()

    assert refused(answer).code is Code.UNAVAILABLE
