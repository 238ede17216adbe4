"""Writes old claims in bulk into a ledger, to measure whether years of past lessons slow down live ones.

Called by `python -m loadtest history` and by tests. Needs a migrated ledger that nothing else writes to
meanwhile. The rows satisfy all of its constraints. PostgreSQL gets them by COPY, SQLite by executemany.
"""

import asyncio
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

_YEAR_MS: Final = 365 * 24 * 3600 * 1000
SHARDS: Final = 16
_JSON: Final = json.dumps({})
Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class HistoryPlan:
    """`claims` old claims over `batches` batches without a claim window.

    Each batch has `drops_each` drops, which were closed a year ago. `shard` None spreads the batches evenly
    over all desk shards. Every id begins with `name`.
    """

    claims: int
    now: int
    batches: int = 200
    drops_each: int = 10
    shard: int | None = None
    name: str = "old"

    @property
    def of_drop(self) -> int:
        return max(1, self.claims // (self.batches * self.drops_each))

    @property
    def of_batch(self) -> int:
        return self.of_drop * self.drops_each


def rows_of(plan: HistoryPlan) -> Iterator[tuple[str, Sequence[str], list[Row]]]:
    """Yield (table, columns, rows), in an order in which every foreign key is satisfied."""
    then = plan.now - _YEAR_MS
    template = f"tpl_{plan.name}"
    yield "templates", ("id", "version"), [(template, 1)]
    yield "template_versions", _VERSION, [_version(template, then)]
    for number in range(plan.batches):
        yield from _rows_of_batch(plan, template, number, then)


def _rows_of_batch(
    plan: HistoryPlan, template: str, number: int, then: int
) -> Iterator[tuple[str, Sequence[str], list[Row]]]:
    shard = number % SHARDS if plan.shard is None else plan.shard
    batch = f"bat_{plan.name}_{number}"
    yield "batches", _BATCH, [_batch(batch, template, plan.of_batch, shard, then)]
    drops = [f"drp_{plan.name}_{number}_{one}" for one in range(plan.drops_each)]
    yield "drops", _DROP, [_drop(drop, batch, plan.of_drop, shard, then) for drop in drops]
    size = plan.of_drop
    allotments: list[Row] = [(drop.replace("drp", "alt", 1), drop, 1, size, then) for drop in drops]
    yield "allotments", ("id", "drop_id", "first", "last", "created_at"), allotments
    claims, coupons = [], []
    for place, drop in enumerate(drops):
        for unit in range(1, size + 1):
            student = f"s{place * size + unit}"
            claims.append(_claim(drop, batch, student, unit, size, then))
            coupons.append(_coupon(drop, batch, template, student, unit, then))
    yield "claims", _CLAIM, claims
    yield "coupons", _COUPON, coupons


def write_history(url: str, plan: HistoryPlan) -> None:
    """Write the rows into the database at `url` (`postgresql://…` or `sqlite:///path`)."""
    if url.startswith("sqlite:"):
        _to_sqlite(Path(url.removeprefix("sqlite:///")), plan)
    else:
        asyncio.run(_to_postgresql(url, plan))


def _to_sqlite(path: Path, plan: HistoryPlan) -> None:
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        for table, columns, rows in rows_of(plan):
            marks = ", ".join("?" * len(columns))
            names = ", ".join(f'"{column}"' for column in columns)
            connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)
        connection.commit()
        connection.execute("ANALYZE")
        connection.commit()
    finally:
        connection.close()


async def _to_postgresql(url: str, plan: HistoryPlan) -> None:
    connection = await asyncpg.connect(url)
    try:
        for table, columns, rows in rows_of(plan):
            await connection.copy_records_to_table(table, records=rows, columns=columns)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


_VERSION: Final = (
    *("template_id", "version", "name", "description", "currency", "discount", "threshold"),
    *("scope", "validity", "style", "metadata", "created_by", "created_at"),
)
_BATCH: Final = (
    *("id", "template_id", "template_version", "name", "channel", "quantity", "allotted"),
    *("per_student", "any_room", "shard", "metadata", "created_by", "created_at"),
)
_DROP: Final = (
    *("id", "room", "batch_id", "per_student", "shard", "state", "mode", "message", "quantity"),
    *("duration_seconds", "opens_in_seconds", "audience", "opens_at", "closes_at", "closed_at"),
    *("close_reason", "metadata", "created_by", "created_at"),
)
_CLAIM: Final = (
    *("id", "drop_id", "batch_id", "student", "request_id", "unit", "allotment_id"),
    *("allotment_first", "allotment_last", "slot", "per_student", "state", "won_at"),
    "confirmed_at",
)
_COUPON: Final = (
    *("id", "code", "batch_id", "template_id", "template_version", "source", "claim_id"),
    *("drop_id", "student", "state", "valid_from", "valid_until", "created_at", "slot"),
)


def _version(template: str, at: int) -> Row:
    discount = json.dumps({"kind": "amount_off", "amount": 1000})
    threshold = json.dumps({"min_amount": 0})
    scope = json.dumps({"courses": [], "packages": []})
    validity = json.dumps({"kind": "relative", "seconds": 86400, "cap_at_batch_end": False})
    parts = (discount, threshold, scope, validity, _JSON, _JSON)
    return (template, 1, "Ten off", "", "CNY", *parts, "history", at)


def _batch(batch: str, template: str, quantity: int, shard: int, at: int) -> Row:
    # Twice as many units as were claimed, so that the batch can still be dropped from.
    units = (2 * quantity, quantity)
    return (batch, template, 1, batch, "live", *units, 2, True, shard, _JSON, "history", at)


def _drop(drop: str, batch: str, units: int, shard: int, at: int) -> Row:
    audience = json.dumps({"tags": [], "students": []})
    ended = (at, at + 60_000, at + 60_000, "ended")
    of_batch = (batch, 2, shard, "closed", "first", "", units, 60, 0)
    return (drop, "old-room", *of_batch, audience, *ended, _JSON, "history", at)


def _claim(drop: str, batch: str, student: str, unit: int, size: int, at: int) -> Row:
    claim, allotment = _id("clm", drop, unit), drop.replace("drp", "alt", 1)
    seat = (unit, allotment, 1, size, 1, 2, "live")
    return (claim, drop, batch, student, "r1", *seat, at + unit, at + unit)


def _coupon(drop: str, batch: str, template: str, student: str, unit: int, at: int) -> Row:
    coupon, claim = _id("cpn", drop, unit), _id("clm", drop, unit)
    seconds_of = (at, at + 86_400_000, at, 1)
    return (
        coupon,
        coupon[4:],
        batch,
        template,
        1,
        "claim",
        claim,
        drop,
        student,
        "usable",
        *seconds_of,
    )


def _id(kind: str, drop: str, unit: int) -> str:
    return f"{kind}_{drop[4:]}_{unit}"
