"""The rosters of rooms: each gateway writes its own students, a reader puts those of all gateways together.

Called by the gateway (gateway/rooms/roster_writer.py) and by flows/offers. What a gateway has written expires
six seconds after it was heard of last, so a process that dies leaves nobody behind for longer. Every call may
be repeated and may raise DeskUnavailableError.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from redis.asyncio import Redis

from server.core.ids import StudentId
from server.core.offers.roster import Present
from server.desk.keys import RoomKeys
from server.desk.redis.connection import database_of, redis_deadline
from server.desk.scripts.loader import Scripts
from server.single_flight import SingleFlight

MOVES_AT_ONCE: Final = 500  # students in one write: below 1 ms of Redis
GOOD_FOR_MS: Final = 6_000
_READ_AT_ONCE: Final = 500  # entries of a hash in one reply: about 1 ms of the event loop


class Rosters:
    """The rosters of all rooms of one installation."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis: Any = redis  # its replies are bytes
        self._prefix = prefix
        self._database = database_of(redis)
        self._scripts = Scripts(redis)
        self._reading: SingleFlight[str, dict[str, Present]] = SingleFlight()

    async def write(
        self,
        room: str,
        gateway_id: str,
        came: Mapping[str, Present],
        left: Sequence[str],
        *,
        was_written: bool,
    ) -> bool:
        """Write who came to the room at this gateway, and who left; keep the others for six more seconds.

        At most MOVES_AT_ONCE students. Return False, and write nothing, where the gateway `was_written` and
        its roster is gone: it then writes all of its students again.
        """
        keys = RoomKeys(self._prefix, room, self._database)
        args: list[str | int | bytes] = [gateway_id, GOOD_FOR_MS, int(was_written), len(came)]
        for student, present in came.items():
            args += (student, orjson.dumps([present.name, present.tags]))
        names = [keys.roster(gateway_id), keys.rosters]
        return bool(await self._scripts.run("roster", names, [*args, *left]))

    async def read(self, room: str) -> Mapping[str, Present]:
        """Return who is in the room at any gateway, by student. Those who ask for one room at the same time
        share one reading; a room of ten thousand takes some twenty round trips."""
        return await self._reading.run(room, lambda: self._read(room))

    async def _read(self, room: str) -> dict[str, Present]:
        keys = RoomKeys(self._prefix, room, self._database)
        async with redis_deadline():
            gateways: list[bytes] = await self._redis.zrange(keys.rosters, 0, -1)
        found: dict[str, Present] = {}
        for gateway_id in gateways:
            key, cursor, is_more = keys.roster(gateway_id.decode()), 0, True
            while is_more:
                async with redis_deadline():
                    cursor, records = await self._redis.hscan(key, cursor, count=_READ_AT_ONCE)
                found |= _present(records)
                is_more = cursor != 0
        return found


def _present(records: Mapping[bytes, bytes]) -> dict[str, Present]:
    found = {}
    for key, record in records.items():
        if student := key.decode():
            name, tags = orjson.loads(record)
            found[student] = Present(StudentId(student), name, tuple(tags))
    return found
