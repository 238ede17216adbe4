"""The machine that enters, closes, seats and rebuilds a draw of the desk, beside a model of it in Python.

- A tap on an open **draw** is an entry: one for each student, numbered from 0 in the order of the taps.
  Who is blocked, or has used all slots by then, has none.
- **Seating** gives the lowest free unit to the given students in their order, while there are units: to those
  who have an entry and a free slot, and who had no unit before. It is repeated at will.
- The **list** has the entries that the ledger has not taken yet, in order.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from server.core.draws.entries import Entry
from server.core.drops.claims import ClaimState, Outcome
from server.core.drops.drops import Allotment, Window
from server.core.ids import BatchId, ClaimId, DropId, Slot, StudentId, Unit
from server.desk.claims import entry_record
from server.desk.claims.caps import CapName
from server.desk.claims.claim_answers import ClaimAnswer
from server.desk.claims.claim_desk import entering
from server.desk.claims.claim_record import HeldClaim
from server.desk.claims.entry_record import DeskEntry
from server.desk.drops.draw_desk import Seated
from server.desk.drops.drop_state import Stamped
from server.desk.shards.fence import LoadedDrop
from tests.support.builders.desks import SHARD, Desk, make_desk
from tests.support.machines.runner import Stage

DRAW, OTHER, BATCH, UNITS = DropId("drp_1"), DropId("drp_2"), BatchId("bat_1"), 2
PERSONS = {"ada": "p1", "bob": "p1", "cyd": "", "dan": "", "eve": ""}
STUDENTS = list(PERSONS)
a_student = st.sampled_from(STUDENTS)
some_students = st.lists(a_student, max_size=5, unique=True)


@dataclass(slots=True)
class ModelDraw:
    entries: dict[str, DeskEntry] = field(default_factory=dict)
    taken: int = 0  # entries that the ledger has
    held: dict[str, HeldClaim] = field(default_factory=dict)
    released: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)  # who has won of another drop of the batch
    is_closed: bool = False

    @property
    def live(self) -> dict[str, int]:
        return {s: claim.unit for s, claim in self.held.items() if s not in self.released}

    def has_slot(self, student: str) -> bool:
        """One for each student, and one for each person."""
        used = self.elsewhere | set(self.held)
        person = PERSONS[student]
        return student not in used and not (person and person in {PERSONS[one] for one in used})

    def outcome(self, student: str, is_blocked: bool) -> Outcome:
        if student in self.released:
            return Outcome.RELEASED
        if student in self.held:
            return Outcome.WON
        if student in self.entries:
            return Outcome.ENTERED
        if is_blocked:
            return Outcome.BLOCKED
        if self.is_closed:
            return Outcome.CLOSED
        return Outcome.ENTERED if self.has_slot(student) else Outcome.LIMIT_REACHED

    def seat(self, students: list[str]) -> tuple[list[str], int, int]:
        """Return who gets a unit now, how many have had one, and how many were looked at."""
        new: list[str] = []
        seated = looked_at = 0
        for student in students:
            if len(self.live) + len(new) >= UNITS:
                break
            looked_at += 1
            persons = {PERSONS[one] for one in new} - {""}
            can = self.has_slot(student) and PERSONS[student] not in persons
            if student in self.held:
                seated += 1
            elif student in self.entries and can:
                new.append(student)
                seated += 1
        return new, seated, looked_at


class DrawMachine(RuleBasedStateMachine):
    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage, self.model = stage, ModelDraw()
        self.desk: Desk = make_desk(stage.redis, stage.new_prefix())
        self.epoch, self.window = 0, Window(0, 0)
        stage.run(self._begin())

    async def _begin(self) -> None:
        await self._armed()
        opened = await self._open(DRAW, UNITS, is_draw=True)
        self.window = Window(opened.opens_at, opened.closes_at)
        await self._open(OTHER, 9, is_draw=False)

    async def _open(self, drop_id: DropId, units: int, *, is_draw: bool) -> Stamped:
        opened = await self.desk.drops.open(
            shard=SHARD,
            drop_id=drop_id,
            batch_id=BATCH,
            room="r1",
            per_student=1,
            per_person=1,
            allotments=[Allotment(f"alt_{drop_id}", 1, units)],
            opens_in_ms=0,
            duration_ms=3_600_000,
            is_draw=is_draw,
        )
        assert isinstance(opened, Stamped)
        return opened

    async def _armed(self) -> None:
        run_id = await self.desk.fence.take_lease(SHARD)
        assert run_id is not None
        self.epoch += 1
        await self.desk.fence.arm(SHARD, run_id, self.epoch)

    def teardown(self) -> None:
        self.stage.run(self.desk.claims.close())
        self.stage.forget(self.desk.prefix)

    @rule(students=st.lists(a_student, min_size=1, max_size=6), is_blocked=st.booleans())
    def enter(self, students: list[str], is_blocked: bool) -> None:
        """All in one call, some perhaps twice."""
        for student, answer in zip(
            students, self.stage.run(self._enter(students, is_blocked)), strict=True
        ):
            meant = self.model.outcome(student, is_blocked)
            assert answer.outcome is meant, student
            if meant is Outcome.ENTERED:
                self._learn(student, answer.entry)

    async def _enter(self, students: list[str], is_blocked: bool) -> list[ClaimAnswer]:
        claim, digits = self.desk.claims.claim, "ab" * 16
        return await asyncio.gather(
            *(
                claim(
                    shard=SHARD,
                    drop_id=DRAW,
                    batch_id=BATCH,
                    student=StudentId(student),
                    request_id="r1",
                    person=PERSONS[student] or None,
                    is_blocked=is_blocked,
                    entering=entering(digits),
                )
                for student in students
            )
        )

    def _learn(self, student: str, entry: Entry | None) -> None:
        assert entry is not None
        known = self.model.entries.get(student)
        if known is not None:
            assert entry == known.entry, "a student's entry has changed"
            return
        assert entry.number == len(self.model.entries)
        self.model.entries[student] = DeskEntry(
            StudentId(student), ClaimId(""), entry, PERSONS[student]
        )

    @rule(student=a_student)
    def win_elsewhere(self, student: str) -> None:
        if student in self.model.elsewhere:
            return
        answer = self.stage.run(
            self.desk.claims.claim(
                shard=SHARD,
                drop_id=OTHER,
                batch_id=BATCH,
                student=StudentId(student),
                request_id="r1",
                person=PERSONS[student] or None,
            )
        )
        is_new = self.model.has_slot(student)
        assert (answer.outcome is Outcome.WON) == is_new
        if is_new:
            self.model.elsewhere.add(student)

    @rule()
    def close(self) -> None:
        self.stage.run(self.desk.drops.close(SHARD, DRAW, only_if_over=False))
        self.model.is_closed = True

    @rule(students=some_students)
    def seat(self, students: list[str]) -> None:
        call = self.desk.drops.draws.seat(
            SHARD, DRAW, BATCH, None, UNITS, [StudentId(one) for one in students]
        )
        answer = self.stage.run(call)
        if not self.model.is_closed:
            assert answer is None
            return
        assert isinstance(answer, Seated)
        new, seated, looked_at = self.model.seat(students)
        assert (answer.seated, answer.looked_at) == (seated, looked_at)
        holders = self.stage.run(self._holders(new))
        self.model.held |= holders
        assert answer.live == len(self.model.live)

    async def _holders(self, students: list[str]) -> dict[str, HeldClaim]:
        if not students:
            return {}
        (found,) = await self.desk.drops.claims_of([(SHARD, DRAW, students)])
        assert all(one is not None for one in found)
        return {student: one for student, one in zip(students, found, strict=True) if one}

    @rule(student=a_student)
    def release(self, student: str) -> None:
        if student not in self.model.live:
            return
        claim_id = self.model.held[student].claim_id
        assert self.stage.run(self.desk.drops.release(SHARD, DRAW, {StudentId(student): claim_id}))
        self.model.released.add(student)

    @rule(most=st.integers(1, 3))
    def take_to_the_ledger(self, most: int) -> None:
        found = self.stage.run(self.desk.drops.draws.new_entries(SHARD, DRAW, most))
        waiting = list(self.model.entries)[self.model.taken :]
        assert [one.student for one in found.entries] == waiting[:most]
        assert (found.entered, found.is_final) == (len(self.model.entries), self.model.is_closed)
        for one in found.entries:
            self.model.entries[one.student] = one
        self.model.taken += len(found.entries)
        for below in (self.model.taken, max(0, self.model.taken - 1)):  # a worker that is late
            self.stage.run(self.desk.drops.draws.drop_entries(SHARD, DRAW, below))

    @rule(is_empty=st.booleans())
    def rebuild(self, is_empty: bool) -> None:
        """Rebuild the desk: what the list has goes to the ledger first."""
        while self.model.taken < len(self.model.entries):
            self.take_to_the_ledger(3)
        if is_empty:
            self.stage.forget(self.desk.prefix)
        self.stage.run(self._rebuild())
        if is_empty:  # the other drop is lost; its wins are in the caps
            self.stage.run(self._open(OTHER, 9, is_draw=False))

    async def _rebuild(self) -> None:
        model, fence = self.model, self.desk.fence
        run_id = await fence.take_lease(SHARD)
        assert run_id is not None
        live = frozenset(Unit(unit) for unit in model.live.values())
        held = {
            StudentId(s): _with_state(one, s in model.released) for s, one in model.held.items()
        }
        await fence.load_drop(
            SHARD,
            LoadedDrop(
                drop_id=DRAW,
                batch_id=BATCH,
                room="r1",
                per_student=1,
                per_person=1,
                allotments=(Allotment("alt_drp_1", 1, UNITS),),
                window=self.window,
                closed_at=self.window.opens_at if model.is_closed else None,
                holders=held,
                live_units=live,
                won_total=len(held),
                confirmed=0,
                is_draw=True,
                entrants=list(model.entries.values()),
            ),
        )
        used = model.elsewhere | set(model.held)
        fields = [*used, *{f"p|{PERSONS[one]}" for one in used if PERSONS[one]}]
        slots = {StudentId(one): [Slot(1)] for one in fields}
        await fence.load_caps(SHARD, (CapName.BATCH, BATCH), slots)
        self.epoch += 1
        await fence.arm(SHARD, run_id, self.epoch)

    @invariant()
    def desk_and_model_agree(self) -> None:
        keys, redis = self.desk.keys(), self.desk.redis

        async def look() -> tuple[Any, Any, Any]:
            entrants: Any = await redis.hgetall(keys.entrants(DRAW))
            waiting: Any = await redis.lrange(keys.entries(DRAW), 0, -1)
            return entrants, waiting, await self.desk.drops.counts(SHARD, DRAW)

        entrants, waiting, counts = self.stage.run(look())
        assert {one.decode(): entry_record.parse(entry) for one, entry in entrants.items()} == {
            student: one.entry for student, one in self.model.entries.items()
        }
        order = list(self.model.entries)
        assert [entry_record.parse_line(line).student for line in waiting] == order[
            self.model.taken :
        ]
        assert (counts.entered, counts.claimed) == (len(order), len(self.model.live))
        units = list(self.model.live.values())
        assert len(set(units)) == len(units) <= UNITS, "I1: a unit twice, or one too many"


def _with_state(claim: HeldClaim, is_released: bool) -> HeldClaim:
    state = ClaimState.RELEASED if is_released else ClaimState.WON
    return HeldClaim(state, *list(_fields(claim))[1:])


def _fields(claim: HeldClaim) -> tuple[Any, ...]:
    return (
        claim.state,
        claim.claim_id,
        claim.unit,
        claim.slot,
        claim.request_id,
        claim.won_at,
        claim.coupon,
    )
