"""Reads what is kept of one student, in sections of bounded length.

Called by the API for operators. A section is one query along an index; a longer one is read on from the id
of its last row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.tables import (
    access_rules,
    acts,
    balance_entries,
    balances,
    claims,
    coupons,
    jobs,
    messages,
    redemptions,
    refunds,
    template_versions,
)

Row = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a record: its rows, and the id behind which more follow; None: these are all."""

    rows: Sequence[Row]
    next: str | None


async def sections(
    conn: AsyncConnection, student: str, names: Sequence[str], limit: int, after: str | None
) -> dict[str, Section]:
    """Return these sections, newest rows first, at most `limit` rows of each, from behind the id `after`."""
    return {name: await _section(conn, _QUERIES[name], student, limit, after) for name in names}


async def balance_of(conn: AsyncConnection, student: str) -> list[Row]:
    """Return the student's balance in each currency."""
    query = select(balances.c.currency, balances.c.amount).where(balances.c.student == student)
    return [row._mapping for row in await conn.execute(query)]


async def _section(
    conn: AsyncConnection, query: "_Query", student: str, limit: int, after: str | None
) -> Section:
    wanted = query.select.where(query.table.c[query.student] == student)
    key = query.table.c.id
    if after is not None:
        wanted = wanted.where(key < after)
    found = (await conn.execute(wanted.order_by(key.desc()).limit(limit + 1))).all()
    rows = [row._mapping for row in found[:limit]]
    return Section(rows, rows[-1]["id"] if len(found) > limit else None)


@dataclass(frozen=True, slots=True)
class _Query:
    """The rows of a section: those whose column `student` of `table` is the student."""

    select: Select[*tuple[Any, ...]]
    table: Table
    student: str = "student"


def _of(table: Table, *names: str) -> Select[*tuple[Any, ...]]:
    return select(*(table.c[name] for name in names))


_NAME = template_versions.c.name
_VERSION = (template_versions.c.template_id == coupons.c.template_id) & (
    template_versions.c.version == coupons.c.template_version
)
_QUERIES: Final[Mapping[str, _Query]] = {
    "coupons": _Query(
        _of(
            coupons,
            *("id", "code", "batch_id", "source", "state", "valid_from", "valid_until"),
            *("hold_until", "created_at", "redeemed_at", "drop_id", "issuance_id"),
        )
        .add_columns(_NAME)
        .select_from(coupons.join(template_versions, _VERSION)),
        coupons,
    ),
    # By way of their coupons: claims have no index by student, which thousands of wins a second would update.
    "claims": _Query(
        select(
            coupons.c.id,
            *(claims.c[name] for name in ("drop_id", "batch_id", "state", "reason")),
            *(claims.c[name] for name in ("won_at", "confirmed_at")),
            claims.c.id.label("claim_id"),
        ).select_from(coupons.join(claims, claims.c.id == coupons.c.claim_id)),
        coupons,
    ),
    "orders": _Query(
        _of(
            redemptions,
            *("id", "order_id", "state", "currency", "subtotal", "discount", "payable"),
            *("created_at", "paid_at"),
        ),
        redemptions,
    ),
    "refunds": _Query(
        select(
            redemptions.c.id,
            *(redemptions.c[name] for name in ("order_id", "currency")),
            func.count().label("refunds"),
            func.sum(refunds.c.refunded).label("refunded"),
            func.sum(refunds.c.charged_back).label("charged_back"),
            func.max(refunds.c.created_at).label("last_at"),
        )
        .select_from(redemptions.join(refunds, refunds.c.redemption_id == redemptions.c.id))
        .group_by(redemptions.c.id, redemptions.c.order_id, redemptions.c.currency),
        redemptions,
    ),
    "balance_entries": _Query(
        _of(balance_entries, *("id", "at", "currency", "amount", "kind", "redemption_id")),
        balance_entries,
    ),
    "messages": _Query(
        _of(
            messages,
            *("id", "kind", "channel", "state", "reason", "text", "coupon_id", "cause"),
            *("created_at", "sent_at"),
        ),
        messages,
    ),
    "blocks": _Query(
        _of(
            access_rules,
            *("id", "kind", "reason", "created_by", "created_at", "until", "ended_at"),
        ).where(access_rules.c.kind.in_(("student", "sub"))),
        access_rules,
        "value",
    ),
    "acts": _Query(_of(acts, "id", "at", "actor", "action", "detail"), acts, "subject"),
    "jobs": _Query(
        _of(jobs, "id", "kind", "state", "created_by", "created_at", "done_at"), jobs, "subject"
    ),
}
SECTIONS: Final = tuple(_QUERIES)
