"""Everything that the promises say and that ledger and desk can tell, looked at once: `doctor`.

Called by commands/doctor.py. Changes nothing, and may run beside everything else. The two cannot be read
at one moment, so a first look may catch a claim, a release or a rebuild half way: what it found is
looked for again, and only what every look found is said.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from server.core.drops.drops import OPENING_DEADLINE_MS
from server.desk.desk_audit import DeskAudit
from server.desk.keys import SHARDS
from server.flows.consistency.desk_checks import check_shard
from server.flows.consistency.findings import PERSON, Finding, FindingKind
from server.flows.consistency.ledger_checks import (
    check_batch_counters,
    check_budgets,
    check_dead_letters,
    check_drops,
)
from server.ledger.consistency import unit_audit
from server.ledger.engine import Ledger

LOOKS = 3  # where the first one found something
PAUSE_SECONDS = 1.0
WAITS_MS = 10_000
LEFT_BEHIND_MS = OPENING_DEADLINE_MS  # a worker has driven everything, or given it up, by then


@dataclass(frozen=True, slots=True)
class DiagnosisSize:
    drops: int
    open_drops: int
    batches: int


async def looked_at(ledger: Ledger) -> DiagnosisSize:
    async with ledger.read() as conn:
        return DiagnosisSize(*await unit_audit.row_counts(conn))


async def diagnose(
    ledger: Ledger, desk: DeskAudit, now: int, pause_s: float = PAUSE_SECONDS
) -> list[Finding]:
    """What is wrong, as the last look says it. DeskUnavailableError, LedgerUnavailableError: it could
    not look."""
    found = await _look(ledger, desk, now)
    for _ in range(LOOKS - 1):
        if not found:
            break
        before = {finding.about for finding in found}
        await asyncio.sleep(pause_s)
        found = [one for one in await _look(ledger, desk, now) if one.about in before]
    return found


async def _look(ledger: Ledger, desk: DeskAudit, now: int) -> list[Finding]:
    found = await _intents(ledger, now)
    for shard in range(SHARDS):
        found += await _waiting(desk, shard)
    found += await check_dead_letters(ledger)
    for shard in range(SHARDS):
        found += await check_shard(ledger, desk, shard, now)
    found += await _unknown_drops(ledger, desk)
    found += await check_drops(ledger, desk)
    found += await check_batch_counters(ledger)
    found += await check_budgets(ledger)
    return found


async def _waiting(desk: DeskAudit, shard: int) -> list[Finding]:
    waiting = await desk.waiting(shard)
    if not waiting.entries or waiting.oldest_age_ms < WAITS_MS:
        return []
    seconds = waiting.oldest_age_ms // 1000
    return [
        Finding(
            FindingKind.OUTBOX_WAITS,
            f"{waiting.entries} claims of desk shard {shard} are won and not in the ledger yet, the "
            f"oldest for {seconds} s",
            "start a worker, or look why none reaches the ledger; nothing is lost meanwhile",
            shard=shard,
        )
    ]


async def _intents(ledger: Ledger, now: int) -> list[Finding]:
    async with ledger.read() as conn:
        rows = await unit_audit.unfinished_intents(conn, now - LEFT_BEHIND_MS)
    return [
        Finding(
            FindingKind.INTENT_LEFT_BEHIND,
            f"the desk still has to be told of a change of drop {row.drop_id} ({row.kind}), written "
            f"{(now - row.created_at) // 1000} s ago and tried {row.attempts} times"
            + (f": {row.error}" if row.error else ""),
            "--repair tells it; else start a worker",
            drop=row.drop_id,
            at=row.created_at,
            error=row.error,
        )
        for row in rows
    ]


async def _unknown_drops(ledger: Ledger, desk: DeskAudit) -> list[Finding]:
    """On the desk, and no drop of the ledger: its ledger has lost something, or is another one."""
    found = {drop_id: shard async for shard, drop_id in desk.drops()}
    unknown: list[str] = []
    ids = sorted(found)
    for start in range(0, len(ids), 500):
        piece: Sequence[str] = ids[start : start + 500]
        async with ledger.read() as conn:
            known = await unit_audit.existing_drops(conn, piece)
        unknown += [drop_id for drop_id in piece if drop_id not in known]
    return [
        Finding(
            FindingKind.UNKNOWN_DROP,
            f"the desk has a drop {drop_id} that the ledger does not know: the ledger was restored from "
            "an older copy, or is another one's",
            PERSON,
            drop=drop_id,
            shard=found[drop_id],
        )
        for drop_id in unknown
    ]
