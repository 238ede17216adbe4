"""The reconciler: compares desk and ledger all the time (promise I6), and shows what it found.

Called by `worker.py`. As figures over all open drops, as a verdict that web processes read
(`/readyz`), on the board of each drop for its teacher, and in the log, once for each time they stop
agreeing. Only looks: what mends a difference is the rebuild, which `doctor --repair` asks for.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import structlog

from server.core.drops.stock import total
from server.desk.consistency_status import ConsistencyStatus, ConsistencyVerdict
from server.desk.fence import Fence
from server.desk.outbox import Outbox
from server.flows.consistency.measure_difference import (
    SECOND_LOOK_SECONDS,
    DropDifference,
    measure_differences,
)
from server.flows.stores import Stores
from server.telemetry import Metrics

_USES = ("free", "held", "redeemed", "returned")
_log = structlog.get_logger()


@dataclass(slots=True)
class DifferenceWatch:
    """`board` None: no web process is told."""

    stores: Stores
    outbox: Outbox
    fence: Fence
    metrics: Metrics
    board: ConsistencyStatus | None = None
    second_look_s: float = SECOND_LOOK_SECONDS
    _has_said: bool = False

    async def look(self) -> None:
        """What is shown stays as it is where nothing could be told. DeskUnavailableError and
        LedgerUnavailableError pass."""
        found = await measure_differences(self.stores, self.outbox, self.fence, self.second_look_s)
        if found is None:
            return
        verdict = _verdict(found)
        self.metrics.difference.set(verdict.difference)
        for use in _USES:
            self.metrics.stock.labels(use).set(getattr(verdict, use))
        self._say(found)
        for one in found:
            counters = {"settled_difference": one.units}
            await self.stores.feed.write_live_counts(one.room, one.drop_id, counters)
        if self.board is not None:
            await self.board.put(verdict)

    def _say(self, found: Sequence[DropDifference]) -> None:
        differing = [one for one in found if one.units]
        if differing and not self._has_said:
            drops = {one.drop_id: (one.on_desk, one.in_ledger) for one in differing}
            _log.warning("desk_and_ledger_disagree", on_desk_and_in_ledger=drops)
        self._has_said = bool(differing)


def _verdict(found: Sequence[DropDifference]) -> ConsistencyVerdict:
    return ConsistencyVerdict(
        drops=len(found),
        **asdict(total(one.stock for one in found)),
        difference=sum(one.units for one in found),
        differing=tuple(one.drop_id for one in found if one.units),
    )
