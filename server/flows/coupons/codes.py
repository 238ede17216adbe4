"""Codes made of a batch without a drop: asked for, made piece by piece, listed, voided.

Called by the API for operators, and by the worker for runs that were left behind.

1. One transaction takes the units by the same conditional UPDATE that drops use, and writes the run.
2. Pieces of AT_ONCE codes, each a transaction of its own that also moves the run on: claims are confirmed
   in between (promise I8), and of two who drive one run each piece is made by one.

Whoever dies in between leaves an unfinished run, which any worker drives on. A code that is taken makes its
piece fail; it is made again with other codes.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.coupons import codes
from server.core.coupons.code_runs import (
    CodeRun,
    CodeState,
    ListedCode,
    Source,
    quantity_violations,
)
from server.core.coupons.coupons import use_window
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.flows.abort import Abort, abort_if, returns_refusal
from server.flows.idempotency import find_previous_result
from server.flows.promotions import budgets
from server.flows.promotions.stops import claims_refusal
from server.flows.stores import batch_and_template
from server.ids import new_id, new_ids
from server.ledger import acts
from server.ledger.coupons import codes as rows
from server.ledger.coupons import coupon_moves
from server.ledger.coupons.codes import NewCodes
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from server.ledger.promotions import batches
from server.ledger.promotions.budgets import BUDGET_EXPOSED

AT_ONCE: Final = 1_000  # codes in one transaction: 4 ms of the loop, 50 of the database
DRIVE_SECONDS: Final = 6.0  # below the API's deadline; what is not made by then a worker makes
LEFT_BEHIND_MS: Final = 8_000  # a run this old has lost whoever was driving it
EXPORTED_AT_ONCE: Final = 500
VOIDED_AT_ONCE: Final = 50
_TRIES: Final = 5  # 100,000,000 codes of one prefix collide about once in 4,000 times
# Where the database has one writer, others get their turn: who waits for SQLite looks again every few ms.
_BREATH_SECONDS: Final = 0.02


@returns_refusal
async def make_codes(  # noqa: PLR0913 - what is asked for, each named by the caller
    ledger: Ledger,
    *,
    actor: str,
    batch_id: str,
    quantity: int,
    source: Source,
    key: IdempotencyKey | None,
    now: int,
) -> CodeRun | Refused:
    """The run as it is after DRIVE_SECONDS at most. A replay finds it, and drives it on. stock_short with
    what is `available`; an unlimited batch is never short.
    """
    broken = [*quantity_violations(quantity)]
    if broken:
        return refused(broken)
    run = CodeRun(new_id("run"), batch_id, source, quantity, actor, now)
    async with ledger.begin() as conn:
        earlier = await find_previous_result(conn, key, run.id, now)
        if earlier is None:
            if not await batches.take_codes(conn, batch_id, quantity):
                raise Abort(_short(await batches.find(conn, batch_id)))
            await rows.insert_run(conn, run)
            await _expose(conn, batch_id, quantity, now)
            await acts.write_act(
                conn, actor, Action.CODES_MADE, batch_id, now, run=run.id, quantity=quantity
            )
    if earlier is not None:
        async with ledger.read() as conn:
            found = await rows.find_run(conn, earlier)
        if found is None:
            return Refused(Code.NOT_FOUND)
        run = found
    return await drive_run(ledger, run, DRIVE_SECONDS)


def _short(batch: Batch | None) -> Refused:
    if batch is None:
        return Refused(Code.NOT_FOUND)
    return Refused(
        Code.STOCK_SHORT, "the batch has fewer units left", {"available": batch.remaining}
    )


async def finish_runs(ledger: Ledger, now: int) -> int:
    """Drives runs that were left behind; how many are finished. Any number of workers may."""
    async with ledger.read() as conn:
        behind = await rows.unfinished_runs(conn, now - LEFT_BEHIND_MS, 10)
    return sum([(await drive_run(ledger, run, DRIVE_SECONDS)).is_done for run in behind])


async def drive_run(ledger: Ledger, run: CodeRun, seconds: float) -> CodeRun:
    """Until it is done or the time is over; as far as it is then."""
    clock = asyncio.get_running_loop().time
    ends_at = clock() + seconds
    if not run.is_done:
        async with ledger.read() as conn:
            batch, template = await batch_and_template(conn, run.batch_id)
    while not run.is_done and clock() < ends_at:
        run = await _make_piece(ledger, run, batch, template)
        await asyncio.sleep(_BREATH_SECONDS)
    return run


async def _make_piece(ledger: Ledger, run: CodeRun, batch: Batch, template: Template) -> CodeRun:
    count = min(AT_ONCE, run.quantity - run.made)
    for tries_left in reversed(range(_TRIES)):
        try:
            async with ledger.begin() as conn:
                if await rows.advance(conn, run, count):
                    await rows.insert_codes(conn, _new_codes(run, batch, template, count))
                current = await rows.find_run(conn, run.id)
            break
        except IntegrityError:
            if not tries_left:
                raise
    assert current is not None
    return current


def _new_codes(run: CodeRun, batch: Batch, template: Template, count: int) -> NewCodes:
    window = batch.claim_window
    if_bound_now = use_window(
        template.form.validity, run.created_at, window.until_at if window is not None else None
    )
    size, entropy = codes.ENTROPY_BYTES, secrets.token_bytes(codes.ENTROPY_BYTES * count)
    made = (
        codes.make(entropy[at : at + size], batch.code_prefix)
        for at in range(0, len(entropy), size)
    )
    return NewCodes(
        list(zip(new_ids("cpn", count), made, strict=True)),
        batch.id,
        template.id,
        template.version,
        run.source.value,
        if_bound_now.from_at,
        if_bound_now.until_at,
        run.created_at,
        None if batch.greatest_discount is None else BUDGET_EXPOSED,
    )


async def _expose(conn: AsyncConnection, batch_id: str, quantity: int, now: int) -> None:
    """Takes their part of the campaign's budget. Stop(stock_short), Stop(wrong_state) while it is stopped."""
    batch = await batches.find(conn, batch_id)
    assert batch is not None  # its units were taken
    abort_if(await claims_refusal(conn, batch))
    await budgets.reserve(conn, batch, quantity, now)


