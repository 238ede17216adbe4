"""The form of a job, and the parts that all jobs are made of.

Used by each module of this package, by `worker.py`, which runs the jobs, and by the composition root.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.jobs import JobKind
from server.desk.claims.outbox import Outbox
from server.desk.consistency_status import ConsistencyStatus
from server.desk.feed.number_announcements import NumberAnnouncements
from server.desk.shards.fence import Fence
from server.flows.consistency.rebuild.rebuild_desk import DeskRebuilder
from server.flows.events.send_messages import USUAL_POLICY, MessagePolicy
from server.flows.jobs import Handler
from server.flows.stores import Stores
from server.mail import Mailer
from server.observability.metrics import Metrics
from server.worker.cadence import Cadence
from server.worker.claims_loop import ClaimsLoop
from server.worker.webhook_sender import WebhookSender

UTC: Final = ZoneInfo("UTC")
Due = Callable[[AsyncConnection, int], Awaitable[object]]


async def on_change(_conn: AsyncConnection, _by: int) -> bool:
    """Return False: nothing comes due by the time alone. The `due` of jobs that follow the ledger."""
    return False


class Job(NamedTuple):
    """`interval_s`: seconds between the end of one round and the next one. `owner`: the module, below
    `server`, that has the rules of the job. `idle_s`: seconds after a round that found nothing to do, where
    they differ: a job that looks twenty times a second would cost 4 % of a core with nothing to do.
    `due(conn, by)`: whether there is, or comes due until `by` (ms UTC), something to do with the ledger as it
    is; the job rests while there is not. None: the job never rests, because it looks at Redis or takes long
    pauses by itself."""

    name: str
    interval_s: float
    owner: str
    run: Callable[[], Awaitable[object]]
    idle_s: float | None = None
    due: Due | None = None

    def pause_s(self, found: object) -> float:
        """Return how long to wait after a round that returned `found`."""
        return self.interval_s if found or self.idle_s is None else self.idle_s


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerParts:
    """`lanes`: each moves claims by itself, as a consumer of its own. `consistency_status`: where web
    processes read whether desk and ledger agree; None: they are not told.
    `number_announcements`: where they read that events have numbers, likewise. `mailer` None: no mail is
    sent. `job_handlers`: what drives each kind of job that operators ask for."""

    stores: Stores
    outbox: Outbox
    fence: Fence
    lanes: Sequence[ClaimsLoop]
    rebuilder: DeskRebuilder
    metrics: Metrics
    consistency_status: ConsistencyStatus | None = None
    number_announcements: NumberAnnouncements | None = None
    event_days: int = 400
    approval_ms: int = 0  # how long an approval waits; 0: for ever
    webhook_sender: WebhookSender | None = None
    message_policy: MessagePolicy = USUAL_POLICY
    mailer: Mailer | None = None
    remind_before_hours: Sequence[int] = ()
    time_zone: ZoneInfo = UTC
    job_handlers: Mapping[JobKind, Handler] = field(default_factory=dict)
    cadence: Cadence = field(default_factory=Cadence)
