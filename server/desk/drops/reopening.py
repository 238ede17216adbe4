"""Opens a closed drop of the desk again.

Called by flows, which have written the ledger first, through `DropDesk.reopening`.
"""

from collections.abc import Sequence

import orjson
from redis.asyncio import Redis

from server.core.drops.drops import Allotment
from server.desk.claims.caps import CapName, CapsMissing, key_of
from server.desk.drops.drop_state import Stamped
from server.desk.keys import ShardKeys
from server.desk.scripts.loader import Scripts


def moment(after_ms: int, at: int | None) -> str:
    """Return the beginning or the end of a drop as window.lua reads it: `at`, or `after_ms`."""
    return f"+{after_ms}" if at is None else str(at)


class Reopening:
    def __init__(self, redis: Redis, prefix: str) -> None:
        self._prefix = prefix
        self._scripts = Scripts(redis)

    async def reopen(  # noqa: PLR0913 - what a drop is on the desk, each named by the caller
        self,
        shard: int,
        drop_id: str,
        *,
        openings: int,
        allotments: Sequence[Allotment],
        units: int,
        opens_in_ms: int,
        duration_ms: int,
        closes_at: int | None,
        caps: Sequence[tuple[CapName, str]],
    ) -> Stamped | CapsMissing | None:
        """Open the drop for the time of the number `openings`, with `units` in it: those that students have
        and those that it offers now.

        Idempotent by that number. None: the desk does not have the drop, or has closed this opening already.
        CapsMissing: nothing was done, load the caps first.
        """
        keys = ShardKeys(self._prefix, shard)
        ranges = orjson.dumps([[a.first, a.last, a.id] for a in allotments])
        names = [keys.fence, keys.drop(drop_id), keys.holders(drop_id), keys.free(drop_id)]
        names += [keys.passed(drop_id), keys.progress(drop_id)]
        args: list[str | int | bytes] = [
            openings,
            ranges,
            units,
            moment(opens_in_ms, None),
            moment(duration_ms, closes_at),
        ]
        reply = await self._scripts.run(
            "reopen", [*names, *(key_of(*cap, keys) for cap in caps)], args
        )
        if isinstance(reply, bytes):
            return CapsMissing(reply.decode())
        return Stamped(reply[0], reply[1], epoch=reply[2]) if reply else None
