"""The slots of students in issuances, on the same caps as taps: taken by pieces, given back, freed.

Called by flows/coupons/issuing/issue_slots.py. Every call may be repeated. All raise DeskUnavailableError
where Redis is away or the shard's fence is shut. Knows nothing of outcomes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final

from redis.asyncio import Redis

from server.core.ids import Slot, StudentId
from server.desk.claims.caps import Cap, CapName, CapsMissing, dump_slots, key_of
from server.desk.keys import ShardKeys
from server.desk.redis.connection import redis_deadline
from server.desk.scripts.loader import Scripts

AT_ONCE: Final = 500  # students in one call: about 1.5 ms of Redis

_NOBODY: Final[Mapping[StudentId, str]] = {}
SlotsByCap = Mapping[CapName, Collection[Slot]]


@dataclass(frozen=True, slots=True)
class Issuing:
    """The batch of an issuance on the desk. `caps` are those that its coupons count for; that of persons
    is the last.
    """

    shard: int
    issuance_id: str
    batch_id: str
    caps: tuple[Cap, ...]


@dataclass(frozen=True, slots=True)
class TakenOfMany:
    """The slots of each student, or the cap of which too few are left; and the desk's epoch."""

    epoch: int
    slots: Mapping[StudentId, Mapping[CapName, tuple[Slot, ...]]]
    refused: Mapping[StudentId, CapName]


class IssuanceSlots:
    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._scripts = Scripts(redis)

    async def take(
        self,
        of: Issuing,
        students: Sequence[StudentId],
        each: int,
        known: Mapping[StudentId, SlotsByCap] | None = None,
        persons: Mapping[StudentId, str] = _NOBODY,
    ) -> TakenOfMany | CapsMissing:
        """Take `each` slots of each cap for each of these students, AT_ONCE of them at most.

        A repetition gets the same slots. CapsMissing: nothing was taken; call again with `known`, the slots
        that the ledger says these students have used. `persons`: whose accounts they are, where it is known;
        the others take no slot of the cap of persons.
        """
        names = {student: _named(student, persons) for student in students}
        limits = (cap.most for cap in of.caps)
        args = [each, "0" if known is None else "1", *limits, _lines(of.caps, names, known)]
        reply = await self._scripts.run("take_slots", self._names(of, self._taken(of)), args)
        if isinstance(reply, bytes):
            return CapsMissing(reply.decode())
        slots, refused = {}, {}
        read = lru_cache(maxsize=None)(partial(_read, of.caps))  # most have the same slots
        for student, answer in zip(students, reply[1].decode().split("\n"), strict=True):
            if answer.startswith("!"):
                refused[student] = of.caps[int(answer[1:]) - 1].name
            else:
                slots[student] = read(answer)
        return TakenOfMany(reply[0], slots, refused)

    async def give_back(self, of: Issuing, students: Sequence[StudentId]) -> None:
        """Free the slots that `take` took for these students, who got no coupon."""
        names = self._names(of, self._taken(of))
        for start in range(0, len(students), AT_ONCE):
            await self._scripts.run("give_slots_back", names, students[start : start + AT_ONCE])

    async def keep(self, of: Issuing, students: Sequence[StudentId]) -> None:
        """Forget that these slots were taken: the ledger has them now."""
        if students:
            async with redis_deadline():
                await self._redis.hdel(self._taken(of), *students)

    async def left_behind(self, of: Issuing) -> list[StudentId]:
        """Return students whose slots were taken, and neither given back nor kept."""
        async with redis_deadline():
            found = await self._redis.hkeys(self._taken(of))
        return [StudentId(one.decode()) for one in found]

    async def free(
        self,
        of: Issuing,
        epoch: int,
        slots: Mapping[StudentId, SlotsByCap],
        persons: Mapping[StudentId, str] = _NOBODY,
    ) -> None:
        """Free the slots of coupons that were taken back, on the desk of this epoch; on a later one they are
        not used. `persons`: for whom they counted.
        """
        names = self._names(of, self._freed(of))
        students = list(slots.items())
        for start in range(0, len(students), AT_ONCE):
            args: list[str | int] = [epoch]
            for student, used in students[start : start + AT_ONCE]:
                args.append(_named(student, persons))
                args += [dump_slots(used.get(cap.name, ())) for cap in of.caps]
            await self._scripts.run("free_slots", names, args)

    async def epoch(self, shard: int) -> int | None:
        """Return the epoch of the shard's desk; None where it is being loaded."""
        async with redis_deadline():
            run_id, epoch = await self._redis.hmget(self._keys(shard).fence, "run_id", "epoch")
        return int(epoch) if run_id and epoch else None

    def _names(self, of: Issuing, noted: str) -> list[str]:
        keys = self._keys(of.shard)
        return [keys.fence, noted, *(key_of(cap.name, cap.id, keys) for cap in of.caps)]

    def _taken(self, of: Issuing) -> str:
        return self._keys(of.shard).taken(of.issuance_id, of.batch_id)

    def _freed(self, of: Issuing) -> str:
        return self._keys(of.shard).freed(of.issuance_id, of.batch_id)

    def _keys(self, shard: int) -> ShardKeys:
        return ShardKeys(self._prefix, shard)


def _named(student: StudentId, persons: Mapping[StudentId, str]) -> str:
    person = persons.get(student)
    return f"{student}|{person}" if person else student


def _lines(
    caps: Sequence[Cap],
    names: Mapping[StudentId, str],
    known: Mapping[StudentId, SlotsByCap] | None,
) -> str:
    """Return a line for each student, by these names; with `known`, also the used slots of each cap."""
    if known is None:
        return "\n".join(names.values())
    unused = _used(caps, {})
    return "\n".join(
        name + (_used(caps, known[student]) if student in known else unused)
        for student, name in names.items()
    )


def _used(caps: Sequence[Cap], used: SlotsByCap) -> str:
    return "".join(f" {dump_slots(used.get(cap.name, ()))}" for cap in caps)


def _read(caps: Sequence[Cap], text: str) -> dict[CapName, tuple[Slot, ...]]:
    """Read "1,2;7,8": the slots of each cap, in their order. The last may be missing: that of persons, where
    the student's is not known.
    """
    return {
        cap.name: tuple(Slot(int(slot)) for slot in part.split(","))
        for cap, part in zip(caps, text.split(";"), strict=False)
    }
