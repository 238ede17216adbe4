"""Check the environment before `web` or `worker` start: settings, Redis, ledger, files they name.

Called by the commands. Reports every problem in a line of its own, and changes nothing.
"""

import asyncio
import os
from collections.abc import Mapping

import structlog
from asyncpg import ClientConfigurationError, PostgresError
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from sqlalchemy.exc import SQLAlchemyError

from server.commands import CommandError
from server.configuration import service_urls
from server.configuration.settings import Settings
from server.desk.redis.connection import COMMAND_SECONDS, connect
from server.desk.redis.nodes import Nodes
from server.desk.redis.replicas import replicas_following
from server.desk.redis.server_version import ServerVersion
from server.ledger import schema
from server.ledger.database_errors import LedgerUnavailableError
from server.ledger.engine import Ledger
from server.observability.logs import redacted

_ANSWER_SECONDS = 10.0  # for a Redis or database that is started at the same time
_RETRY_SECONDS = 0.25
_ACCEPT_MISSING = (
    "Connect them, lower the number, or start all the same with CLASSDROP_ACCEPT_WEAK_REDIS=1."
)
_ACCEPT = "CLASSDROP_ACCEPT_WEAK_REDIS=1 starts all the same: `won` may then be forgotten."


async def check_environment(settings: Settings) -> None:
    """Raise CommandError with all problems at once.

    Status 1 where Redis or the ledger does not respond (it may still start), 2 for every other problem.
    """
    missing = _missing(settings)
    if missing:
        raise CommandError(*missing)
    refusals, weak = await _redis_problems(settings.redis_url or "")
    if settings.accept_weak_redis:
        for line in weak:
            structlog.get_logger().warning("weak_redis_accepted", reason=line)
    elif weak:
        refusals += [*weak, _ACCEPT]
    refusals += await _ledger_problems(settings.database_url or "")
    if refusals:
        raise CommandError(*refusals)
    for line in await _ledger_weaknesses(settings.database_url or ""):
        structlog.get_logger().warning("weak_ledger", reason=line)


async def check_replicas(settings: Settings) -> None:
    """Raise CommandError (status 1) where fewer replicas follow than CLASSDROP_REPLICAS asks for.

    For `web`, where every win waits for the replicas: without them no student would get `won`, and the
    operator would not know why.
    """
    if not settings.replicas:
        return
    client = connect(settings.redis_url or "")
    try:
        found = await _replicas_when_up(client, settings.replicas)
    except (RedisError, OSError, TimeoutError) as error:
        why = redacted(str(error)) or type(error).__name__
        raise CommandError(f"CLASSDROP_REDIS_URL: no answer: {why}", status=1) from error
    finally:
        await client.aclose()
    if found >= settings.replicas:
        return
    line = (
        f"CLASSDROP_REPLICAS is {settings.replicas}, but replicas that follow the Redis at "
        f"CLASSDROP_REDIS_URL: {found}. Nobody would be told `won`, only `confirmed`."
    )
    if not settings.accept_weak_redis:
        raise CommandError(line, _ACCEPT_MISSING, status=1)
    structlog.get_logger().warning("weak_redis_accepted", reason=line)


async def _replicas_when_up(client: Nodes, wanted: int) -> int:
    """Wait until enough replicas follow, at most _ANSWER_SECONDS, and return how many there are."""
    give_up_at = asyncio.get_running_loop().time() + _ANSWER_SECONDS
    while True:
        async with asyncio.timeout(COMMAND_SECONDS):
            found = await replicas_following(client)
        if found >= wanted or asyncio.get_running_loop().time() > give_up_at:
            return found
        await asyncio.sleep(_RETRY_SECONDS)


async def weaknesses(settings: Settings) -> list[str]:
    """Return the settings of Redis that may lose data, one line each. For `doctor`.

    Raises CommandError where Redis or the ledger cannot be used at all.
    """
    refusals, weak = await _redis_problems(settings.redis_url or "")
    refusals += await _ledger_problems(settings.database_url or "")
    if refusals:
        raise CommandError(*refusals)
    return [] if settings.accept_weak_redis else weak


def _missing(settings: Settings) -> list[str]:
    lines = []
    if not settings.redis_url:
        lines.append("CLASSDROP_REDIS_URL is missing; `python -m server` alone brings its own.")
    if not settings.database_url:
        lines.append("CLASSDROP_DATABASE_URL is missing; `python -m server` alone brings its own.")
    if not settings.secrets:
        lines.append("CLASSDROP_SECRET is missing: 32 or more random characters, the same for all.")
    return lines


def _missing_files(variable: str, url: str) -> list[str]:
    """Return a line for each file, such as a certificate, that a URL names and we cannot read."""
    return [
        f"{variable}: its option {option} names {path}, which cannot be read."
        for option, path in service_urls.named_files(url)
        if not os.access(path, os.R_OK)
    ]


