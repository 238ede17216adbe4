"""Reads the final state: the ledger by SQL, the desk by its keys, lists by the API, and what a new student
would see.

Reads past the disturbed network. Used by `bench.py`.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from client_sdk.python import ApiError, Page
from client_sdk.python.shapes import Drop, RoomState, Snapshot
from server.core.identity import Role
from server.desk import DeskUnavailableError
from server.desk.claims.outbox import Outbox
from server.desk.shards.fence import Fence
from server.ledger.database_errors import LedgerUnavailableError
from server.ledger.drops.claims import ClaimRow
from server.ledger.tables import (
    batches,
    claims,
    coupons,
    dead_letters,
    drops,
    intents,
    issuance_items,
    issuances,
    redemption_coupons,
    redemptions,
)
from tests.chaos.actors.api_clients import open_api
from tests.chaos.actors.clients import Student
from tests.chaos.final_state import (
    BatchEnd,
    CouponEnd,
    DrawEnd,
    FinalDrop,
    FinalRedemption,
    FinalState,
    IssuanceEnd,
    Screen,
    StudentView,
)
from tests.chaos.other_ways_reader import (
    Names,
    drawn_of,
    ended_offers,
    unfinished_draws,
    units_of_links,
)
from tests.chaos.site import PREFIX, Site
from tests.support.eventually import eventually

_IN_THE_WELCOME = ("won", "confirmed", "released", "revoked")
_LIST = Page(200)
_ANSWER_S = 30.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the state of the batches in `batch_ids`, which are those of this round."""

    site: Site
    batch_ids: Sequence[str]

    async def is_quiet(self) -> bool:
        """Assert that nothing is under way; the AssertionError says what is."""
        try:
            return await self._is_quiet()
        except (DeskUnavailableError, LedgerUnavailableError) as error:
            raise AssertionError(str(error)) from error

    async def _is_quiet(self) -> bool:
        site = self.site
        backlog = await Outbox(site.redis, PREFIX, "chaos").backlog()
        assert backlog.entries == 0, f"{backlog.entries} claims wait in the outbox"
        shut = await Fence(site.redis, PREFIX, "chaos").shut_shards()
        assert not shut, f"shut fences: {shut}"
        async with site.ledger.read() as conn:
            query = select(intents.c.id, intents.c.kind).where(intents.c.done_at.is_(None))
            waiting = (await conn.execute(query)).all()
            query = select(issuances.c.id, issuances.c.state).where(issuances.c.due_at.is_not(None))
            driven = (await conn.execute(query)).all()
            drawing = await unfinished_draws(conn)
        assert not waiting, f"intents wait: {waiting}"
        assert not driven, f"issuances go on: {driven}"
        assert not drawing, f"draws go on: {drawing}"
        return True

    async def final_state(self, seen: tuple[Screen, ...]) -> FinalState:
        async with self.site.ledger.read() as conn:
            query = select(drops).where(drops.c.batch_id.in_(self.batch_ids)).order_by(drops.c.id)
            rows = [dict(row) for row in (await conn.execute(query)).mappings()]
            found = FinalState(
                batches=await _all(conn, BatchEnd, batches),
                drops=(),
                claims=await _all(conn, ClaimRow, claims),
                coupons=await _all(conn, CouponEnd, coupons),
                redemptions=await _redemptions(conn),
                screens=seen,
                issuances=await _issuances(conn),
                dead_letters=tuple(await conn.scalars(select(dead_letters.c.claim_id))),
                given_up=tuple((row["id"], _key(row)) for row in rows if row["opens_at"] is None),
            )
            found = replace(
                found, links=await units_of_links(conn), offers=await ended_offers(conn)
            )
            drawn = await drawn_of(conn)
        told = [await self._drop(row) for row in rows if row["opens_at"] is not None]
        published = [await self._draw(*one) for one in drawn]
        return replace(found, drops=tuple(told), draws=tuple(published))

    async def _draw(self, drop_id: str, entrants: Names, seated: Names) -> DrawEnd:
        token = self.site.token(Role.OPERATOR, "olga")
        async with open_api(self.site.urls[0], token) as api:
            document = await _retry(lambda: api.draw(drop_id))
        return DrawEnd(drop_id, document, entrants, seated)

    async def _drop(self, row: Mapping[str, Any]) -> FinalDrop:
        site, drop_id = self.site, row["id"]
        token = site.token(Role.OPERATOR, "olga")
        room = row["room"]
        async with open_api(site.urls[0], token) as api:
            listed = await _retry(lambda: api.drop_claims(room, drop_id, page=_LIST))
            report = await _retry(lambda: api.get_drop(room, drop_id))
        return FinalDrop(
            id=drop_id,
            room=room,
            batch_id=row["batch_id"],
            key=_key(row),
            desk=await site.books.at_desk(drop_id),
            ledger=await site.books.in_ledger(drop_id),
            listed=tuple((one["student"], one["state"]) for one in listed["claims"]),
            difference=report["difference"],
        )


