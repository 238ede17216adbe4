"""The migrations make what tables/ describes, on both databases."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import as_file, files
from typing import TypeVar

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select, text

from server.core.reports.spans import Grain, span_of_day
from server.ledger.engine import Ledger
from server.ledger.migrate import upgrade
from server.ledger.schema import is_current, newest_revision
from server.ledger.tables import campaigns, desks, metadata, report_span_sums, report_sums
from tests.support.builders.ledger_rows import add, add_claim, add_drop
from tests.support.servers.ledgers import KINDS

T = TypeVar("T")

# What autogenerate does not compare: checks, partial indexes, the order of columns.
_SCHEMA_SQL = {
    "sqlite": """
        SELECT name, sql FROM sqlite_master WHERE tbl_name <> 'alembic_version' AND sql IS NOT NULL
    """,
    "postgresql": """
        SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
          FROM pg_constraint
         WHERE connamespace = 'public'::regnamespace
           AND conrelid::regclass::text <> 'alembic_version'
        UNION ALL
        SELECT indexname, indexdef FROM pg_indexes
         WHERE schemaname = 'public' AND tablename <> 'alembic_version'
        UNION ALL
        SELECT table_name || '.' || column_name,
               concat_ws(' ', ordinal_position, data_type, character_maximum_length, is_nullable,
                         column_default)
          FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name <> 'alembic_version'
    """,
}


def test_the_migrated_schema_is_the_described_one(database_url: str) -> None:
    differences = asyncio.run(_on(database_url, _differences))

    assert differences == []


@pytest.mark.parametrize(
    ("database_url", "empty_database_url"), [(kind, kind) for kind in KINDS], indirect=True
)
def test_every_constraint_of_the_tables_is_migrated(
    database_url: str, empty_database_url: str
) -> None:
    asyncio.run(_on(empty_database_url, metadata.create_all))

    migrated = asyncio.run(_on(database_url, _schema))
    described = asyncio.run(_on(empty_database_url, _schema))

    assert migrated == described


def test_an_empty_database_is_not_current_until_upgraded(empty_database_url: str) -> None:
    before = asyncio.run(is_current(empty_database_url))
    upgrade(empty_database_url)

    assert (before, asyncio.run(is_current(empty_database_url))) == (False, True)


def test_a_schema_of_a_newer_version_is_not_current(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    asyncio.run(_on(empty_database_url, _pretend_to_be_newer))

    assert not asyncio.run(is_current(empty_database_url))


def test_the_newest_revision_by_name_is_the_one_alembic_leads_to() -> None:
    with as_file(files("server.ledger") / "migrations") as folder:
        assert ScriptDirectory(str(folder)).get_heads() == [newest_revision()]


def test_an_upgrade_repeated_changes_nothing(database_url: str) -> None:
    before = asyncio.run(_on(database_url, _schema))
    upgrade(database_url)

    assert asyncio.run(_on(database_url, _schema)) == before


def test_processes_that_start_together_migrate_once(empty_database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, [empty_database_url] * 4))

    assert asyncio.run(is_current(empty_database_url))


def test_every_desk_shard_starts_with_epoch_zero(database_url: str) -> None:
    rows = asyncio.run(_on(database_url, _desks))

    assert rows == [(shard, 0) for shard in range(16)]


@pytest.mark.asyncio
async def test_sums_of_months_and_weeks_are_made_of_those_of_days(empty_database_url: str) -> None:
    ledger = Ledger.connect(empty_database_url)
    days = ["2024-12-30", "2025-12-28", "2026-01-01", "2026-01-31", "2026-03-01", "2027-01-03"]
    async with ledger.begin() as conn:
        await conn.run_sync(_upgrade_to, "0044")
        for day in days:
            await add(conn, report_sums, day=day)
            await add(conn, report_sums, day=day, by="hour", value="09")
            await add(conn, report_sums, day=day, by="day", value="", measure="stratum_paid")
        await conn.run_sync(_upgrade_to, "head")
        rows = list(await conn.execute(select(report_span_sums)))
    await ledger.close()

    found = {(row.measure, row.span): row.sum for row in rows}
    months = {"2024-12": 1, "2025-12": 1, "2026-01": 2, "2026-03": 1, "2027-01": 1}
    weeks = (span_of_day(day, Grain.WEEK) for day in days)
    assert {row.by for row in rows} == {"room", "day"}
    assert found == {("issued", month): count for month, count in months.items()} | {
        ("stratum_paid", week): 1 for week in weeks
    }


@pytest.mark.asyncio
async def test_claims_of_campaigns_are_counted_on_after_codes_are(empty_database_url: str) -> None:
    ledger = Ledger.connect(empty_database_url)
    row = ("cmp_1", "s1", 1, 2, "clm_1")
    names = "campaign_id, student, slot, per_student, claim_id"
    async with ledger.begin() as conn:
        await conn.run_sync(_upgrade_to, "0008")
        await add_drop(conn)
        await add_claim(conn, 1)
        await add(conn, campaigns)
        await conn.execute(text(f"INSERT INTO campaign_claims ({names}) VALUES {row}"))
        await conn.run_sync(_upgrade_to, "head")
        kept = (await conn.execute(text(f"SELECT {names}, coupon_id FROM campaign_claims"))).all()
    await ledger.close()

    assert kept == [(*row, None)]


def _upgrade_to(connection: Connection, revision: str) -> None:
    with as_file(files("server.ledger") / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


async def _on(url: str, job: Callable[[Connection], T]) -> T:
    ledger = Ledger.connect(url)
    try:
        async with ledger.begin() as conn:
            return await conn.run_sync(job)
    finally:
        await ledger.close()


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def _schema(connection: Connection) -> dict[str, str]:
    rows = connection.execute(text(_SCHEMA_SQL[connection.dialect.name]))
    return {name: re.sub(r"\s+", " ", definition) for name, definition in rows}


def _pretend_to_be_newer(connection: Connection) -> None:
    connection.execute(text("UPDATE alembic_version SET version_num = 'from_the_future'"))


def _desks(connection: Connection) -> list[tuple[int, int]]:
    rows = connection.execute(select(desks.c.shard, desks.c.epoch).order_by(desks.c.shard))
    return [(shard, epoch) for shard, epoch in rows]
