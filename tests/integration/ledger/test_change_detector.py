"""The detector says whether another transaction has been committed."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text

from server.ledger.change_detector import ChangeDetector
from server.ledger.database_errors import LedgerUnavailableError
from server.ledger.engine import Ledger
from tests.support.builders.ledger_rows import add_drop
from tests.support.faults.interruptions import ledger_nowhere

pytestmark = pytest.mark.asyncio

_LOCKED = "SELECT shard FROM desks WHERE shard = 0 FOR UPDATE"


@pytest_asyncio.fixture
async def detector(ledger: Ledger) -> AsyncIterator[ChangeDetector]:
    made = ChangeDetector(ledger)
    yield made
    made.close()


async def test_nothing_has_changed_while_everybody_reads(
    ledger: Ledger, detector: ChangeDetector
) -> None:
    before = await detector.version()
    async with ledger.read() as conn:
        await conn.execute(text("SELECT count(*) FROM drops"))
    async with ledger.begin() as conn:
        await conn.execute(text("SELECT count(*) FROM drops"))
    assert await detector.version() == before


async def test_a_commit_of_this_process_is_a_change(
    ledger: Ledger, detector: ChangeDetector
) -> None:
    before = await detector.version()
    async with ledger.begin() as conn:
        await add_drop(conn)
    assert await detector.version() != before


async def test_a_commit_of_another_process_is_a_change(
    ledger: Ledger, database_url: str, detector: ChangeDetector
) -> None:
    other = Ledger.connect(database_url)
    before = await detector.version()
    async with other.begin() as conn:
        await add_drop(conn)
    assert await detector.version() != before
    await other.close()


async def test_the_commit_counts_and_not_the_write(
    ledger: Ledger, detector: ChangeDetector
) -> None:
    """A look between the write and its commit finds nothing, so the commit has to wake again."""
    async with ledger.begin() as conn:
        await add_drop(conn)
        between = await detector.version()
    assert await detector.version() != between


async def test_a_row_that_is_free_again_is_a_change(
    ledger: Ledger, detector: ChangeDetector
) -> None:
    """A job that has skipped a locked row has to look again. SQLite locks no rows."""
    async with ledger.begin() as conn:
        if conn.dialect.name == "postgresql":
            await conn.execute(text(_LOCKED))
            between = await detector.version()
            await conn.rollback()
            assert await detector.version() != between


async def test_a_ledger_that_is_away_is_said_to_be(ledger: Ledger) -> None:
    with pytest.raises(LedgerUnavailableError):
        await ChangeDetector(ledger_nowhere()).version()
