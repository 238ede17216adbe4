"""Composes what looks for faults and repairs them: for `doctor`, and for a worker's jobs of that kind.

It has connections of its own: its statements may take longer than those of requests.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from server.clock import now_ms
from server.commands import CommandError
from server.commands.preflight import weaknesses
from server.configuration.settings import Settings
from server.core.jobs import JobKind
from server.core.students.erasure import key_of
from server.desk.claims.outbox import Outbox
from server.desk.drops.drop_desk import DropDesk
from server.desk.feed.feed import Feed
from server.desk.redis.connection import connect
from server.desk.shards.desk_audit import DeskAudit
from server.desk.shards.fence import Fence
from server.desk.student_eraser import StudentEraser
from server.flows.consistency.checks.erasure_checks import ErasureChecks
from server.flows.consistency.examine import Examiner, Report, report_json
from server.flows.consistency.findings import Finding, FindingKind
from server.flows.consistency.rebuild.rebuild_desk import DeskRebuilder
from server.flows.consistency.rebuild.repair_shard import ShardRepairer
from server.flows.consistency.repair import Repairer
from server.flows.drops.claims.persist_claims import ClaimPersister
from server.flows.jobs import JobFailedError, JobResult, RunningJob
from server.flows.stores import Stores
from server.ids import new_id
from server.ledger.engine import Ledger

STATEMENT_SECONDS = 60.0  # longer than for a request: no user waits for the result


async def examine(settings: Settings, *, repair: bool) -> Report:
    """Look at everything once, and repair what can be. Raises CommandError where Redis or the ledger cannot
    be used, DeskUnavailableError and LedgerUnavailableError where one goes away."""
    weak = [_weak(line) for line in await weaknesses(settings)]
    async with _composed(settings) as examiner:
        return await examiner.examine(weak, now_ms(), repair=repair)


@dataclass(frozen=True, slots=True)
class Examining:
    """The handler of the jobs that look for faults, and of those that repair them as well."""

    settings: Settings

    async def __call__(self, running: RunningJob) -> JobResult:
        """Return what was found and done. Repeatable."""
        try:
            report = await examine(self.settings, repair=running.job.kind is JobKind.REPAIR)
        except CommandError as error:
            raise JobFailedError("unavailable") from error
        return JobResult(report_json(report))


@asynccontextmanager
async def _composed(settings: Settings) -> AsyncIterator[Examiner]:
    async with AsyncExitStack() as stack:
        redis = connect(settings.redis_url or "")
        stack.push_async_callback(redis.aclose)
        ledger = Ledger.connect(settings.database_url or "", STATEMENT_SECONDS)
        stack.push_async_callback(ledger.close)
        prefix, name = (
            settings.key_prefix,
            new_id("wrk"),
        )  # the name of the lease's owner, as a worker has one
        feed, fence = Feed(redis, prefix), Fence(redis, prefix, name)
        outbox, desk = Outbox(redis, prefix, name), DeskAudit(redis, prefix)
        persister = ClaimPersister(ledger, fence, feed)
        rebuilder = DeskRebuilder(ledger, fence, feed, outbox, persister)
        shards = ShardRepairer(ledger, desk, fence, outbox, persister, rebuilder)
        stores = Stores(ledger, DropDesk(redis, prefix), feed)
        eraser = StudentEraser(redis, prefix)
        checks = ErasureChecks(stores, eraser, [key_of(one) for one in settings.secrets])
        yield Examiner(ledger, desk, Repairer(stores, shards), checks)


def _weak(line: str) -> Finding:
    return Finding(
        FindingKind.WEAK_REDIS,
        f"Redis may forget claims that were told won: {line}",
        "set it as README.md says, or accept it by CLASSDROP_ACCEPT_WEAK_REDIS=1",
    )
