"""Answers to the question of a drop that come by sockets.

Used by `gateway.py`; one for a gateway. A whole class answers at once, so all answers of one turn of the
event loop to one question are one script call. The right option is known here, and is in no frame.
"""

import asyncio
from typing import Final

from server.core.drops.drops import RoomDrop
from server.core.drops.tasks import AnswerTask, option_of
from server.core.identity import Identity
from server.core.rates import Bucket, Rate
from server.desk import DeskUnavailableError
from server.desk.drops.task_desk import AT_ONCE, TaskDesk, TaskOf
from server.frames import client_frames, task_frames, wire
from server.gateway.rooms.room import Room, is_for
from server.gateway.sockets.connection import Connection
from server.gateway.sockets.frames import text_frame
from server.gateway.work_in_flight import WorkInFlight

ANSWERS: Final = Rate(burst=5, interval_ms=1_000)  # of one student on this process
MAX_WAITING: Final = 20_000  # answers that the desk has not counted yet
_Waiting = list[tuple[Connection, str, bool]]  # student, is it the right one


class Answers:
    def __init__(self, tasks: TaskDesk, work: WorkInFlight) -> None:
        self._tasks = tasks
        self._work = work
        self._buckets: dict[str, Bucket] = {}
        self._waiting: dict[tuple[str, str], tuple[Room, RoomDrop, _Waiting]] = {}
        self._count = 0

    def take(
        self,
        connection: Connection,
        room: Room,
        identity: Identity,
        frame: client_frames.AnswerFrame,
    ) -> None:
        """Queue an answer for the desk, or say why it is none."""
        assert connection.session is not None
        student = identity.subject
        if self._is_too_fast(student, connection.session.last_message_at):
            _refuse(connection, "rate_limited", "too many answers")
            return
        drop = _question(room, identity, frame.drop_id)
        if drop is None or not isinstance(drop.task, AnswerTask):
            _refuse(connection, "not_found", "no such question")
            return
        option = option_of(drop.task, frame.option)
        if option is None:
            _refuse(connection, "invalid_field", "no such option")
        elif self._count >= MAX_WAITING:
            _refuse(connection, "unavailable", "too many at once")
        else:
            self._queue(room, drop, (connection, student, option == drop.task.right))

    def prune(self, now: int) -> None:
        """Forget students who have not answered for a while."""
        full = [name for name, bucket in self._buckets.items() if bucket.is_full(ANSWERS, now)]
        for name in full:
            del self._buckets[name]

    def _is_too_fast(self, student: str, now: int) -> bool:
        bucket = self._buckets.get(student)
        if bucket is None:
            bucket = self._buckets[student] = Bucket()
        return bucket.take(ANSWERS, now) > 0

    def _queue(self, room: Room, drop: RoomDrop, answer: tuple[Connection, str, bool]) -> None:
        key = (room.name, drop.id)
        self._count += 1
        if key not in self._waiting:
            self._waiting[key] = (room, drop, [])
            asyncio.get_running_loop().call_soon(self._send, key)
        self._waiting[key][2].append(answer)

    def _send(self, key: tuple[str, str]) -> None:
        room, drop, waiting = self._waiting.pop(key)
        self._work.start(self._count_answers(room, drop, waiting))

    async def _count_answers(self, room: Room, drop: RoomDrop, waiting: _Waiting) -> None:
        assert drop.task is not None
        of = TaskOf(drop.shard, drop.id, drop.task)
        for start in range(0, len(waiting), AT_ONCE):
            some = waiting[start : start + AT_ONCE]
            try:
                found = await self._tasks.count_answers(of, [(s, right) for _, s, right in some])
            except DeskUnavailableError:
                _refuse_all(some, "unavailable", "not counted, try again")
                continue
            finally:
                self._count -= len(some)
            if not found:
                _refuse_all(some, "wrong_state", "the drop is not open")
            for student, progress in found.items():
                room.progress.set(drop.id, student, progress)
                frame = text_frame(task_frames.task_progress(drop.id, progress))
                room.send_to_student(student, frame)


def _question(room: Room, identity: Identity, drop_id: str) -> RoomDrop | None:
    """Return the drop, if this person may answer its question."""
    drop = room.drops.get(drop_id)
    if drop is None or not identity.may_claim_in(room.name) or not is_for(drop, identity):
        return None
    return drop


def _refuse_all(waiting: _Waiting, code: str, words: str) -> None:
    for connection, _, _ in waiting:
        _refuse(connection, code, words)


def _refuse(connection: Connection, code: str, words: str) -> None:
    connection.send_private(text_frame(wire.error(code, words)))
