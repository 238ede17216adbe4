"""Takes a student out of everything that Redis keeps, and out of its files.

Called by the flow that erases (flows/students/erase.py). Goes through all keys of the installation, page by
page: holders, caps, lists of who has seen a card, audiences of drops, streams. No call blocks Redis for
longer than a page. Every call may be repeated and may raise DeskUnavailableError.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson
from redis.exceptions import ResponseError

from server.core.students.erasure import with_pseudonym
from server.desk.claims.outbox import GROUP, order_of
from server.desk.keys import SHARDS, ShardKeys, erasures_key
from server.desk.redis.connection import redis_deadline
from server.desk.redis.nodes import Nodes
from server.desk.scripts.loader import Scripts

_KEYS_AT_ONCE: Final = 500
_ENTRIES_AT_ONCE: Final = 500
_DROPS_SUFFIX: Final = ":drops"  # the hash of a room's drops, whose values name audiences
_IN_ROSTER: Final = "}:roster:"  # of a gateway's students in a room, with their names
REWRITE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class DeskErasure:
    """The result of one pass: keys that were changed, and wins and entries of the student that are on their
    way to the ledger."""

    changed: int
    waiting: int


class FileState(StrEnum):
    """The fate of the files of Redis: written anew, not there, not written in time, or not for us to say
    (a managed server that refuses the command).
    """

    REWRITTEN = "rewritten"
    NONE = "none"
    LATE = "late"
    REFUSED = "refused"


class _CommandRefusedError(Exception):
    """The server does not let us write its files anew, or read how it writes them."""


class StudentEraser:
    """The keys and files of one installation."""

    def __init__(self, redis: Nodes, prefix: str) -> None:
        self._redis: Any = redis  # its replies are bytes
        self._prefix = prefix
        self._scripts = Scripts(redis)
        self._list = erasures_key(prefix)
        self._outboxes = {ShardKeys(prefix, shard).outbox for shard in range(SHARDS)}

    async def erase(self, student: str, pseudonym: str) -> DeskErasure:
        """Go through all keys once, and put the pseudonym in the student's place."""
        changed = waiting = 0
        async for keys in self._pages():
            page = await self._erase_page(keys, student, pseudonym)
            changed, waiting = changed + page.changed, waiting + page.waiting
        return DeskErasure(changed, waiting)

    async def _pages(self) -> AsyncIterator[list[str]]:
        """Yield all keys of the installation."""
        pattern = f"{_escaped(self._prefix)}:*"
        for primary in await self._primaries():
            cursor, is_more = 0, True
            while is_more:
                async with redis_deadline():
                    cursor, found = await primary.scan(cursor, match=pattern, count=_KEYS_AT_ONCE)
                yield [key.decode() for key in found]
                is_more = cursor != 0

    async def _primaries(self) -> Sequence[Any]:
        async with redis_deadline():
            primaries: Sequence[Any] = await self._redis.each_primary()
        return primaries

    async def _erase_page(self, keys: Sequence[str], student: str, pseudonym: str) -> DeskErasure:
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.type(key)
            kinds = [kind.decode() for kind in await pipe.execute()]
        by_kind: dict[str, list[str]] = {}
        for key, kind in zip(keys, kinds, strict=True):
            by_kind.setdefault(kind, []).append(key)
        # Who is here is no record: the pseudonym would be shown as somebody who is.
        rosters = [key for key in by_kind.get("hash", ()) if _IN_ROSTER in key]
        by_kind["hash"] = [key for key in by_kind.get("hash", ()) if _IN_ROSTER not in key]
        changed = await self._leave(rosters, student)
        changed += await self._rename(by_kind, student, pseudonym)
        for key in by_kind.get("hash", ()):
            if key.endswith(_DROPS_SUFFIX):
                changed += await self._rewrite_drops(key, student, pseudonym)
        waiting = 0
        for key in by_kind.get("list", ()):
            waiting += await self._entries_of_draw(key, f"|{student}".encode())
        for key in by_kind.get("stream", ()):
            if key in self._outboxes:
                waiting += await self._erase_from_outbox(key, f"|{student}|".encode())
            else:
                hits = await self._entries_with(key, orjson.dumps(student))
                changed += await self._delete_entries(key, hits)
        changed += await self._delete([k for k in by_kind.get("string", ()) if _names(k, student)])
        return DeskErasure(changed, waiting)

    async def _leave(self, rosters: Sequence[str], student: str) -> int:
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for key in rosters:
                pipe.hdel(key, student)
            return sum(await pipe.execute())

    async def _rename(self, by_kind: dict[str, list[str]], student: str, pseudonym: str) -> int:
        hashes, sets, zsets = (by_kind.get(kind, []) for kind in ("hash", "set", "zset"))
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for key in hashes:
                pipe.hexists(key, student)
            for key in sets:
                pipe.sismember(key, student)
            for key in zsets:
                pipe.zscore(key, student)
            there = await pipe.execute()
        hits = [
            key
            for key, found in zip([*hashes, *sets, *zsets], there, strict=True)
            if found not in (None, 0, False)
        ]
        for key in hits:
            await self._scripts.run("rename_student", [key], [student, pseudonym])
        return len(hits)

    async def _rewrite_drops(self, key: str, student: str, pseudonym: str) -> int:
        async with redis_deadline():
            drops: dict[bytes, bytes] = await self._redis.hgetall(key)
        changed = 0
        for field, value in drops.items():
            if orjson.dumps(student) not in value:
                continue
            instead = with_pseudonym(orjson.loads(value), student, pseudonym)
            args = [field, value, orjson.dumps(instead)]
            changed += await self._scripts.run("replace_value", [key], args)
        return changed

    async def _erase_from_outbox(self, key: str, words: bytes) -> int:
        """Delete wins that the ledger has, and count those that it has not: a worker is moving them.

        A trim leaves the last entry that was acknowledged.
        """
        hits = await self._entries_with(key, words)
        if not hits:
            return 0
        async with redis_deadline():
            groups = await self._redis.xinfo_groups(key)
        delivered = max((order_of(one["last-delivered-id"]) for one in groups), default=(0, 0))
        done = [
            entry_id
            for entry_id in hits
            if order_of(entry_id) <= delivered and not await self._is_pending(key, entry_id)
        ]
        await self._delete_entries(key, done)
        return len(hits) - len(done)

    async def _entries_of_draw(self, key: str, end: bytes) -> int:
        """Count the student's entries in a draw that the ledger has not: a worker is moving them, and would
        write the student there once more."""
        count = start = 0
        while True:
            async with redis_deadline():
                end_at = start + _ENTRIES_AT_ONCE - 1
                lines: list[bytes] = await self._redis.lrange(key, start, end_at)
            count += sum(line.endswith(end) for line in lines)
            start += len(lines)
            if len(lines) < _ENTRIES_AT_ONCE:
                return count

    async def _is_pending(self, key: str, entry_id: bytes) -> bool:
        async with redis_deadline():
            return bool(await self._redis.xpending_range(key, GROUP, entry_id, entry_id, 1))

    async def _entries_with(self, key: str, words: bytes) -> list[bytes]:
        """Return the ids of the entries of a stream that have these words in a field."""
        hits: list[bytes] = []
        start = "-"
        while True:
            async with redis_deadline():
                entries = await self._redis.xrange(key, start, "+", count=_ENTRIES_AT_ONCE)
            hits += [
                entry_id
                for entry_id, fields in entries
                if any(words in value for value in fields.values())
            ]
            if len(entries) < _ENTRIES_AT_ONCE:
                return hits
            start = f"({entries[-1][0].decode()}"

    async def _delete_entries(self, key: str, entry_ids: Sequence[bytes]) -> int:
        if not entry_ids:
            return 0
        async with redis_deadline():
            return int(await self._redis.xdel(key, *entry_ids))

    async def _delete(self, keys: Sequence[str]) -> int:
        if not keys:
            return 0
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.delete(key)
            return sum(await pipe.execute())

    async def remember(self, pseudonym: str, record: Mapping[str, object]) -> None:
        """Keep a line of the list of erasures, for a database that is restored from an older copy."""
        async with redis_deadline():
            await self._redis.hset(self._list, pseudonym, orjson.dumps(record))

    async def remembered(self) -> list[dict[str, Any]]:
        """Return all lines that were kept."""
        async with redis_deadline():
            lines: dict[bytes, bytes] = await self._redis.hgetall(self._list)
        return [orjson.loads(line) for line in lines.values()]

    async def rewrite_files(self) -> FileState:
        """Let Redis write its append-only file and its snapshot anew, without what was deleted; in a cluster
        each primary does. Waits for all of them, REWRITE_SECONDS at most.
        """
        try:
            async with asyncio.timeout(REWRITE_SECONDS):
                done = [await _rewrite_files_of(one) for one in await self._primaries()]
        except TimeoutError:
            return FileState.LATE
        except _CommandRefusedError:
            return FileState.REFUSED
        return FileState.REWRITTEN if any(done) else FileState.NONE


