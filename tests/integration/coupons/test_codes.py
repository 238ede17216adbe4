"""Codes made in bulk, from the batch's own stock, on both databases; listed and voided."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from server.core.coupons import codes as code_rules
from server.core.coupons.code_runs import CodeRun, CodeState, Source
from server.core.refusals import Code, Refused
from server.flows.coupons import codes as flows
from server.flows.coupons.codes import (
    LEFT_BEHIND_MS,
    drive_run,
    finish_runs,
    list_codes,
    void_codes,
)
from server.ledger import tables
from server.ledger.consistency import unit_audit
from server.ledger.coupons import codes as rows
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from server.ledger.promotions import batch_stock
from tests.support.builders.classroom import Classroom, granted, now_ms, refused

pytestmark = pytest.mark.asyncio
KEY = IdempotencyKey("op", "/v1/batches/x/codes", "key-1", "hash-1")
A_PIECE = flows.AT_ONCE


async def make(
    ledger: Ledger, batch_id: str, quantity: int, key: IdempotencyKey | None = None
) -> CodeRun | Refused:
    return await flows.make_codes(
        ledger,
        actor="op",
        batch_id=batch_id,
        quantity=quantity,
        source=Source.LIST,
        key=key,
        now=now_ms(),
    )


async def coupons_of(ledger: Ledger, batch_id: str) -> int:
    query = select(func.count()).where(tables.coupons.c.batch_id == batch_id)
    async with ledger.read() as conn:
        return int((await conn.execute(query)).scalar_one())


async def balances(ledger: Ledger) -> bool:
    """Assert that the counter of each batch is the number of units that its drops and codes have."""
    async with ledger.read() as conn:
        return await unit_audit.mismatched_counters(conn) == []


async def all_codes(ledger: Ledger, batch_id: str) -> list[str]:
    return [
        one.code for one in granted(await list_codes(ledger, batch_id, now_ms(), None, 100_000))
    ]


async def test_as_many_as_were_asked_for_are_there_each_another(classroom: Classroom) -> None:
    batch = await classroom.made_batch(quantity=5_000, code_prefix="BOOK")
    run = granted(await make(classroom.ledger, batch.id, 1_201))

    made = await all_codes(classroom.ledger, batch.id)

    assert (run.made, run.is_done) == (1_201, True)
    assert len(set(made)) == len(made) == 1_201
    assert all(code.startswith("BOOK-") and code_rules.normalise(code) == code for code in made)
    assert (await classroom.batch(batch.id)).remaining == 5_000 - 1_201
    assert await balances(classroom.ledger)


async def test_drops_and_codes_share_the_stock(classroom: Classroom) -> None:
    batch = await classroom.made_batch(quantity=100)
    await classroom.opened(batch, quantity=40)
    granted(await make(classroom.ledger, batch.id, 50))

    short = refused(await make(classroom.ledger, batch.id, 11))
    granted(await make(classroom.ledger, batch.id, 10))

    assert (short.code, short.facts) == (Code.STOCK_SHORT, {"available": 10})
    assert (await classroom.batch(batch.id)).remaining == 0
    assert await coupons_of(classroom.ledger, batch.id) == 60


async def test_an_unlimited_batch_is_never_short(classroom: Classroom) -> None:
    batch = await classroom.made_batch(quantity=None)
    granted(await make(classroom.ledger, batch.id, 700))

    assert await coupons_of(classroom.ledger, batch.id) == 700
    assert await balances(classroom.ledger)


async def test_there_are_none_of_a_batch_that_is_not_there(classroom: Classroom) -> None:
    ledger = classroom.ledger
    assert refused(await make(ledger, "bat_nowhere", 1)).code is Code.NOT_FOUND
    answer = await list_codes(ledger, "bat_nowhere", now_ms(), None, 10)
    assert refused(answer).code is Code.NOT_FOUND
    assert (
        refused(await void_codes(ledger, "op", "bat_nowhere", ["x"], now_ms())).code
        is Code.NOT_FOUND
    )


async def test_the_same_key_makes_them_once(classroom: Classroom) -> None:
    batch = await classroom.made_batch()
    first = granted(await make(classroom.ledger, batch.id, 10, KEY))
    again = granted(await make(classroom.ledger, batch.id, 10, KEY))

    assert again == first
    assert await coupons_of(classroom.ledger, batch.id) == 10


async def test_a_refusal_is_not_kept_under_its_key(classroom: Classroom) -> None:
    batch = await classroom.made_batch(quantity=10)
    refused(await make(classroom.ledger, batch.id, 11, KEY))
    other = await classroom.made_batch(quantity=11)

    assert granted(await make(classroom.ledger, other.id, 11, KEY)).is_done


async def test_what_a_dead_process_left_a_worker_makes(classroom: Classroom) -> None:
    batch = await classroom.made_batch(quantity=2_000)
    run = await left_behind(classroom, batch.id, 2 * A_PIECE)
    await drive_run(classroom.ledger, run, 0.0)  # out of time before the first piece

    too_early = await finish_runs(classroom.ledger, run.created_at + LEFT_BEHIND_MS - 1)
    before = await coupons_of(classroom.ledger, batch.id)
    finished = await finish_runs(classroom.ledger, run.created_at + LEFT_BEHIND_MS)

    assert (too_early, before, finished) == (0, 0, 1)
    assert await coupons_of(classroom.ledger, batch.id) == 2 * A_PIECE
    assert await finish_runs(classroom.ledger, run.created_at + LEFT_BEHIND_MS) == 0


async def left_behind(classroom: Classroom, batch_id: str, quantity: int) -> CodeRun:
    """Insert a run as a process leaves it that dies after the first transaction."""
    run = CodeRun(f"run_{batch_id}", batch_id, Source.LIST, quantity, "op", now_ms())
    async with classroom.ledger.begin() as conn:
        await rows.insert_run(conn, run)
        await batch_stock.take_codes(conn, batch_id, quantity)
    return run


async def test_several_who_drive_one_run_make_each_piece_once(classroom: Classroom) -> None:
    batch = await classroom.made_batch(quantity=10_000)
    run = await left_behind(classroom, batch.id, 4 * A_PIECE)

    done = await asyncio.gather(*(drive_run(classroom.ledger, run, 60) for _ in range(4)))

    assert all(one.is_done for one in done)
    assert await coupons_of(classroom.ledger, batch.id) == 4 * A_PIECE


async def test_control_who_does_not_ask_whether_it_is_made_makes_it_again(
    classroom: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = await classroom.made_batch(quantity=10_000)
    run = await left_behind(classroom, batch.id, 4 * A_PIECE)

    async def unasked(*_: object) -> bool:
        return True

    monkeypatch.setattr(rows, "advance", unasked)
    await flows._make_piece(classroom.ledger, run, batch, await classroom.made_template())
    await flows._make_piece(classroom.ledger, run, batch, await classroom.made_template())

    assert await coupons_of(classroom.ledger, batch.id) == 2 * A_PIECE > run.made


async def test_a_code_that_is_taken_is_made_again(
    classroom: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = await classroom.made_batch()
    entropy = same_bytes_twice()
    monkeypatch.setattr(flows, "secrets", SimpleNamespace(token_bytes=entropy))
    granted(await make(classroom.ledger, batch.id, 2))

    run = granted(await make(classroom.ledger, batch.id, 2))

    assert run.made == 2
    assert len(set(await all_codes(classroom.ledger, batch.id))) == 4


def same_bytes_twice() -> Callable[[int], bytes]:
    """The second call gives what the first gave."""
    calls = iter([1, 1, 2, 3])

    def token_bytes(size: int) -> bytes:
        factor = next(calls)
        return bytes(factor * (n + 1) % 256 for n in range(size))

    return token_bytes


async def test_what_never_fits_ends(classroom: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = await classroom.made_batch()
    monkeypatch.setattr(flows, "secrets", SimpleNamespace(token_bytes=bytes))

    with pytest.raises(IntegrityError):
        await make(classroom.ledger, batch.id, 2)  # two codes of the same bytes

    assert await coupons_of(classroom.ledger, batch.id) == 0


async def test_a_list_goes_page_by_page_newest_first(classroom: Classroom) -> None:
    batch, other = await classroom.made_batch(), await classroom.made_batch()
    granted(await make(classroom.ledger, batch.id, 5))
    granted(await make(classroom.ledger, other.id, 5))
    whole = granted(await list_codes(classroom.ledger, batch.id, now_ms(), None, 100))
    first = granted(await list_codes(classroom.ledger, batch.id, now_ms(), None, 2))
    rest = granted(await list_codes(classroom.ledger, batch.id, now_ms(), first[-1].id, 100))

    assert [*first, *rest] == whole
    assert [one.id for one in whole] == sorted((one.id for one in whole), reverse=True)
    assert {one.state for one in whole} == {CodeState.UNBOUND}
    assert len(whole) == 5


async def test_claims_of_the_batch_are_not_among_its_codes(classroom: Classroom) -> None:
    batch = await classroom.made_batch()
    drop = await classroom.opened(batch)
    await classroom.won(drop.id, "ann")
    await classroom.confirm(drop.id)
    granted(await make(classroom.ledger, batch.id, 1))

    assert len(await all_codes(classroom.ledger, batch.id)) == 1


async def test_an_export_has_them_all_whatever_is_made_meanwhile(
    classroom: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows, "EXPORTED_AT_ONCE", 3)
    batch = await classroom.made_batch()
    granted(await make(classroom.ledger, batch.id, 7))
    before, told = set(await all_codes(classroom.ledger, batch.id)), []

    async for page in flows.export_codes(classroom.ledger, batch.id, now_ms()):
        told += [one.code for one in page]
        if len(told) == 3:
            granted(await make(classroom.ledger, batch.id, 2))

    assert len(set(told)) == len(told)
    assert set(told) >= before


async def test_unbound_codes_are_voided_and_their_units_stay_used(classroom: Classroom) -> None:
    batch = await classroom.made_batch(quantity=3)
    granted(await make(classroom.ledger, batch.id, 3))
    first, second, _ = await all_codes(classroom.ledger, batch.id)

    asked = [first.lower(), second.replace("-", ""), "NO-SUCH"]
    states = granted(await void_codes(classroom.ledger, "op", batch.id, asked, now_ms()))
    again = granted(await void_codes(classroom.ledger, "op", batch.id, asked, now_ms()))

    assert states == again
    assert states == {
        asked[0]: CodeState.VOIDED,
        asked[1]: CodeState.VOIDED,
        "NO-SUCH": None,
    }
    assert (await classroom.batch(batch.id)).remaining == 0


async def test_another_batchs_codes_are_not_voided(classroom: Classroom) -> None:
    batch, other = await classroom.made_batch(), await classroom.made_batch()
    granted(await make(classroom.ledger, batch.id, 1))
    (code,) = await all_codes(classroom.ledger, batch.id)

    assert granted(await void_codes(classroom.ledger, "op", other.id, [code], now_ms())) == {
        code: None
    }
    (listed,) = granted(await list_codes(classroom.ledger, batch.id, now_ms(), None, 9))
    assert listed.state is CodeState.UNBOUND
