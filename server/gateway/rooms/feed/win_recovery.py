"""Wins that the desk may have lost because Redis came back without them.

Called by `background_tasks.py` every two seconds and by `feed_follower.py` after each gap. A student who was
told `won` goes on reading that until one of three things is true. The ledger has the claim: the student gets
`claim_confirmed`. The desk sells a unit to the same request again: nobody need hear of it. The desk has no
unit left: the student gets `claim_revoked` with an apology.
"""

import asyncio
from collections.abc import Mapping

from server.clock import now_ms
from server.core.coupons.coupons import HOLD_ENDED
from server.core.drops.claims import ClaimState, Outcome
from server.core.drops.drops import RoomDrop
from server.core.identity import Identity
from server.core.ids import DropId, StudentId
from server.desk.claims.claim_answers import ClaimAnswer
from server.desk.claims.claim_desk import ClaimDesk
from server.desk.claims.claim_record import HeldClaim
from server.desk.drops.drop_desk import DropDesk
from server.desk.feed.feed_messages import Loss
from server.gateway.rooms.feed.claim_notices import send_confirmed, send_ended, send_loss
from server.gateway.rooms.open_rooms import OpenRooms
from server.gateway.rooms.room import Room

NOTHING_LEFT = "nothing_left"
_STUDENTS_PER_READ = 500


