"""Compares desk and ledger all the time (promise I6), and publishes the result.

Called by `jobs/claim_jobs.py`. The result goes to the metrics (over all open drops), to the web processes
(for `/readyz`), to the counts of each drop that its teacher sees, and to the log, once for each time that
they begin to differ. Repairs nothing: a rebuild does, which `doctor --repair` asks for.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import structlog

from server.core.drops.stock import total
from server.desk.claims.outbox import Outbox
from server.desk.consistency_status import ConsistencyStatus, ConsistencyVerdict
from server.desk.shards.fence import Fence
from server.flows.consistency.measure_difference import (
    SECOND_LOOK_SECONDS,
    DropDifference,
    measure_differences,
)
from server.flows.stores import Stores
from server.observability.metrics import Metrics

_USES = ("free", "held", "redeemed", "returned")
_log = structlog.get_logger()


@dataclass(slots=True)
class DifferenceWatch:
    """`status` None: web processes are not told."""

    stores: Stores
    outbox: Outbox
    fence: Fence
    metrics: Metrics
    status: ConsistencyStatus | None = None
    second_look_s: float = SECOND_LOOK_SECONDS
    _has_logged: bool = False

    async def look(self) -> None:
        """Compare once. Where nothing could be compared, the published result stays as it is.

        Raises DeskUnavailableError and LedgerUnavailableError."""
        found = await measure_differences(self.stores, self.outbox, self.fence, self.second_look_s)
        if found is None:
            return
        verdict = _verdict(found)
        self.metrics.difference.set(verdict.difference)
        for use in _USES:
            self.metrics.stock.labels(use).set(getattr(verdict, use))
        self._log(found)
        for one in found:
            counters = {"settled_difference": one.units}
            await self.stores.feed.write_live_counts(one.room, one.drop_id, counters)
        if self.status is not None:
            await self.status.put(verdict)

    def _log(self, found: Sequence[DropDifference]) -> None:
        differing = [one for one in found if one.units]
        if differing and not self._has_logged:
            drops = {one.drop_id: (one.on_desk, one.in_ledger) for one in differing}
            _log.warning("desk_and_ledger_disagree", on_desk_and_in_ledger=drops)
        self._has_logged = bool(differing)


def _verdict(found: Sequence[DropDifference]) -> ConsistencyVerdict:
    return ConsistencyVerdict(
        drops=len(found),
        **asdict(total(one.stock for one in found)),
        difference=sum(one.units for one in found),
        differing=tuple(one.drop_id for one in found if one.units),
    )