async def _redis_problems(url: str) -> tuple[list[str], list[str]]:
    """Return the refusals, and the problems that CLASSDROP_ACCEPT_WEAK_REDIS turns into warnings."""
    missing = _missing_files("CLASSDROP_REDIS_URL", url)
    if missing:
        return missing, []
    client = connect(url)
    try:
        refusals: list[str] = []
        weak: list[str] = []
        for server, info in await _servers_when_up(client):
            refusals += _refusals(info, in_cluster=client.has_slots)
            weak += [*_weak_info(info), *await _weak_fsync(server)]
        return list(dict.fromkeys(refusals)), list(dict.fromkeys(weak))
    except (RedisError, OSError, TimeoutError) as error:
        why = redacted(str(error)) or type(error).__name__
        if _is_refusal(error):
            return [f"CLASSDROP_REDIS_URL: the server refuses us: {why}"], []
        raise CommandError(f"CLASSDROP_REDIS_URL: no answer: {why}", status=1) from error
    finally:
        await client.aclose()


def _refusals(info: Mapping[str, object], *, in_cluster: bool) -> list[str]:
    lines = []
    if info.get("cluster_enabled") and not in_cluster:
        lines.append(
            "CLASSDROP_REDIS_URL: this server is a node of a Redis Cluster, which has only a part of the "
            "keys; name the cluster, as redis+cluster://host:port,host:port."
        )
    version = ServerVersion.parse(f"redis {info.get('redis_version')}")
    if version is None or not version.is_supported:
        lines.append(f"CLASSDROP_REDIS_URL: {version} is too old; 7.0 is needed.")
    return lines


async def _servers_when_up(client: Nodes) -> list[tuple[Redis, Mapping[str, object]]]:
    """Return each server that has keys, with its INFO."""
    give_up_at = asyncio.get_running_loop().time() + _ANSWER_SECONDS
    while True:
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                return [(one, {**await one.info()}) for one in await client.each_primary()]
        except (RedisError, OSError, TimeoutError) as error:
            if _is_refusal(error) or asyncio.get_running_loop().time() > give_up_at:
                raise
        await asyncio.sleep(_RETRY_SECONDS)


def _is_refusal(error: BaseException) -> bool:
    """Return whether the server responded, with an error. redis-py wraps that of a password in another."""
    answers = (AuthenticationError, ResponseError)
    return isinstance(error, answers) or isinstance(error.__cause__, answers)


def _weak_info(info: Mapping[str, object]) -> list[str]:
    lines = []
    policy = info.get("maxmemory_policy")
    if policy != "noeviction":
        lines.append(
            f"CLASSDROP_REDIS_URL: maxmemory-policy is {policy}, must be noeviction: the server "
            "would throw claims away when it is full."
        )
    if not info.get("aof_enabled"):
        lines.append(
            "CLASSDROP_REDIS_URL: appendonly is off, must be on: a restart would forget claims."
        )
    return lines


async def _weak_fsync(client: Redis) -> list[str]:
    try:
        # INFO does not contain appendfsync.
        async with asyncio.timeout(COMMAND_SECONDS):
            answer = await client.config_get("appendfsync")
    except ResponseError:
        return [
            "CLASSDROP_REDIS_URL: the server does not let us read appendfsync (CONFIG GET is "
            "refused), so nobody knows whether it is `always`, as it must be."
        ]
    if answer.get("appendfsync") == "always":
        return []
    return [
        f"CLASSDROP_REDIS_URL: appendfsync is {answer.get('appendfsync')}, must be always: a "
        "crash would forget claims that were acknowledged."
    ]


async def _ledger_weaknesses(url: str) -> list[str]:
    """Return warnings, not refusals, because the settings may be intended.

    A cluster may protect with replicas what it does not fsync, and hosting companies put channel binding
    into every URL.
    """
    return [*_binding_weakness(url), *await _forgetful_ledger(url)]


def _binding_weakness(url: str) -> list[str]:
    if not url.startswith("postgresql:") or not service_urls.postgresql_address(url).wants_binding:
        return []
    return [
        "CLASSDROP_DATABASE_URL: channel_binding=require cannot be kept: the driver does not bind "
        "channels. sslmode=verify-full makes sure that the server is the right one."
    ]


async def _forgetful_ledger(url: str) -> list[str]:
    ledger = Ledger.connect(url)
    try:
        found = await ledger.unsafe_durability_settings()
    except LedgerUnavailableError:
        return []  # it responded a moment ago; every part that needs it reports when it does not
    finally:
        await ledger.close()
    return [
        f"CLASSDROP_DATABASE_URL: {name} is {value}: a crash of the database would forget claims "
        "that students were told are confirmed."
        for name, value in found.items()
    ]


async def _ledger_problems(url: str) -> list[str]:
    missing = _missing_files("CLASSDROP_DATABASE_URL", url)
    if missing:
        return missing
    try:
        if await schema.is_current(url):
            return []
    except LedgerUnavailableError as error:
        why = redacted(str(error))
        raise CommandError(f"CLASSDROP_DATABASE_URL: no answer: {why}", status=1) from error
    except (SQLAlchemyError, PostgresError, ClientConfigurationError) as error:
        return [f"CLASSDROP_DATABASE_URL: the database refuses us: {redacted(str(error))}"]
    return ["CLASSDROP_DATABASE_URL: not this version's schema; run `python -m server migrate`."]
