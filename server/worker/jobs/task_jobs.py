"""Jobs of tasks: those that the school's events or invitations have done, and the end of what is old."""

from server.clock import now_ms
from server.flows.tasks.school_events import read_events
from server.flows.tasks.tell_passes import delete_old, has_untold_passes, tell_passes
from server.worker.jobs.job import Job, WorkerParts, on_change


class TaskJobs:
    def __init__(self, parts: WorkerParts) -> None:
        self._stores = parts.stores

    def jobs(self) -> tuple[Job, ...]:
        return (
            # A student waits for their card to open.
            Job(
                "read_task_events",
                0.2,
                "flows.tasks.school_events",
                self.read_events,
                idle_s=0.5,
                due=on_change,
            ),
            Job(
                "tell_passes",
                0.2,
                "flows.tasks.tell_passes",
                self.tell_passes,
                idle_s=0.5,
                due=has_untold_passes,
            ),
            Job("delete_old_tasks", 3600.0, "flows.tasks.tell_passes", self.delete_old),
        )

    async def read_events(self) -> int:
        return await read_events(self._stores.ledger)

    async def tell_passes(self) -> int:
        return await tell_passes(self._stores)

    async def delete_old(self) -> None:
        await delete_old(self._stores.ledger, now_ms())
