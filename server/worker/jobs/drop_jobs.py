"""Jobs that move drops and their units on: overdue closes, holds, intents, stops, counts."""

from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import now_ms
from server.flows.draws.drive_draws import drive_draws
from server.flows.draws.refill_draws import refill_draws
from server.flows.drops.end_holds import end_holds
from server.flows.drops.intents.drive_intents import close_overdue, close_sold_out, drive_pending
from server.flows.drops.seal_drops import seal_drops
from server.flows.drops.stop_instructor import close_drops_of_stopped
from server.flows.drops.views.update_live_counts import (
    WATCHED_AFTER_CLOSE_MS,
    update_live_counts,
)
from server.flows.links.link_views import keep_opened
from server.flows.promotions.stops import publish_stops
from server.flows.stage.fire_cues import fire_due
from server.ledger import intents
from server.ledger.access import rules
from server.ledger.coupons import coupon_moves
from server.ledger.drops import cues, draws, drops, seals
from server.ledger.promotions import stops
from server.worker.jobs.job import Job, WorkerParts


class DropJobs:
    def __init__(self, parts: WorkerParts) -> None:
        self._stores = parts.stores
        self._fence = parts.fence
        self._metrics = parts.metrics
        self._left_behind_ms = parts.cadence.left_behind_ms

    def jobs(self) -> tuple[Job, ...]:
        return (
            # Students and teachers see the effect of these at once.
            Job(
                "close_overdue",
                0.5,
                "flows.drops.intents.drive_intents",
                self.close_overdue,
                due=lambda conn, by: drops.overdue(conn, by, 1),
            ),
            Job(
                "fire_cues",
                0.25,
                "flows.stage.fire_cues",
                self.fire_cues,
                due=lambda conn, by: cues.due(conn, 1, by),
            ),
            Job(
                "close_sold_out",
                0.5,
                "flows.drops.intents.drive_intents",
                self.close_sold_out,
                due=lambda conn, _: drops.open_without_end(conn, 1),
            ),
            # A student's entry is safe when this has taken it to the ledger.
            Job(
                "drive_draws",
                0.1,
                "flows.draws.drive_draws",
                self.drive_draws,
                idle_s=0.4,
                due=_has_draws,
            ),
            Job(
                "refill_draws",
                0.5,
                "flows.draws.refill_draws",
                self.refill_draws,
                due=lambda conn, _: draws.to_refill(conn, 1),
            ),
            Job(
                "end_holds",
                0.5,
                "flows.drops.end_holds",
                self.end_holds,
                due=lambda conn, by: coupon_moves.overdue_holds(conn, by, 1),
            ),
            Job(
                "seal_drops",
                0.5,
                "flows.drops.seal_drops",
                self.seal_drops,
                due=lambda conn, _: seals.due(conn, (0, ""), 1),
            ),
            Job(
                "publish_stops",
                0.5,
                "flows.promotions.stops",
                self.publish_stops,
                due=self._has_stops_to_publish,
            ),
            Job(
                "close_drops_of_stopped",
                0.5,
                "flows.drops.stop_instructor",
                self.close_drops_of_stopped,
                due=_has_drops_of_stopped,
            ),
            # Finishes what another process has left undone; it is usually done in milliseconds.
            Job(
                "drive_intents",
                1.0,
                "flows.drops.intents.drive_intents",
                self.drive_intents,
                due=lambda conn, by: intents.pending(conn, by - self._left_behind_ms, 1),
            ),
            Job(
                "update_live_counts",
                1.0,
                "flows.drops.views.update_live_counts",
                self.update_live_counts,
                due=lambda conn, by: drops.lately_open(conn, by - WATCHED_AFTER_CLOSE_MS, 1),
            ),
            Job("keep_opened", 20.0, "flows.links.link_views", self.keep_opened),
        )

    async def close_overdue(self) -> None:
        await close_overdue(self._stores, now_ms())

    async def fire_cues(self) -> None:
        await fire_due(self._stores, now_ms())

    async def close_sold_out(self) -> None:
        await close_sold_out(self._stores, now_ms())

    async def drive_draws(self) -> int:
        return await drive_draws(self._stores, now_ms())

    async def refill_draws(self) -> None:
        await refill_draws(self._stores, now_ms())

    async def end_holds(self) -> None:
        self._metrics.holds_ended.inc(await end_holds(self._stores, now_ms()))

    async def seal_drops(self) -> None:
        await seal_drops(self._stores, now_ms())

    async def drive_intents(self) -> None:
        driven = await drive_pending(self._stores, self._left_behind_ms, now_ms())
        self._metrics.intents_pending.set(driven.waiting)

    async def publish_stops(self) -> None:
        await publish_stops(self._stores.ledger, self._stores.desk)

    async def _has_stops_to_publish(self, conn: AsyncConnection, _by: int) -> bool:
        """Return whether a shard knows other stops than the ledger, or is shut: then it may soon."""
        version, _ = await stops.stopped_claims(conn)
        known = await self._stores.desk.stops_known()
        return any(one != version for one in known) or bool(await self._fence.shut_shards())

    async def close_drops_of_stopped(self) -> None:
        await close_drops_of_stopped(self._stores, now_ms())

    async def update_live_counts(self) -> None:
        await update_live_counts(self._stores.ledger, self._stores.feed, now_ms())

    async def keep_opened(self) -> None:
        await keep_opened(self._stores, now_ms())


async def _has_draws(conn: AsyncConnection, _by: int) -> bool:
    return bool(await drops.open_draws(conn, 1) or await drops.drawing(conn, 1))


async def _has_drops_of_stopped(conn: AsyncConnection, by: int) -> bool:
    stopped = await rules.stopped_instructors(conn, by)
    return bool(stopped and await drops.under_way_of(conn, stopped, 1))
