"""`python -m server web`: pages, API and sockets behind one port.

Several processes share the port (`CLASSDROP_PROCESSES`); then this process supervises them and
serves nobody itself. One is the service itself.
"""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from server.commands.checks import refuse_unfit
from server.commands.composition import compose_web
from server.commands.garbage import calm_garbage_collector
from server.commands.listening import listen, refuse_taken_port, serve, service
from server.commands.supervisor import Child, kept, role
from server.settings import Settings
from server.telemetry import Health, Metrics, watch_loop


async def web(settings: Settings, number: int | None) -> None:
    """`number`: this is one of several that share the port, else the whole service."""
    if number is None and settings.processes > 1:
        await refuse_unfit(settings)
        refuse_taken_port(settings)
        async with kept(web_children(settings)):
            await asyncio.Event().wait()
    else:
        await _serve(settings, number or 0)


def web_children(
    settings: Settings,
    environment: Mapping[str, str] | None = None,
    keep_open: Sequence[int] = (),
) -> list[Child]:
    """The processes behind the port, for a supervisor."""
    return [
        role(f"web-{number}", ("web", "--number", str(number)), environment, keep_open)
        for number in range(settings.processes)
    ]


async def _serve(settings: Settings, number: int) -> None:
    await refuse_unfit(settings)
    listening = listen(settings, shared=settings.processes > 1)
    metrics, health = Metrics(), Health()
    async with (
        compose_web(settings, metrics, health, number) as parts,
        asyncio.TaskGroup() as tasks,
    ):
        watch = tasks.create_task(watch_loop(metrics, health))
        calm_garbage_collector()
        structlog.get_logger().info("web_up", host=settings.host, port=settings.port, number=number)
        try:
            server = service(settings, parts.app, parts.ws_class, parts.doorkeeper)
            await serve(server, listening, parts.drain)
        finally:
            watch.cancel()
