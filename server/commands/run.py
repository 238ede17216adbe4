"""`python -m server`: everything on this machine. Brings its own Redis, ledger and secret where none
is configured, keeps web and worker running, and leaves nothing behind.
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
from server.commands.demo_links import demo_links, handed_over
from server.commands.migrate import migrate_embedded
from server.commands.preflight import check_environment
from server.commands.process.listening import check_port_is_free
from server.commands.process.supervisor import Child, Started, role_child, supervised
from server.commands.process.web_children import web_children
from server.commands.startup_links import print_startup_links
from server.desk.redis.embedded import EmbeddedRedis, EmbeddedRedisError
from server.settings import Settings

_REDIS_STOP_SECONDS = 1.0
_log = structlog.get_logger()


async def run(settings: Settings) -> None:
    """Until it is cancelled. Raises CommandError where it cannot start."""
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
            with handed_over(links, folder.demo_links) as file:
                async with (
                    supervised(_roles(complete, lock, file)) as roles,
                    asyncio.TaskGroup() as tasks,
                ):
                    # Before they can be ready: whoever has seen that may ask at once.
                    tasks.create_task(roles.replace_on_signal())
                    await print_startup_links(complete, links)


def _refuse_half_configured(settings: Settings) -> None:
    """A secret made here would be unknown to whoever shares that Redis or database."""
    if (settings.redis_url or settings.database_url) and not settings.secrets:
        raise CommandError(
            "CLASSDROP_SECRET is missing: with a Redis or database of your own, set 32 or more "
            "random characters, the same for all processes."
        )


def _with_demo_defaults(settings: Settings) -> Settings:
    """What this mode decides, where nobody said otherwise."""
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
    # They hold the lock as well: the folder is free when the last of them is gone.
    return [
        role_child("worker", ("worker",), environment, (lock,)),
        *web_children(settings, environment, (lock,), ("--demo-links", str(links))),
    ]
