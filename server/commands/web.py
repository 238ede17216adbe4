"""`python -m server web`: pages, API and sockets on one port.

Where several processes share the port (`CLASSDROP_PROCESSES`), this process only supervises them.
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
from server.configuration.settings import Settings
from server.observability.health import Health, watch_loop
from server.observability.metrics import Metrics

_LOOK_AGAIN_S = 0.02


@dataclass(frozen=True, slots=True)
class WebChildOptions:
    """The options that a supervisor passes to a web process. `number` None: there is no supervisor.

    `listen_fd`: the inherited listening socket. `up_fd`: the pipe to report readiness through.
    `demo_links`: the file with the links of `run`.
    """

    number: int | None = None
    listen_fd: int | None = None
    up_fd: int | None = None
    demo_links: Path | None = None


async def web(settings: Settings, options: WebChildOptions) -> None:
    """Serve, or supervise several processes that do, until cancelled."""
    if options.number is None and settings.processes > 1:
        await check_environment(settings)
        await check_replicas(settings)
        check_port_is_free(settings)
        async with supervised(web_children(settings)) as children:
            await children.replace_on_signal()
    else:
        await _serve(settings, options)


async def _serve(settings: Settings, options: WebChildOptions) -> None:
    await check_environment(settings)
    await check_replicas(settings)
    number, listening = options.number or 0, _listening_socket(settings, options.listen_fd)
    metrics, health = Metrics(), Health()
    async with (
        compose_web(settings, metrics, health, number, read_links(options.demo_links)) as parts,
        asyncio.TaskGroup() as tasks,
    ):
        watch = tasks.create_task(watch_loop(metrics, health))
        tune_garbage_collector()
        structlog.get_logger().info("web_up", host=settings.host, port=settings.port, number=number)
        server = service(settings, parts.app, parts.ws_class, parts.connection_limiter)
        up = tasks.create_task(_report_when_ready(server, health, options.up_fd))
        try:
            await serve(server, listening, parts.drain)
        finally:
            watch.cancel()
            up.cancel()


def _listening_socket(settings: Settings, inherited_fd: int | None) -> socket.socket:
    if inherited_fd is None:
        return listen(settings, shared=False)
    return socket.socket(fileno=inherited_fd)


async def _report_when_ready(server: Service, health: Health, up_fd: int | None) -> None:
    """Report readiness once the server listens and /readyz succeeds: only then may we replace another."""
    while not (server.started and (await health.readyz())[0]):  # noqa: ASYNC110  (uvicorn has no event)
        await asyncio.sleep(_LOOK_AGAIN_S)
    report_ready(up_fd)
