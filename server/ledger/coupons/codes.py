"""Codes of a batch as rows: the runs that make them, their pages, and binding them to students.

Called by flows/coupons/codes.py and flows/coupons/bind_code.py inside their transactions. A code is a coupon
without claim and drop, and without student until it is bound. Codes and drops take from the same counter of
the batch (`allotted`).
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from sqlalchemy import Row, and_, exists, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.code_runs import CodeRun, CodeState, ListedCode, Source
from server.core.coupons.coupons import CouponState, use_by
from server.core.ids import BatchId, CouponId, Slot, StudentId
from server.ledger.bulk import insert_rows, pairs
from server.ledger.tables import batches, campaign_claims, code_runs, coupons


class NewCodes(NamedTuple):
    """Unbound codes of one batch. `names` are pairs of id and code.

    The use window (ms) is the one they would have if they were bound now; binding sets the real one.
    """

    names: Sequence[tuple[str, str]]
    batch_id: str
    template_id: str
    template_version: int
    source: str
    valid_from: int
    valid_until: int
    created_at: int
    budget: str | None  # "exposed" where its campaign has a budget


async def insert_run(conn: AsyncConnection, run: CodeRun) -> None:
    """Insert a run: a request for codes that are made piece by piece."""
    await conn.execute(insert(code_runs).values(asdict(run)))


async def find_run(conn: AsyncConnection, run_id: str) -> CodeRun | None:
    query = select(*_RUN).where(code_runs.c.id == run_id)
    row = (await conn.execute(query)).first()
    return _run(row) if row else None


async def unfinished_runs(conn: AsyncConnection, before: int, limit: int) -> list[CodeRun]:
    """Return runs that were requested until `before` (ms) and are not finished, oldest first."""
    query = (
        select(*_RUN)
        .where(code_runs.c.made < code_runs.c.quantity, code_runs.c.created_at <= before)
        .order_by(code_runs.c.created_at)
        .limit(limit)
    )
    return [_run(row) for row in await conn.execute(query)]


async def advance(conn: AsyncConnection, run: CodeRun, codes: int) -> bool:
    """Count `codes` more as made; the same transaction inserts them.

    False: another process has made this piece. Of two that drive one run, only one makes each piece.
    """
    moved = await conn.execute(
        update(code_runs)
        .where(code_runs.c.id == run.id, code_runs.c.made == run.made)
        .values(made=run.made + codes)
    )
    return moved.rowcount == 1


async def insert_codes(conn: AsyncConnection, new: NewCodes) -> None:
    """Insert the codes. IntegrityError: a code exists already, and none was inserted.

    Shared values are sent once, and all ids and codes as one parameter: that takes a third of the time of
    separate rows.
    """
    each = pairs(conn, new.names)
    shared = {
        **dict(zip(NewCodes._fields[1:], new[1:], strict=True)),
        "state": CouponState.USABLE.value,
    }
    values = [literal(value, coupons.c[name].type).label(name) for name, value in shared.items()]
    rows = select(each.c[0], each.c[1], *values)
    await conn.execute(insert(coupons).from_select(["id", "code", *shared], rows))


async def page(
    conn: AsyncConnection, batch_id: str, now: int, after: str | None, limit: int
) -> list[ListedCode]:
    """Return a page of the batch's codes, newest first, that begins after the code with the id `after`."""
    query = select(*(coupons.c[name] for name in _LISTED)).where(
        coupons.c.batch_id == batch_id, _IS_CODE
    )
    if after is not None:
        query = query.where(coupons.c.id < after)
    found = await conn.execute(query.order_by(coupons.c.id.desc()).limit(limit))
    return [_listed(row, now) for row in found]


@dataclass(frozen=True, slots=True)
class FoundCode:
    """The fields of a coupon that decide whether a student may bind its code."""

    id: CouponId
    batch_id: BatchId
    student: StudentId | None
    state: CouponState


async def find_code(conn: AsyncConnection, spellings: Collection[str]) -> FoundCode | None:
    """Return the code with one of these spellings, whoever it belongs to.

    The query takes the same time whether or not the code exists, so that timing reveals nothing. Two matches
    would need two batches with prefixes that look alike and the same 64 random bits.
    """
    query = select(coupons.c.id, coupons.c.batch_id, coupons.c.student, coupons.c.state)
    row = (await conn.execute(query.where(coupons.c.code.in_(spellings)).limit(1))).first()
    return FoundCode(row[0], row[1], row[2], CouponState(row[3])) if row else None


