"""`python -m server`: the whole service on this machine.

Starts an embedded Redis, ledger and secret where none is configured, keeps web and worker processes
running, and stops everything at the end.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import structlog

from server.commands import CommandError
from server.commands.data_folder import DataFolder
from server.commands.demo import prepare_demo
from server.commands.demo_links import demo_links, links_file
from server.commands.migrate import migrate_embedded
from server.commands.preflight import check_environment
from server.commands.process.listening import check_port_is_free
from server.commands.process.supervisor import Child, Started, role_child, supervised
from server.commands.process.web_children import web_children
from server.commands.startup_links import print_startup_links
from server.configuration.settings import Settings
from server.desk.redis.embedded import EmbeddedRedis, EmbeddedRedisError

_REDIS_STOP_SECONDS = 1.0
_log = structlog.get_logger()


async def run(settings: Settings) -> None:
    """Run the service until cancelled. Raises CommandError where it cannot start."""
    _refuse_half_configured(settings)
    settings = _with_demo_defaults(settings)
    folder = DataFolder(settings.data_dir)
    async with folder.claimed() as lock:
        check_port_is_free(settings)
        async with _with_redis(settings, folder, lock) as with_redis:
            _log.info("redis_up", embedded=not settings.redis_url)
            complete = await _with_ledger_and_secret(with_redis, folder)
            _log.info("ledger_up", embedded=not settings.database_url)
            await check_environment(complete)
            await prepare_demo(complete)
            _log.info("demo_room_ready")
            links = demo_links(complete)
            with links_file(links, folder.demo_links) as file:
                async with (
                    supervised(_roles(complete, lock, file)) as roles,
                    asyncio.TaskGroup() as tasks,
                ):
                    # Started before any child can be ready: an operator may send SIGUSR2 as soon as one is.
                    tasks.create_task(roles.replace_on_signal())
                    await print_startup_links(complete, links)


def _refuse_half_configured(settings: Settings) -> None:
    """Refuse a Redis or database of the operator's own without a secret.

    Other processes that share that Redis or database would not know a secret made here.
    """
    if (settings.redis_url or settings.database_url) and not settings.secrets:
        raise CommandError(
            "CLASSDROP_SECRET is missing: with a Redis or database of your own, set 32 or more "
            "random characters, the same for all processes."
        )


def _with_demo_defaults(settings: Settings) -> Settings:
    """Open the demo shop unless the setting says otherwise."""
    return replace(settings, demo_shop=settings.demo_shop is not False)


@asynccontextmanager
async def _with_redis(settings: Settings, folder: DataFolder, lock: int) -> AsyncIterator[Settings]:
    if settings.redis_url:
        yield settings
        return
    server = EmbeddedRedis(folder.redis, keep_open=(lock,))

    async def start() -> Started:
        try:
            return Started(await server.start())
        except EmbeddedRedisError as error:
            raise CommandError(str(error)) from error

    child = Child("redis", start, _REDIS_STOP_SECONDS, running=await start())
    async with supervised([child]):
        yield replace(settings, redis_url=server.url)


async def _with_ledger_and_secret(settings: Settings, folder: DataFolder) -> Settings:
    if not settings.database_url:
        settings = replace(settings, database_url=folder.database_url)
        await migrate_embedded(folder.database_url)
    return settings if settings.secrets else replace(settings, secrets=(folder.secret(),))


def _roles(settings: Settings, lock: int, links: Path) -> list[Child]:
    environment = {
        "CLASSDROP_REDIS_URL": settings.redis_url or "",
        "CLASSDROP_DATABASE_URL": settings.database_url or "",
        "CLASSDROP_SECRET": ",".join(settings.secrets),
        "CLASSDROP_DEMO_SHOP": str(int(settings.demo_shop is True)),
    }
    # The children inherit the lock, so the folder stays locked until the last of them has ended.
    return [
        role_child("worker", ("worker",), environment, (lock,)),
        *web_children(settings, environment, (lock,), ("--demo-links", str(links))),
    ]
