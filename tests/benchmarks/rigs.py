"""A rig of a worker for benchmarks: a ledger, a Redis of its own, and the parts of one worker."""

import asyncio
import logging
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import structlog

from server.ledger.engine import Ledger
from server.ledger.migrate import upgrade
from tests.support.servers.postgres import PostgresServer, find_binaries
from tests.support.servers.redis_server import RedisServer
from tests.support.worker_rig import WorkerRig, rig_of

_ROUNDS: Final = 3


@asynccontextmanager
async def a_rig(kind: str, folder: Path) -> AsyncIterator[WorkerRig]:
    async with AsyncExitStack() as stack:
        url = f"sqlite:///{folder / 'ledger.db'}"
        if kind == "postgresql":
            binaries = find_binaries()
            assert binaries is not None, "no PostgreSQL on this machine"
            durable = ("fsync=on", "synchronous_commit=on")
            url = stack.enter_context(PostgresServer(binaries, *durable)).create()
        await asyncio.to_thread(upgrade, url)
        ledger = Ledger.connect(url)
        stack.push_async_callback(ledger.close)
        server = stack.enter_context(RedisServer(folder / "redis"))
        rig = await stack.enter_async_context(rig_of(server, ledger, "figures"))
        await rig.outbox.make_groups()
        yield rig


def print_rounds(measure: Callable[[WorkerRig], Awaitable[str]], kinds: Sequence[str]) -> None:
    """Print what `measure` says, three rounds on a rig of each kind of ledger (none named: both)."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(_rounds(measure, kinds or ("sqlite", "postgresql")))


async def _rounds(measure: Callable[[WorkerRig], Awaitable[str]], kinds: Sequence[str]) -> None:
    for kind in kinds:
        with tempfile.TemporaryDirectory(prefix="classdrop-bench-") as folder:
            async with a_rig(kind, Path(folder)) as rig:
                for _ in range(_ROUNDS):
                    sys.stdout.write(f"{kind}: {await measure(rig)}\n")
                    sys.stdout.flush()