class CodeBinding(NamedTuple):
    """The values that binding writes to a code. `slot` counts it for the batch; instants are in ms."""

    coupon_id: CouponId
    student: StudentId
    slot: Slot
    bound_at: int
    valid_from: int
    valid_until: int
    hold_until: int | None


async def bind(conn: AsyncConnection, binding: CodeBinding) -> bool:
    """Bind the code to the student, if it is unbound: of two students who type it, one gets it.

    False: it belongs to a student, or it is voided. IntegrityError: the student has used this slot of the
    batch.
    """
    coupon_id, *rest = binding
    within_limit = exists().where(
        batches.c.id == coupons.c.batch_id, batches.c.per_student >= binding.slot
    )
    bound = await conn.execute(
        update(coupons)
        .where(
            coupons.c.id == coupon_id,
            coupons.c.student.is_(None),
            coupons.c.state == CouponState.USABLE,
            within_limit,
        )
        .values(dict(zip(CodeBinding._fields[1:], rest, strict=True)))
    )
    return bound.rowcount == 1


async def code_and_source(conn: AsyncConnection, coupon_id: str) -> tuple[str, str]:
    """Return a code as it is stored, and how it was handed out."""
    query = select(coupons.c.code, coupons.c.source).where(coupons.c.id == coupon_id)
    code, source = (await conn.execute(query)).one()
    return code, source


class CampaignCode(NamedTuple):
    """The slot of a bound code, or of an issued coupon, in a campaign that has a limit for each student."""

    coupon_id: CouponId
    campaign_id: str
    student: StudentId
    slot: Slot
    per_student: int


async def count_in_campaign(conn: AsyncConnection, code: CampaignCode) -> None:
    """Insert the slot. IntegrityError: the student has used it, by a claim or by a code."""
    await conn.execute(insert(campaign_claims).values(code._asdict()))


async def count_all_in_campaign(conn: AsyncConnection, rows: Sequence[CampaignCode]) -> None:
    """Insert the slots of many coupons. IntegrityError: a student has used one."""
    if rows:
        await insert_rows(conn, campaign_claims, CampaignCode._fields, rows, "coupon_id")


async def ids_of(
    conn: AsyncConnection, batch_id: str, codes: Collection[str]
) -> dict[str, tuple[str, CodeState]]:
    """Return code -> (coupon id, state) of those codes that belong to this batch."""
    query = select(*(coupons.c[name] for name in _LISTED)).where(
        coupons.c.batch_id == batch_id, _IS_CODE, coupons.c.code.in_(codes)
    )
    found = [_listed(row, 0) for row in await conn.execute(query)]
    return {one.code: (one.id, one.state) for one in found}


def _run(row: Row[Any]) -> CodeRun:
    fields = dict(row._mapping)
    return CodeRun(**fields | {"source": Source(fields["source"])})


def _listed(row: Row[Any], now: int) -> ListedCode:
    fields = dict(row._mapping)
    state, hold_until = CouponState(fields.pop("state")), fields.pop("hold_until")
    if fields["student"] is None:
        fields |= {"valid_from": None, "valid_until": None}
    return ListedCode(
        **fields,
        state=_shown_state(state, fields["student"], fields["valid_until"], hold_until, now),
    )


def _shown_state(
    state: CouponState, student: str | None, until: int | None, hold_until: int | None, now: int
) -> CodeState:
    if state is not CouponState.USABLE:
        return CodeState(state.value)
    if student is None or until is None:
        return CodeState.UNBOUND
    return CodeState.EXPIRED if now >= use_by(until, hold_until) else CodeState.USABLE


# Neither a claim nor an issuance gave it.
_IS_CODE = and_(coupons.c.claim_id.is_(None), coupons.c.issuance_id.is_(None))
_RUN = tuple(
    code_runs.c[name]
    for name in (
        *("id", "batch_id", "source", "quantity", "created_by", "created_at", "made"),
        "metadata",
    )
)
_LISTED = (
    *("id", "code", "source", "state", "created_at", "student", "bound_at"),
    *("valid_from", "valid_until", "hold_until"),
)