async def list_codes(
    ledger: Ledger, batch_id: str, now: int, after: str | None, limit: int
) -> list[ListedCode] | Refused:
    """Newest first; not_found where there is no such batch."""
    async with ledger.read() as conn:
        if await batches.find(conn, batch_id) is None:
            return Refused(Code.NOT_FOUND)
        return await rows.page(conn, batch_id, now, after, limit)


async def export_codes(
    ledger: Ledger, batch_id: str, now: int
) -> AsyncIterator[Sequence[ListedCode]]:
    """All of them, a page at a time, each of a moment of its own: nothing is held while whoever reads is
    slow. Codes made meanwhile may be missing, none is told twice."""
    after: str | None = None
    while True:
        async with ledger.read() as conn:
            page = await rows.page(conn, batch_id, now, after, EXPORTED_AT_ONCE)
        yield page
        if len(page) < EXPORTED_AT_ONCE:
            return
        after = page[-1].id


@returns_refusal
async def void_codes(
    ledger: Ledger, actor: str, batch_id: str, typed: Sequence[str], now: int
) -> dict[str, CodeState | None] | Refused:
    """What became of each code as it was sent; None where the batch has no such code. Only unbound ones
    are voided; a code that a student has stays as it is. Their units are used up, as those of every voided
    coupon. Repeatable."""
    async with ledger.read() as conn:
        if await batches.find(conn, batch_id) is None:
            return Refused(Code.NOT_FOUND)
    wanted = {code: codes.normalise(code) for code in typed}
    states: dict[str, CodeState] = {}
    stored = sorted(set(wanted.values()))
    for start in range(0, len(stored), VOIDED_AT_ONCE):
        states |= await _void(ledger, actor, batch_id, stored[start : start + VOIDED_AT_ONCE], now)
    return {code: states.get(normal) for code, normal in wanted.items()}


async def _void(
    ledger: Ledger, actor: str, batch_id: str, stored: Sequence[str], now: int
) -> dict[str, CodeState]:
    async with ledger.begin() as conn:
        found = await rows.ids_of(conn, batch_id, stored)
        unbound = sorted(each for each, state in found.values() if state is CodeState.UNBOUND)
        voided = [each for each in unbound if await coupon_moves.void_unbound(conn, each, now)]
        await budgets.give_back(conn, voided, now)
        if voided:
            await acts.write_act(conn, actor, Action.CODES_VOIDED, batch_id, now, coupons=voided)
        found = await rows.ids_of(conn, batch_id, stored)
    return {code: state for code, (_, state) in found.items()}
