"""Jobs about coupons and the money behind them: issuances, moves, expiry, redemptions, budgets."""

from server.clock import now_ms
from server.flows.access.pause_fast_batches import pause_fast_batches
from server.flows.checkout.balances import credit_due
from server.flows.checkout.unlock import expire_overdue
from server.flows.coupons.codes import LEFT_BEHIND_MS as RUN_LEFT_BEHIND_MS
from server.flows.coupons.codes import finish_runs
from server.flows.coupons.expire_coupons import tell_expired
from server.flows.coupons.issuing.drive_issuances import IssueParts, drive_due
from server.flows.coupons.publish_coupons import publish_left_behind
from server.flows.lotteries.days import move_days_on
from server.flows.lotteries.lotteries import end_over
from server.flows.lotteries.settle_spins import LEFT_BEHIND_MS, finish_left_behind
from server.flows.offers.accept_offer import settle_left_behind
from server.flows.offers.end_offers import expire_due
from server.flows.promotions import budgets
from server.ledger.checkout import redemptions
from server.ledger.coupons import codes, coupon_changes, coupon_expiries, issuances
from server.ledger.lotteries import spins
from server.ledger.offers import offers
from server.ledger.promotions import budgets as budget_rows
from server.worker.jobs.job import Job, WorkerParts, on_change


class CouponJobs:
    def __init__(self, parts: WorkerParts) -> None:
        self._stores = parts.stores
        self._ledger = parts.stores.ledger
        self._metrics = parts.metrics
        self._left_behind_ms = parts.cadence.left_behind_ms
        self._issuing = IssueParts(self._ledger, parts.stores.desk, now_ms, parts.time_zone)

    def jobs(self) -> tuple[Job, ...]:
        return (
            Job(
                "drive_issuances",
                0.25,
                "flows.coupons.issuing.drive_issuances",
                self.drive_issuances,
                due=lambda conn, by: issuances.due(conn, by, 1),
            ),
            # Finishes what another process has left undone; it is usually done in milliseconds.
            Job(
                "finish_spins",
                1.0,
                "flows.lotteries.settle_spins",
                self.finish_spins,
                idle_s=2.0,
                due=lambda conn, by: spins.left_behind(conn, by - LEFT_BEHIND_MS, 1),
            ),
            Job(
                "settle_offers",
                1.0,
                "flows.offers.accept_offer",
                self.settle_offers,
                due=lambda conn, _: offers.being_accepted(conn, 1),
            ),
            Job(
                "expire_offers",
                1.0,
                "flows.offers.end_offers",
                self.expire_offers,
                due=lambda conn, by: offers.overdue(conn, by, 1),
            ),
            Job("move_lottery_days_on", 20.0, "flows.lotteries.days", self.move_lottery_days_on),
            Job("end_lotteries", 20.0, "flows.lotteries.lotteries", self.end_lotteries),
            Job(
                "pause_fast_batches",
                1.0,
                "flows.access.pause_fast_batches",
                self.pause_fast_batches,
                due=on_change,
            ),
            # These finish what another process has left undone; it is usually done in milliseconds.
            Job(
                "publish_coupons",
                1.0,
                "flows.coupons.publish_coupons",
                self.publish_coupons,
                due=lambda conn, by: coupon_changes.unpublished(conn, by - self._left_behind_ms, 1),
            ),
            Job(
                "finish_code_runs",
                2.0,
                "flows.coupons.codes",
                self.finish_code_runs,
                due=lambda conn, by: codes.unfinished_runs(conn, by - RUN_LEFT_BEHIND_MS, 1),
            ),
            Job("log_warnings", 1.0, "flows.promotions.budgets", self.log_warnings, due=on_change),
            Job(
                "give_back_budgets",
                2.0,
                "flows.promotions.budgets",
                self.give_back_budgets,
                due=lambda conn, by: budget_rows.expired(conn, by, 1),
            ),
            Job(
                "tell_expired",
                2.0,
                "flows.coupons.expire_coupons",
                self.tell_expired,
                due=coupon_expiries.has_untold_expiry,
            ),
            Job(
                "expire_redemptions",
                5.0,
                "flows.checkout.unlock",
                self.expire_redemptions,
                due=lambda conn, by: redemptions.overdue(conn, by, 1),
            ),
            Job("credit_rebates", 60.0, "flows.checkout.balances", self.credit_rebates),
        )

    async def drive_issuances(self) -> None:
        await drive_due(self._issuing)

    async def settle_offers(self) -> None:
        await settle_left_behind(self._stores, now_ms())

    async def expire_offers(self) -> None:
        await expire_due(self._stores, now_ms())

    async def finish_spins(self) -> int:
        return await finish_left_behind(self._issuing)

    async def move_lottery_days_on(self) -> None:
        await move_days_on(self._ledger, self._issuing.zone, now_ms())

    async def end_lotteries(self) -> None:
        await end_over(self._ledger, now_ms())

    async def pause_fast_batches(self) -> None:
        await pause_fast_batches(self._stores, now_ms(), self._metrics.batches_paused.inc)

    async def publish_coupons(self) -> None:
        await publish_left_behind(self._stores, self._left_behind_ms, now_ms())

    async def finish_code_runs(self) -> None:
        await finish_runs(self._ledger, now_ms())

    async def log_warnings(self) -> None:
        await budgets.log_warnings(
            self._ledger,
            now_ms(),
            lambda kind, level: self._metrics.budget_warnings.labels(kind, level).inc(),
        )

    async def give_back_budgets(self) -> None:
        await budgets.give_back_expired(self._ledger, now_ms())

    async def tell_expired(self) -> None:
        await tell_expired(self._ledger, now_ms())

    async def expire_redemptions(self) -> None:
        await expire_overdue(self._ledger, now_ms())

    async def credit_rebates(self) -> None:
        await credit_due(self._ledger, now_ms())
