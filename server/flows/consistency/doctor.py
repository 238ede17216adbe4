"""Run all checks of ledger and desk against the promises: the work of `doctor`.

Called by commands/doctor.py. Changes nothing, and may run beside everything else. Ledger and desk cannot be
read at one moment, so a round of checks may meet a claim, a release or a rebuild half way. Therefore the
checks are repeated where they found something, and only what every round found is reported.
"""

import asyncio
from dataclasses import dataclass

from server.core.drops.drops import OPENING_DEADLINE_MS
from server.desk.keys import SHARDS
from server.desk.shards.desk_audit import DeskAudit
from server.flows.consistency.checks.desk_checks import check_shard
from server.flows.consistency.checks.event_checks import check_events
from server.flows.consistency.checks.issuance_checks import check_issuances
from server.flows.consistency.checks.ledger_checks import (
    check_batch_counters,
    check_budgets,
    check_dead_letters,
    check_drops,
)
from server.flows.consistency.checks.lottery_checks import check_lotteries
from server.flows.consistency.checks.seal_checks import check_seals
from server.flows.consistency.checks.statement_checks import check_statements
from server.flows.consistency.checks.trigger_checks import check_triggers
from server.flows.consistency.findings import PERSON, Finding, FindingKind
from server.ledger.consistency import unit_audit
from server.ledger.engine import Ledger

ROUNDS = 3  # of checks, where the first one found something
PAUSE_SECONDS = 1.0
OUTBOX_WAITS_MS = 10_000  # a worker moves an entry to the ledger within about a second
LEFT_BEHIND_MS = (
    OPENING_DEADLINE_MS  # by then a worker has driven each intent, or cancelled the opening
)
_DROPS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class DiagnosisSize:
    """The numbers of drops and batches that the ledger has."""

    drops: int
    open_drops: int
    batches: int


async def read_size(ledger: Ledger) -> DiagnosisSize:
    """Count what `diagnose` checks. LedgerUnavailableError is passed on."""
    async with ledger.read() as conn:
        return DiagnosisSize(*await unit_audit.row_counts(conn))


async def diagnose(
    ledger: Ledger, desk: DeskAudit, now: int, pause_s: float = PAUSE_SECONDS
) -> list[Finding]:
    """Return what is wrong, in the words of the last round; empty where all is well.

    Takes up to (ROUNDS - 1) * `pause_s` longer than the checks. DeskUnavailableError and
    LedgerUnavailableError are passed on: then nothing is known.
    """
    found = await _run_checks(ledger, desk, now)
    for _ in range(ROUNDS - 1):
        # Keep only what this round finds again. The newest words are reported: their numbers are current.
        if not found:
            break
        before = {finding.about for finding in found}
        await asyncio.sleep(pause_s)
        found = [one for one in await _run_checks(ledger, desk, now) if one.about in before]
    return found


async def _run_checks(ledger: Ledger, desk: DeskAudit, now: int) -> list[Finding]:
    # Intents and outbox first: they explain many of the other findings, and are printed first.
    found = await _check_intents(ledger, now)
    for shard in range(SHARDS):
        found += await _check_outbox(desk, shard)
    found += await check_dead_letters(ledger)
    for shard in range(SHARDS):
        found += await check_shard(ledger, desk, shard, now)
    found += await _check_unknown_drops(ledger, desk)
    found += await check_drops(ledger, desk)
    found += await check_batch_counters(ledger)
    found += await check_budgets(ledger)
    found += await check_issuances(ledger)
    found += await check_triggers(ledger)
    found += await check_lotteries(ledger, now)
    found += await check_statements(ledger)
    found += await check_seals(ledger)
    found += await check_events(ledger, now)
    return found


async def _check_outbox(desk: DeskAudit, shard: int) -> list[Finding]:
    waiting = await desk.backlog(shard)
    if not waiting.entries or waiting.oldest_age_ms < OUTBOX_WAITS_MS:
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


async def _check_intents(ledger: Ledger, now: int) -> list[Finding]:
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


async def _check_unknown_drops(ledger: Ledger, desk: DeskAudit) -> list[Finding]:
    """Find drops of the desk that the ledger does not have: the ledger has lost something, or the desk
    belongs to another ledger.
    """
    found = {drop_id: shard async for shard, drop_id in desk.drops()}
    unknown: list[str] = []
    ids = sorted(found)
    for start in range(0, len(ids), _DROPS_AT_ONCE):
        page = ids[start : start + _DROPS_AT_ONCE]
        async with ledger.read() as conn:
            known = await unit_audit.existing_drops(conn, page)
        unknown += [drop_id for drop_id in page if drop_id not in known]
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
