"""All jobs of a worker: what runs, how often, and which module has its rules.

Run by `worker.py`. Any number of workers run the same jobs at the same time, so each job may be done twice.
Every job may raise DeskUnavailableError and LedgerUnavailableError; it is then tried again.
"""

from server.worker.jobs.claim_jobs import ClaimJobs
from server.worker.jobs.coupon_jobs import CouponJobs
from server.worker.jobs.drop_jobs import DropJobs
from server.worker.jobs.event_jobs import EventJobs
from server.worker.jobs.job import Job, WorkerParts
from server.worker.jobs.task_jobs import TaskJobs
from server.worker.jobs.upkeep_jobs import UpkeepJobs


class Jobs:
    """The groups of jobs; a test may run one job by itself."""

    def __init__(self, parts: WorkerParts) -> None:
        self.claims = ClaimJobs(parts)
        self.drops = DropJobs(parts)
        self.coupons = CouponJobs(parts)
        self.events = EventJobs(parts)
        self.tasks = TaskJobs(parts)
        self.upkeep = UpkeepJobs(parts)

    def table(self) -> tuple[Job, ...]:
        groups = (self.claims, self.drops, self.coupons, self.events, self.tasks, self.upkeep)
        return tuple(job for group in groups for job in group.jobs())

    async def close(self) -> None:
        """End what the jobs have left running."""
        await self.claims.close()
        await self.events.close()
