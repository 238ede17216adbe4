"""`python -m server web`: pages, API and sockets behind one port.

Several processes share the port (`CLASSDROP_PROCESSES`); then this process supervises them and
serves nobody itself. One is the service itself.
"""

import asyncio
import socket
from dataclasses import dataclass
from pathlib import Path

import structlog

from server.commands.demo_links import read_links
from server.commands.preflight import check_environment, check_replicas
from server.commands.process.composition import compose_web
from server.commands.process.gc_tuning import tune_garbage_collector
from server.commands.process.listening import check_port_is_free, listen
from server.commands.process.readiness import report_ready
from server.commands.process.serving import Service, serve, service
from server.commands.process.supervisor import supervised
from server.commands.process.web_children import web_children
from server.health import Health, watch_loop
from server.metrics import Metrics
from server.settings import Settings

_LOOK_AGAIN_S = 0.02


@dataclass(frozen=True, slots=True)
class WebChildOptions:
    """Whose child this is, where it is one. `number` None: the whole service. `listen_fd`: the socket it
    was lent; `up_fd`: where to say that it is up; `demo_links`: the file of `run`'s links."""

    number: int | None = None
    listen_fd: int | None = None
    up_fd: int | None = None
    demo_links: Path | None = None


async def web(settings: Settings, place: WebChildOptions) -> None:
    """One of several that share the port, or the whole service."""
    if place.number is None and settings.processes > 1:
        await check_environment(settings)
        await check_replicas(settings)
        check_port_is_free(settings)
        async with supervised(web_children(settings)) as children:
            await children.replace_on_signal()
    else:
        await _serve(settings, place)


async def _serve(settings: Settings, place: WebChildOptions) -> None:
    await check_environment(settings)
    await check_replicas(settings)
    number, listening = place.number or 0, _listening(settings, place.listen_fd)
    metrics, health = Metrics(), Health()
    async with (
        compose_web(settings, metrics, health, number, read_links(place.demo_links)) as parts,
        asyncio.TaskGroup() as tasks,
    ):
        watch = tasks.create_task(watch_loop(metrics, health))
        tune_garbage_collector()
        structlog.get_logger().info("web_up", host=settings.host, port=settings.port, number=number)
        server = service(settings, parts.app, parts.ws_class, parts.connection_limiter)
        up = tasks.create_task(_report_when_ready(server, health, place.up_fd))
        try:
            await serve(server, listening, parts.drain)
        finally:
            watch.cancel()
            up.cancel()


def _listening(settings: Settings, lent: int | None) -> socket.socket:
    return listen(settings, shared=False) if lent is None else socket.socket(fileno=lent)


async def _report_when_ready(server: Service, health: Health, up_fd: int | None) -> None:
    """Up is who listens and is ready: whoever asks for that replaces another with us."""
    while not (server.started and (await health.readyz())[0]):  # noqa: ASYNC110  (nobody tells)
        await asyncio.sleep(_LOOK_AGAIN_S)
    report_ready(up_fd)
