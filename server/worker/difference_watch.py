"""Shows whether desk and ledger agree, and says so once when they stop agreeing.

Called by `worker.py`. Only looks: what mends a difference is the rebuild.
"""

from dataclasses import dataclass

import structlog

from server.desk.fence import Fence
from server.desk.outbox import Outbox
from server.flows.measure_difference import measure_difference
from server.flows.places import Places
from server.telemetry import Metrics

_log = structlog.get_logger()


@dataclass(slots=True)
class DifferenceWatch:
    places: Places
    outbox: Outbox
    fence: Fence
    metrics: Metrics
    _has_said: bool = False

    async def look(self) -> None:
        """The figure stays as it is where nothing could be told. DeskUnavailableError and
        LedgerUnavailableError pass."""
        found = await measure_difference(self.places, self.outbox, self.fence)
        if found is None:
            return
        self.metrics.difference.set(sum(one.units for one in found))
        if found and not self._has_said:
            drops = {one.drop_id: (one.on_desk, one.in_ledger) for one in found}
            _log.warning("desk_and_ledger_disagree", on_desk_and_in_ledger=drops)
        self._has_said = bool(found)
