"""`python -m server worker`: persist claims, complete intents, end holds, rebuild desk shards.

Any number of workers may run, on any machine; they share the work through Redis.
"""

import asyncio

import structlog

from server.commands.preflight import check_environment
from server.commands.process.gc_tuning import tune_garbage_collector
from server.commands.process.readiness import report_ready
from server.commands.process.worker_composition import compose_worker
from server.configuration.settings import Settings
from server.observability.health import Health, watch_loop
from server.observability.metrics import Metrics


async def worker(settings: Settings, up_fd: int | None = None) -> None:
    """Work until cancelled. `up_fd`: the pipe to report readiness through (process/readiness.py)."""
    await check_environment(settings)
    metrics = Metrics()
    async with compose_worker(settings, metrics) as composed, asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(watch_loop(metrics, Health()))
        tune_garbage_collector()
        structlog.get_logger().info("worker_up")
        report_ready(up_fd)
        try:
            await composed.run()
        finally:
            watch.cancel()
