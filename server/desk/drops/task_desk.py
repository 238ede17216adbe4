"""The tasks of drops on the desk: who has passed, and how far the others are.

Called by the gateway (watched time, answers, welcomes), by the API and by the worker that reads the school's
events. claim.lua asks the set of those who have passed, and only where the drop has a task. Every call may be
repeated and may raise DeskUnavailableError.

Both keys live beside the drop on its shard until two days after its window. A loss of the whole of Redis
loses watched time, tries and sign-ins (decision 0048); what the ledger knows is told again.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from redis.asyncio import Redis

from server.core.drops.tasks import MAX_TRIES, MINUTE_MS, AnswerTask, Progress, Task, WatchTask
from server.core.drops.tasks import progress_of as core_progress_of
from server.core.ids import DropId
from server.desk.keys import ShardKeys
from server.desk.redis.connection import redis_deadline
from server.desk.scripts.loader import Scripts

AT_ONCE: Final = 500  # students in one call: about 2 ms of Redis
_RECORD: Final = re.compile(rb"(\d+)\|\d+\|(.*)")
_SPAN: Final = re.compile(rb"(\d+)-(\d+)")


class TaskOf(NamedTuple):
    """A task, and the drop that it belongs to."""

    shard: int
    drop_id: DropId
    task: Task


class Watched(NamedTuple):
    """A student was there from `start` to `end` (ms)."""

    student: str
    start: int
    end: int


class TaskDesk:
    """The tasks of all drops of one installation."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._scripts = Scripts(redis)

    def _names(self, of: TaskOf) -> list[str]:
        keys, drop_id = ShardKeys(self._prefix, of.shard), of.drop_id
        return [keys.fence, keys.drop(drop_id), keys.passed(drop_id), keys.progress(drop_id)]

    async def add_watched(self, of: TaskOf, spans: Sequence[Watched]) -> dict[str, Progress]:
        """Add times to what the students have watched; return their progress by student. Times that
        overlap count once. Empty where the drop is over. At most AT_ONCE spans.
        """
        assert isinstance(of.task, WatchTask)
        args: list[str | int] = [of.task.minutes * MINUTE_MS]
        for span in spans:
            args += span
        totals: list[int] = await self._scripts.run("watch", self._names(of), args)
        return _progress(of.task, [span.student for span in spans], totals)

    async def count_answers(
        self, of: TaskOf, answers: Sequence[tuple[str, bool]]
    ) -> dict[str, Progress]:
        """Count these (student, is it the right one); return the progress by student. Empty where the drop
        is not open. At most AT_ONCE answers.
        """
        assert isinstance(of.task, AnswerTask)
        args: list[str | int] = [MAX_TRIES]
        for student, is_right in answers:
            args += (student, "1" if is_right else "0")
        tries: list[int] = await self._scripts.run("answer", self._names(of), args)
        return _progress(of.task, [student for student, _ in answers], tries)

    async def set_done(self, of: TaskOf, done: Mapping[str, int], needed: int = 1) -> bool:
        """Write how much students have done by what is counted elsewhere; they pass with `needed`. False:
        the drop is over, or not opened yet.
        """
        students = list(done.items())
        is_open = True
        for start in range(0, len(students), AT_ONCE):
            args: list[str | int] = []
            for student, amount in students[start : start + AT_ONCE]:
                args += (student, amount, "1" if amount >= needed else "0")
            is_open = bool(await self._scripts.run("pass_task", self._names(of), args))
        return is_open

    async def progress_of(
        self, tasks: Sequence[TaskOf], students: Sequence[str]
    ) -> list[dict[str, Progress]]:
        """Return the progress of each of the students, for each task; one round trip."""
        if not tasks or not students:
            return [{} for _ in tasks]
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for of in tasks:
                keys = ShardKeys(self._prefix, of.shard)
                pipe.smismember(keys.passed(of.drop_id), list(students))
                pipe.hmget(keys.progress(of.drop_id), list(students))
            replies = await pipe.execute()
        return [
            {
                student: core_progress_of(of.task, _amount(of.task, record), bool(has_passed))
                for student, has_passed, record in zip(students, passed, records, strict=True)
            }
            for of, passed, records in zip(tasks, replies[::2], replies[1::2], strict=True)
        ]


def _progress(task: Task, students: Sequence[str], amounts: Sequence[int]) -> dict[str, Progress]:
    """Return the progress by student; a number below zero stands for one who has passed."""
    if not amounts:
        return {}
    return {
        student: core_progress_of(task, abs(amount), amount < 0)
        for student, amount in zip(students, amounts, strict=True)
    }


def _amount(task: Task, record: bytes | None) -> int:
    """Read a record of the hash of progress: watched ms, or a plain number."""
    if record is None:
        return 0
    if not isinstance(task, WatchTask):
        return int(record)
    found = _RECORD.fullmatch(record)
    assert found is not None
    spans = _SPAN.findall(found[2])
    return int(found[1]) + sum(int(end) - int(start) for start, end in spans)
