"""Make codes of a batch without a drop, list them, and void them.

Called by the API for operators, and by the worker for runs whose process died. Making codes is a run:

1. one transaction takes the units, by the same conditional UPDATE as drops do, and writes the run;
2. pieces of AT_ONCE codes are made, each in a transaction that also advances the run. Claims can be confirmed
   between two pieces (promise I8), and if two processes drive one run, each piece is made by one of them.

If the process dies, any worker drives the run on. A piece that contains a code which exists already fails
as a whole, and is made again with other codes.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
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
    run_violations,
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
from server.ledger.promotions import batch_stock, batches
from server.ledger.promotions.budgets import BUDGET_EXPOSED

AT_ONCE: Final = 1_000  # codes in one transaction: 4 ms of the event loop, 50 ms of the database
DRIVE_SECONDS: Final = 6.0  # shorter than the API's deadline; a worker makes the rest
LEFT_BEHIND_MS: Final = (
    8_000  # longer than DRIVE_SECONDS: nobody drives an unfinished run of this age
)
EXPORTED_AT_ONCE: Final = 500
VOIDED_AT_ONCE: Final = 50
_TRIES: Final = 5  # 100,000,000 codes of one prefix collide about once in 4,000 times
# A pause between two pieces. SQLite has one writer, and writers that wait for it retry every few ms.
_PAUSE_SECONDS: Final = 0.02


@returns_refusal
async def make_codes(  # noqa: PLR0913 - keywords, each named by the caller
    ledger: Ledger,
    *,
    actor: str,
    batch_id: str,
    quantity: int,
    source: Source,
    key: IdempotencyKey | None,
    now: int,
    metadata: Mapping[str, str] | None = None,
) -> CodeRun | Refused:
    """Take the units, make codes for DRIVE_SECONDS at most, and return the run as it is then.

    A repeated request with the same `key` finds the run and drives it on. Refuses with invalid_field;
    not_found; wrong_state while claims are stopped; stock_short with the number `available` (an unlimited
    batch is never short), or with `budget`.
    """
    broken = [*run_violations(quantity, metadata or {})]
    if broken:
        return refused(broken)
    run = CodeRun(
        id=new_id("run"),
        batch_id=batch_id,
        source=source,
        quantity=quantity,
        created_by=actor,
        created_at=now,
        metadata=metadata or {},
    )
    async with ledger.begin() as conn:
        earlier = await find_previous_result(conn, key, run.id, now)
        if earlier is None:
            if not await batch_stock.take_codes(conn, batch_id, quantity):
                raise Abort(_short(await batches.find(conn, batch_id)))
            await rows.insert_run(conn, run)
            await _reserve_budget(conn, batch_id, quantity, now)
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
    """Drive runs whose process died; return how many were finished. Any number of workers may call it."""
    async with ledger.read() as conn:
        left_behind = await rows.unfinished_runs(conn, now - LEFT_BEHIND_MS, 10)
    return sum([(await drive_run(ledger, run, DRIVE_SECONDS)).is_done for run in left_behind])


async def drive_run(ledger: Ledger, run: CodeRun, seconds: float) -> CodeRun:
    """Make codes until the run is done or `seconds` are over; return the run as it is then. Repeatable."""
    clock = asyncio.get_running_loop().time
    ends_at = clock() + seconds
    if not run.is_done:
        async with ledger.read() as conn:
            batch, template = await batch_and_template(conn, run.batch_id)
    while not run.is_done and clock() < ends_at:
        run = await _make_piece(ledger, run, batch, template)
        await asyncio.sleep(_PAUSE_SECONDS)
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
        except IntegrityError:  # a code exists already
            if not tries_left:
                raise
    assert current is not None  # runs are never deleted
    return current


def _new_codes(run: CodeRun, batch: Batch, template: Template, count: int) -> NewCodes:
    window = batch.claim_window
    # Overwritten when the code is bound; until then the columns need a value, and this is a sensible one.
    if_bound_now = use_window(
        template.form.validity, run.created_at, window.until_at if window is not None else None
    )
    size, entropy = codes.ENTROPY_BYTES, secrets.token_bytes(codes.ENTROPY_BYTES * count)
    made = (
        codes.make(entropy[at : at + size], batch.code_prefix)
        for at in range(0, len(entropy), size)
    )
    return NewCodes(
        names=list(zip(new_ids("cpn", count), made, strict=True)),
        batch_id=batch.id,
        template_id=template.id,
        template_version=template.version,
        source=run.source.value,
        valid_from=if_bound_now.from_at,
        valid_until=if_bound_now.until_at,
        created_at=run.created_at,
        budget=None if batch.greatest_discount is None else BUDGET_EXPOSED,
    )


async def _reserve_budget(conn: AsyncConnection, batch_id: str, quantity: int, now: int) -> None:
    """Reserve the coupons' part of the campaign's budget.

    Abort(stock_short) where the budget is short, Abort(wrong_state) while claims are stopped.
    """
    batch = await batches.find(conn, batch_id)
    assert batch is not None  # units of it were just taken
    abort_if(await claims_refusal(conn, batch))
    await budgets.reserve(conn, batch, quantity, now)


async def list_codes(
    ledger: Ledger, batch_id: str, now: int, after: str | None, limit: int
) -> list[ListedCode] | Refused:
    """Return a page of the batch's codes, newest first, from behind the code `after`; not_found."""
    async with ledger.read() as conn:
        if await batches.find(conn, batch_id) is None:
            return Refused(Code.NOT_FOUND)
        return await rows.page(conn, batch_id, now, after, limit)


async def export_codes(
    ledger: Ledger, batch_id: str, now: int
) -> AsyncIterator[Sequence[ListedCode]]:
    """Yield all codes of the batch, page by page, newest first.

    Each page is a read transaction of its own, so that a slow reader keeps no transaction open. Codes that
    are made meanwhile may be missing; no code comes twice.
    """
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
    """Void codes that no student has bound yet; return the state of each code, None where the batch has no
    such code. The keys are the codes as they were sent.

    A code that is bound stays as it is. The unit of a voided code is used up, as with every voided coupon.
    Repeatable.
    """
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