async def _rewrite_files_of(server: Any) -> bool:
    aof = await _rewrite(server, "aof_enabled", "aof_rewrite_in_progress", "BGREWRITEAOF")
    rdb = await _rewrite(server, "rdb_last_save_time", "rdb_bgsave_in_progress", "BGSAVE")
    return aof or rdb


async def _rewrite(server: Any, has_file: str, in_progress: str, command: str) -> bool:
    facts = await _persistence(server)
    if not int(facts.get(has_file, 0)):
        return False
    if command == "BGSAVE" and not await _has_snapshots(server):
        return False
    await _wait_for_end(server, in_progress)
    await _allowed(server.execute_command(command))
    await _wait_for_end(server, in_progress)
    return True


async def _allowed(call: Awaitable[Any]) -> Any:
    """Await a command that a managed server may refuse; raise _CommandRefusedError then."""
    async with redis_deadline():
        try:
            return await call
        except ResponseError as error:
            raise _CommandRefusedError from error


async def _wait_for_end(server: Any, in_progress: str) -> None:
    facts = await _persistence(server)
    while int(facts.get(in_progress, 0)) or int(facts.get("aof_rewrite_scheduled", 0)):
        await asyncio.sleep(_LOOK_SECONDS)
        facts = await _persistence(server)


async def _has_snapshots(server: Any) -> bool:
    found = await _allowed(server.config_get("save"))
    return any(found.values())


async def _persistence(server: Any) -> dict[str, Any]:
    async with redis_deadline():
        facts: dict[str, Any] = await server.info("persistence")
    return facts


def _names(key: str, student: str) -> bool:
    """Return whether the key's own name ends with the student, as the slots of a code that is typed do."""
    return key.endswith(f":{student}")


def _escaped(prefix: str) -> str:
    """Escape the characters that a pattern of Redis takes as wildcards."""
    return "".join(f"\\{char}" if char in "*?[]\\^-" else char for char in prefix)
