"""Jobs that operators have asked for, and jobs that delete what nothing needs any more."""

from server.clock import now_ms
from server.core.experiments.experiments import KEPT_MS as EXPOSURES_KEPT_MS
from server.flows.access.prune_rules import prune_rules
from server.flows.alerts import watch as alert_watch
from server.flows.approvals import approvals
from server.flows.audiences import audiences, imports, student_events
from server.flows.coupons.issuing.approve_issuances import APPLIERS
from server.flows.coupons.issuing.prune_issuances import prune_issuances
from server.flows.coupons.prune_claim_limits import prune_claim_limits
from server.flows.events.fire_triggers import delete_old as delete_old_firings
from server.flows.events.number_events import remove_old
from server.flows.events.send_messages import delete_old as delete_old_messages
from server.flows.events.webhooks import clean_up
from server.flows.experiments.expose import delete_old as delete_old_exposures
from server.flows.jobs import drive_jobs
from server.flows.lotteries.lotteries import delete_old as delete_old_spins
from server.flows.offers.end_offers import delete_old as delete_old_offers
from server.flows.stage.fire_cues import remove_old as remove_old_cues
from server.ledger import idempotency
from server.ledger import jobs as job_rows
from server.worker.jobs.job import Job, WorkerParts


class UpkeepJobs:
    def __init__(self, parts: WorkerParts) -> None:
        self._stores = parts.stores
        self._ledger = parts.stores.ledger
        self._event_days = parts.event_days
        self._approval_ms = parts.approval_ms
        self._job_handlers = parts.job_handlers

    def jobs(self) -> tuple[Job, ...]:
        return (
            Job(
                "drive_jobs",
                0.5,
                "flows.jobs",
                self.drive_jobs,
                due=lambda conn, by: job_rows.due_jobs(conn, by, 1),
            ),
            Job("watch_alerts", 5.0, "flows.alerts.watch", self.watch_alerts),
            Job("watch_slow_alerts", 300.0, "flows.alerts.watch", self.watch_slow_alerts),
            Job("expire_approvals", 60.0, "flows.approvals.approvals", self.expire_approvals),
            Job("clean_up_webhooks", 600.0, "flows.events.webhooks", self.clean_up_webhooks),
            Job("delete_imports", 3_600.0, "flows.audiences.imports", self.delete_imports),
            Job("delete_expired", 3_600.0, "ledger.idempotency", self.delete_expired),
            Job("remove_old_events", 3_600.0, "flows.events.number_events", self.remove_events),
        )

    async def drive_jobs(self) -> None:
        await drive_jobs(self._stores, self._job_handlers, now_ms())

    async def watch_alerts(self) -> None:
        await alert_watch.watch_alerts(self._ledger, self._stores.actor, now_ms())

    async def watch_slow_alerts(self) -> None:
        await alert_watch.watch_slow_alerts(self._ledger, now_ms())

    async def expire_approvals(self) -> None:
        actor, waits_ms = self._stores.actor, self._approval_ms
        await approvals.expire(self._ledger, APPLIERS, actor, waits_ms, now_ms())

    async def clean_up_webhooks(self) -> None:
        await clean_up(self._ledger, now_ms())

    async def delete_imports(self) -> None:
        await imports.delete_expired(self._ledger, now_ms())

    async def remove_events(self) -> None:
        await remove_old(self._ledger, self._event_days, now_ms())

    async def delete_expired(self) -> None:
        """Delete keys, claim limits, student events, messages, rules, spins and cues that nobody needs."""
        now = now_ms()
        async with self._ledger.begin() as conn:
            await idempotency.delete_expired(conn, now)
            await job_rows.delete_old(conn, now)
        await prune_claim_limits(self._stores, now)
        await prune_issuances(self._ledger, now)
        await student_events.delete_old(self._ledger, now)
        await delete_old_messages(self._stores, now)
        await prune_rules(self._ledger, now)
        await audiences.delete_unused(self._ledger, now)
        await delete_old_firings(self._ledger, now)
        await delete_old_spins(self._ledger, now)
        await delete_old_offers(self._stores, now)
        await remove_old_cues(self._ledger, now)
        await alert_watch.delete_old(self._ledger, now)
        await delete_old_exposures(self._ledger, now - EXPOSURES_KEPT_MS)
