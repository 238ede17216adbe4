"""What the desk no longer knows, because Redis came back without it: said again, or taken back.

Called by `background_tasks.py`, beside `room_status.py`. Who was told `won` goes on reading that, until one
of three things is true: the ledger has it (`claim_confirmed`); the desk sells it again to the same request,
and nobody need hear of it; or the desk has nothing left, and the student reads an apology.
"""

import asyncio
from collections.abc import Callable, Mapping

from server.clock import now_ms
from server.core.coupons.coupons import HOLD_ENDED
from server.core.drops.claims import ClaimState, Outcome
from server.core.drops.drops import RoomDrop
from server.core.ids import DropId, StudentId
from server.desk.claim_desk import ClaimAnswer, ClaimDesk
from server.desk.claim_record import HeldClaim
from server.desk.drop_desk import DropDesk
from server.desk.feed import Loss
from server.gateway.join_queue import AT_ONCE
from server.gateway.room import Room
from server.gateway.rooms import Rooms

NOTHING_LEFT = "nothing_left"


class LostWins:
    """Every call may end in DeskUnavailableError: what was not said then is said the next time.
    `welcome_again(room)` tells everybody in it the whole state."""

    def __init__(
        self,
        rooms: Rooms,
        claim_desk: ClaimDesk,
        drop_desk: DropDesk,
        welcome_again: Callable[[Room], None],
    ) -> None:
        self._rooms = rooms
        self._claim_desk = claim_desk
        self._drop_desk = drop_desk
        self._welcome_again = welcome_again
        self._epochs: list[int | None] | None = None  # as last seen; None: not looked yet

    # --- a desk that was loaded anew -----------------------------------------------------------

    async def watch_desks(self) -> None:
        """After a load the desk knows more of its drops than whoever was welcomed before, or less: they
        are told anew, when those who have won of it have got back what they can."""
        epochs = await self._drop_desk.epochs()
        before = self._epochs
        if before is not None:
            loaded = {k for k, epoch in enumerate(epochs) if epoch not in (None, before[k])}
            for room in [room for room in self._rooms.all() if _shows(room, loaded)]:
                await self.recheck_room(room)
                self._welcome_again(room)
        # A shard that is being loaded keeps what it had: what comes differs from that.
        self._epochs = [
            epoch if epoch is not None or before is None else before[k]
            for k, epoch in enumerate(epochs)
        ]

    # --- what must not stay unsaid -------------------------------------------------------------

    async def recheck_unconfirmed(self) -> None:
        """A confirmation that was not heard: the desk still has it. A win that the desk has forgotten: it
        is asked for once more."""
        for room in self._rooms.all():
            await self.recheck_room(room)

    async def recheck_room(self, room: Room) -> None:
        was_deaf, room.was_deaf = room.was_deaf, False
        try:
            if was_deaf:
                await self._tell_what_was_missed(room)
            await self._recheck_room(room)
        except BaseException:
            room.was_deaf = room.was_deaf or was_deaf
            raise

    async def _tell_what_was_missed(self, room: Room) -> None:
        """What was confirmed while nobody listened may have been won on another device, by another
        gateway: here it was never told `won`. Who knows of it already is told once more."""
        students, drops = list(room.students), room.shown_drops(now_ms())
        for start in range(0, len(students) if drops else 0, AT_ONCE):
            some = students[start : start + AT_ONCE]
            for drop_id, student, held in await self._drop_desk.claims_of_students(drops, some):
                if held.state is ClaimState.CONFIRMED:
                    self._rooms.confirmed(room, student, drop_id, held.coupon)

    async def _recheck_room(self, room: Room) -> None:
        for gone in [one for one in room.unconfirmed if one[1] not in room.students]:
            del room.unconfirmed[gone]
        wanted: dict[DropId, list[StudentId]] = {}
        for drop_id, student in room.unconfirmed:
            wanted.setdefault(drop_id, []).append(student)
        for drop_id, students in wanted.items():
            drop = room.drops.get(drop_id)
            if drop is not None:
                await self._recheck(room, drop, students)

    async def _recheck(self, room: Room, drop: RoomDrop, students: list[StudentId]) -> None:
        (row,) = await self._drop_desk.claims_of([(drop.shard, drop.id, students)])
        forgotten: dict[StudentId, HeldClaim] = {}
        for student, held in zip(students, row, strict=True):
            told = room.unconfirmed.get((drop.id, student))
            if told is None:
                continue  # heard while we asked
            if held is not None:
                self._say(room, drop, student, held)
            else:
                forgotten[student] = told
        if forgotten:
            await self._claim_again(room, drop, forgotten)

    async def _claim_again(
        self, room: Room, drop: RoomDrop, forgotten: Mapping[StudentId, HeldClaim]
    ) -> None:
        """The same request, on the student's behalf. While the desk is shut: the next time."""
        answers = await asyncio.gather(
            *(self._claim(drop, student, told) for student, told in forgotten.items())
        )
        refused: dict[StudentId, HeldClaim] = {}
        for student, answer in zip(forgotten, answers, strict=True):
            if answer.held is not None:
                room.unconfirmed[drop.id, student] = answer.held
                self._say(room, drop, student, answer.held)
            elif answer.outcome is Outcome.RELEASED:
                self._rooms.lost(room, Loss("coupon_released", student, drop.id, None, HOLD_ENDED))
            elif answer.outcome.is_final:
                refused[student] = forgotten[student]
        if refused:
            await self._drop_desk.give_up(drop.shard, drop.id, refused)
            for student in refused:
                self._rooms.lost(room, Loss("claim_revoked", student, drop.id, None, NOTHING_LEFT))

    async def _claim(self, drop: RoomDrop, student: StudentId, told: HeldClaim) -> ClaimAnswer:
        return await self._claim_desk.claim(
            shard=drop.shard,
            drop_id=drop.id,
            batch_id=drop.batch_id,
            student=student,
            request_id=told.request_id,
            campaign_id=drop.campaign_id,
        )

    def _say(self, room: Room, drop: RoomDrop, student: StudentId, held: HeldClaim) -> None:
        if held.state is ClaimState.CONFIRMED:
            self._rooms.confirmed(room, student, drop.id, held.coupon)
        elif held.state is not ClaimState.WON:
            self._rooms.taken_back(room, student, drop.id, held)


def _shows(room: Room, shards: set[int]) -> bool:
    return not room.is_empty and any(drop.shard in shards for drop in room.drops.values())