async def screens(site: Site, students: Iterable[Student]) -> tuple[Screen, ...]:
    """Return the screens of the students who are in the room."""
    found = []
    for student in students:
        expected_views = []
        for url in site.urls:
            async with open_api(url, student.token) as api:
                told = await _retry(lambda api=api, room=student.room: api.snapshot(room))  # type: ignore[misc]
                expected_views.append(_expected_view(told))
        state = student.state
        if state is not None:
            found.append(Screen(student.name, student.room, _view_of(state), tuple(expected_views)))
    return tuple(found)


async def _retry(call: Callable[[], Awaitable[T]]) -> T:
    """Call until it succeeds. Everything is healed, but a web may still be busy with what it missed."""

    async def ask() -> list[T]:
        try:
            return [await call()]
        except ApiError as error:
            if error.retryable:
                raise AssertionError(str(error)) from error
            raise

    return (await eventually(ask, _ANSWER_S))[0]


def _expected_view(snapshot: Snapshot) -> StudentView:
    return StudentView(
        {drop["id"]: _line(drop) for drop in snapshot["drops"]},
        {
            one["drop_id"]: f"{one['state']} {one['coupon']['code'] if 'coupon' in one else ''}"
            for one in snapshot["claims"]
        },
    )


def _view_of(state: RoomState) -> StudentView:
    return StudentView(
        {drop["id"]: _line(drop) for drop in state.drops},
        {
            drop_id: f"{claim.state} {claim.coupon['code'] if claim.coupon else ''}"
            for drop_id, claim in state.claims.items()
            if claim.state in _IN_THE_WELCOME
        },
    )


def _line(drop: Drop) -> str:
    """Return the text of a drop. A closed drop has only its reason: the number left is not updated after the
    close."""
    if drop["state"] == "closed":
        return f"closed {drop.get('close_reason')}"
    return f"{drop['state']} {drop['remaining']} of {drop['quantity']} until {drop['closes_at']}"


def _key(row: Mapping[str, Any]) -> str:
    key: str = row["metadata"].get("key", "")
    return key


async def _all(conn: AsyncConnection, kind: Callable[..., T], table: Table) -> tuple[T, ...]:
    """Return every row as a value whose fields have the columns' names."""
    names = [one.name for one in fields(kind)] if is_dataclass(kind) else kind._fields  # type: ignore[attr-defined]
    query = select(*(table.c[name] for name in names))
    return tuple(kind(*row) for row in await conn.execute(query))


async def _issuances(conn: AsyncConnection) -> tuple[IssuanceEnd, ...]:
    rows = (await conn.execute(select(issuances))).mappings().all()
    outcomes: dict[str, dict[str, str | None]] = {row["id"]: {} for row in rows}
    i = issuance_items.c
    for issuance_id, student, outcome in await conn.execute(
        select(i.issuance_id, i.student, i.outcome)
    ):
        outcomes[issuance_id][student] = outcome
    given: dict[str, list[tuple[str, str]]] = {row["id"]: [] for row in rows}
    c = coupons.c
    query = select(c.issuance_id, c.student, c.state).where(c.issuance_id.is_not(None))
    for issuance_id, student, state in await conn.execute(query):
        given[issuance_id].append((student, state))
    return tuple(
        IssuanceEnd(
            id=row["id"],
            key=row["metadata"].get("key", ""),
            batch_id=row["batch_id"],
            state=row["state"],
            asked=row["asked"],
            issued=row["issued"],
            outcomes=outcomes[row["id"]],
            coupons=tuple(given[row["id"]]),
        )
        for row in rows
    )


async def _redemptions(conn: AsyncConnection) -> tuple[FinalRedemption, ...]:
    rows = (await conn.execute(select(redemptions))).mappings().all()
    parts: dict[str, dict[str, int]] = {row["id"]: {} for row in rows}
    query = select(
        redemption_coupons.c.redemption_id,
        redemption_coupons.c.coupon_id,
        redemption_coupons.c.discount,
    )
    for redemption_id, coupon_id, discount in await conn.execute(query):
        parts[redemption_id][coupon_id] = discount
    return tuple(
        FinalRedemption(
            id=row["id"],
            order_id=row["order_id"],
            student=row["student"],
            state=row["state"],
            subtotal=row["subtotal"],
            discount=row["discount"],
            payable=row["payable"],
            discounts=parts[row["id"]],
            line_discounts=tuple(line["discount"] for line in row["lines"]),
        )
        for row in rows
    )