class WinRecovery:
    """Every method may raise DeskUnavailableError; what was not done then is done by the next call."""

    def __init__(self, rooms: OpenRooms, claim_desk: ClaimDesk, drop_desk: DropDesk) -> None:
        self._rooms = rooms
        self._claim_desk = claim_desk
        self._drop_desk = drop_desk
        self._epochs: list[int | None] | None = None  # of each shard; None: not read yet

    # --- a desk that was rebuilt --------------------------------------------------------------

    async def watch_desks(self) -> None:
        """Welcome the members of rooms anew whose desk was rebuilt: it knows other claims than they were
        welcomed with. Wins that it has lost are claimed again first."""
        epochs = await self._drop_desk.epochs()
        before = self._epochs
        if before is not None:
            loaded = {k for k, epoch in enumerate(epochs) if epoch not in (None, before[k])}
            for room in [room for room in self._rooms.all() if _shows(room, loaded)]:
                await self._enter_again(room)
                await self.recheck_room(room)
                self._rooms.welcome_again(room)
        # A shard that is being rebuilt has no epoch: keep the old one, so that the new one differs from it.
        self._epochs = [
            epoch if epoch is not None or before is None else before[k]
            for k, epoch in enumerate(epochs)
        ]

    async def _enter_again(self, room: Room) -> None:
        """Repeat the entries that the desk has lost with the last moments before the ledger had them. Each
        gets a new place and a new receipt, which the next welcome brings. A draw that has ended takes none.
        """
        by_drop: dict[DropId, list[StudentId]] = {}
        for drop_id, student in room.entries:
            by_drop.setdefault(drop_id, []).append(student)
        for drop_id, students in by_drop.items():
            drop = room.drops.get(drop_id)
            if drop is None:
                continue
            found = await self._drop_desk.draws.entries_of_students([drop], students)
            lost = set(students) - {student for _, student, _ in found}
            await asyncio.gather(*(self._enter(room, drop, student) for student in lost))

    async def _enter(self, room: Room, drop: RoomDrop, student: StudentId) -> None:
        told = room.entries.get((drop.id, student))
        identity = _identity_of(room, student)
        if told is None:
            return
        answer = await self._claim_desk.claim(
            shard=drop.shard,
            drop_id=drop.id,
            batch_id=drop.batch_id,
            student=student,
            request_id=told.request_id,
            campaign_id=drop.campaign_id,
            person=identity.person if identity is not None else None,
            device=identity.device if identity is not None else None,
            entering=f"{told.pseudonym}|{told.client_random}",
        )
        if answer.entry is not None:
            room.entries[drop.id, student] = answer.entry

    # --- wins without a confirmation ----------------------------------------------------------

    async def recheck_unconfirmed(self) -> None:
        """Send confirmations that were lost on their way, and claim again what the desk has forgotten."""
        for room in self._rooms.all():
            await self.recheck_room(room)

    async def recheck_room(self, room: Room) -> None:
        # Taken back first: a gap during the reads below sets it again.
        missed_feed, room.missed_feed = room.missed_feed, False
        try:
            if missed_feed:
                await self._send_missed_confirmations(room)
            await self._recheck_room(room)
        except BaseException:
            room.missed_feed = room.missed_feed or missed_feed
            raise

    async def _send_missed_confirmations(self, room: Room) -> None:
        """Send every confirmed claim of the room's students. It may have been won on another device by way
        of another gateway, so `room.unconfirmed` does not have it. A student who has the confirmation gets
        it once more, which clients ignore."""
        students, drops = list(room.students), room.visible_drops(now_ms())
        for start in range(0, len(students) if drops else 0, _STUDENTS_PER_READ):
            some = students[start : start + _STUDENTS_PER_READ]
            for drop_id, student, held in await self._drop_desk.claims_of_students(drops, some):
                if held.state is ClaimState.CONFIRMED:
                    send_confirmed(room, student, drop_id, held.coupon)

    async def _recheck_room(self, room: Room) -> None:
        # A student who has left gets their claims with the next welcome.
        for gone in [one for one in room.unconfirmed if one[1] not in room.students]:
            del room.unconfirmed[gone]
        wanted: dict[DropId, list[StudentId]] = {}
        for drop_id, student in room.unconfirmed:
            wanted.setdefault(drop_id, []).append(student)
        for drop_id, students in wanted.items():
            drop = room.drops.get(drop_id)
            if drop is not None:
                await self._recheck_drop(room, drop, students)

    async def _recheck_drop(self, room: Room, drop: RoomDrop, students: list[StudentId]) -> None:
        (row,) = await self._drop_desk.claims_of([(drop.shard, drop.id, students)])
        forgotten: dict[StudentId, HeldClaim] = {}
        for student, held in zip(students, row, strict=True):
            won = room.unconfirmed.get((drop.id, student))
            if won is None:
                continue  # the confirmation came during the read
            if held is not None:
                _send_if_decided(room, drop, student, held)
            else:
                forgotten[student] = won
        # The winners of a draw are seated by a worker, and again after a loss.
        if forgotten and drop.draw is None:
            await self._claim_again(room, drop, forgotten)

    async def _claim_again(
        self, room: Room, drop: RoomDrop, forgotten: Mapping[StudentId, HeldClaim]
    ) -> None:
        """Repeat each student's request, with the same request id. A desk that is being rebuilt decides
        nothing; then the next call repeats it."""
        answers = await asyncio.gather(
            *(self._claim(room, drop, student, won) for student, won in forgotten.items())
        )
        refused: dict[StudentId, HeldClaim] = {}
        for student, answer in zip(forgotten, answers, strict=True):
            if answer.held is not None:
                room.unconfirmed[drop.id, student] = answer.held
                _send_if_decided(room, drop, student, answer.held)
            elif answer.outcome is Outcome.RELEASED:
                send_loss(room, Loss("coupon_released", student, drop.id, None, HOLD_ENDED))
            elif answer.outcome.is_final:
                refused[student] = forgotten[student]
        if refused:
            await self._drop_desk.give_up(drop.shard, drop.id, refused)
            for student in refused:
                send_loss(room, Loss("claim_revoked", student, drop.id, None, NOTHING_LEFT))

    async def _claim(
        self, room: Room, drop: RoomDrop, student: StudentId, won: HeldClaim
    ) -> ClaimAnswer:
        identity = _identity_of(room, student)
        return await self._claim_desk.claim(
            shard=drop.shard,
            drop_id=drop.id,
            batch_id=drop.batch_id,
            student=student,
            request_id=won.request_id,
            campaign_id=drop.campaign_id,
            person=identity.person if identity is not None else None,
            device=identity.device if identity is not None else None,
        )


def _identity_of(room: Room, student: StudentId) -> Identity | None:
    """Return who the student's newest connection is for; None if the student has left."""
    connections = room.students.get(student)
    session = connections[-1].session if connections else None
    return session.identity if session is not None else None


def _send_if_decided(room: Room, drop: RoomDrop, student: StudentId, held: HeldClaim) -> None:
    """Send the end of a claim or its confirmation; nothing for one that is still `won`."""
    if held.state is ClaimState.CONFIRMED:
        send_confirmed(room, student, drop.id, held.coupon)
    elif held.state is not ClaimState.WON:
        send_ended(room, student, drop.id, held)


def _shows(room: Room, shards: set[int]) -> bool:
    return not room.is_empty and any(drop.shard in shards for drop in room.drops.values())
