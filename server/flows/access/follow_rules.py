"""Keep the access rules of one process as the ledger has them.

Made and run by the composition root of a web process. Whoever changes a rule tells all processes by one
message (Feed.tell_access_changed), which is known here within milliseconds. Redis may lose messages, and the
one who changed the rule may die before the message; so each process also compares its version with the
ledger's every LOOK_SECONDS. What was committed is therefore in force everywhere within a second, with or
without Redis.

While the ledger does not answer, the rules stay as they are: nobody can change one meanwhile. A process that
starts without a ledger serves without rules until it has read them, and is not ready (`/readyz`).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog

from server.clock import now_ms
from server.core.access.in_force import AccessRules
from server.core.access.rules import BLOCKS, REVOCATIONS
from server.ledger.access import rules as rows
from server.ledger.database_errors import LedgerUnavailableError
from server.ledger.engine import Ledger
from server.observability.health import Health

LOOK_SECONDS: Final = 0.4
_AT_ONCE: Final = 500  # rules of one read: 2 ms on the loop
_PRUNE_EVERY: Final = 25  # looks
_KINDS: Final = (*BLOCKS, *REVOCATIONS)  # stops of instructors are read where they matter
_PART: Final = "access"
_log = structlog.get_logger()


class RulesFollower:
    """Reads what has changed into `rules`, which others ask. `look_s`: seconds between two comparisons with
    the ledger."""

    def __init__(
        self,
        ledger: Ledger,
        rules: AccessRules,
        health: Health | None = None,
        look_s: float = LOOK_SECONDS,
    ) -> None:
        self._ledger = ledger
        self.rules = rules
        self._health = health
        self._look_s = look_s
        self._told = asyncio.Event()
        self._version = -1  # of the ledger, when all its changes had been read
        self._read_to = (0, "")  # the version and the id of the last rule that was read

    def look_soon(self) -> None:
        """Compare with the ledger now. Called for each message, and after the messages may have been lost."""
        self._told.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read the rules before the first request, and follow them until the block ends."""
        await self._look_once()
        task = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def catch_up(self) -> None:
        """Read all changes that the ledger has by now. LedgerUnavailableError is passed on."""
        async with self._ledger.read() as conn:
            version = await rows.version(conn)
        if version == self._version:
            return
        if version < self._version:
            # The ledger was restored from an older copy: its next versions were given before.
            self.rules.clear()
            self._read_to = (0, "")
        while True:
            async with self._ledger.read() as conn:
                changed = await rows.changed_since(conn, *self._read_to, _KINDS, _AT_ONCE)
            self.rules.apply(changed, now_ms())
            if changed:
                self._read_to = (changed[-1].version, changed[-1].id)
            if len(changed) < _AT_ONCE:
                break
        self._version = version

    async def _follow(self) -> None:
        looks = 0
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_s):
                    await self._told.wait()
            self._told.clear()
            await self._look_once()
            looks += 1
            if looks % _PRUNE_EVERY == 0:
                self.rules.prune(now_ms())

    async def _look_once(self) -> None:
        try:
            await self.catch_up()
        except LedgerUnavailableError as error:
            # The part `ledger` of `/readyz` tells of it as well; it is logged there.
            self._report(str(error))
        except Exception:
            # Whatever it was: without this task no block would be heard of any more.
            _log.exception("access_rules_not_read")
            self._report("not read")
        else:
            self._report()

    def _report(self, detail: str = "") -> None:
        if self._health is not None:
            self._health.report(_PART, self._version >= 0, detail)
