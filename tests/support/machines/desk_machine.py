"""The machine that asks the desk's scripts and `model_desk.py` the same, and compares every key.

Time cannot be turned on a server, so windows are: an hour long, an hour away or over at once, and
`_time_passes` moves a drop's window back instead of the clock forward. A server that is another one is
made by writing another run id into what names it.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from server.core.drops.drops import Allotment, Window
from server.core.drops.tasks import SignInTask
from server.core.drops.why import WhyReason
from server.core.ids import BatchId, ClaimId, DropId, Slot, StudentId, Unit
from server.core.instants import to_text
from server.desk.claims.caps import CapName
from server.desk.claims.claim_answers import ClaimAnswer
from server.desk.claims.claim_record import HeldClaim
from server.desk.claims.outbox import Outbox, OutboxEntry
from server.desk.drops.drop_state import Closing, Stamped
from server.desk.drops.task_desk import TaskOf
from server.desk.shards.fence import ConfirmedClaim, LoadedDrop
from tests.support.builders.classroom import now_ms
from tests.support.builders.desks import SHARD, Desk, make_desk
from tests.support.machines.desk_views import (
    DropSeen,
    drop_meant,
    drop_seen,
    held_of,
    keep_promises,
    slots_seen,
)
from tests.support.machines.model_desk import (
    ModelAnswer,
    ModelClaim,
    ModelDesk,
    ModelDrop,
    ModelTap,
    coupon_of,
)
from tests.support.machines.runner import Stage, expected

BATCHES = {
    "drp_1": "bat_1",
    "drp_2": "bat_1",
    "drp_3": "bat_1",
    "drp_4": "bat_2",
    "drp_5": "bat_2",
}
WITH_TASK = {"drp_2"}
CAMPAIGN = "cmp_1"  # all these batches are of it
STOPPABLE = ["all", CAMPAIGN, "bat_1", "bat_2"]
STUDENTS = ["eve", "ada", "dan", "bob", "cyd", "fay", "gil"]
UNKNOWN_DROP = "drp_9"  # nobody opens it
ROOM = "r1"
HOUR_MS = 3_600_000
OPENS_IN = {"now": (0, HOUR_MS), "later": (HOUR_MS, HOUR_MS), "over": (0, 0)}
WHEN = ["now", "later", "over", "until", "late"]
ENDS = {  # the condition, and how much later an opening is meant than the desk has
    "stopped": ("", 0),
    "if over": ("over", 0),
    "if sold out": ("sold out", 0),
    "an earlier opening": ("", -1),
    "a reopening is given up": ("", 1),
}
BY_THE_CLOCK = {"until": HOUR_MS, "late": -HOUR_MS}  # from now to the given end
ANOTHER_SERVER = "0" * 40

# Whose accounts the students' are, and on what they tap; "" where their tokens do not say it.
PERSONS = {"eve": "p1", "ada": "p1", "dan": "p2", "bob": "", "cyd": "", "fay": "", "gil": ""}
DEVICES = ["", "", "", "d1", "d2"]

_NONE = ("", 0, 0)  # of an entry for which there is no such limit

a_drop = st.sampled_from(["drp_1", *BATCHES])
a_limit = st.sampled_from([1, 1, 2, 3])
a_campaign_limit = st.sampled_from([None, None, 1, 2])
a_person_limit = st.sampled_from([None, 1, 1, 2])
a_device_limit = st.sampled_from([None, None, 1, 2])
a_student = st.sampled_from(STUDENTS)
a_tap = st.builds(
    ModelTap,
    a_student,
    st.sampled_from([*BATCHES, UNKNOWN_DROP]),
    st.sampled_from(["q1", "q2"]),
    device=st.sampled_from(DEVICES),
    is_blocked=st.sampled_from([False] * 7 + [True]),
).map(lambda tap: replace(tap, person=PERSONS[tap.student]))
HOW_LOST = ["another server", "another server", "fence shut", "emptied"]
an_index = st.integers(0, 30)  # of something among those there are


@dataclass(frozen=True, slots=True)
class Step:
    """A method of the machine, and what it is called with."""

    what: str
    how: dict[str, Any]


def _a(what: str, **how: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.fixed_dictionaries(how).map(lambda drawn: Step(what, drawn))


# One rule for all of them: Hypothesis leaves some rules out of each example, and most of what goes wrong
# takes many kinds of steps.
a_step = st.one_of(
    _a("open", drop_id=a_drop, units=st.integers(2, 4), when=st.sampled_from(WHEN)),
    _a(
        "reopen",
        drop_id=a_drop,
        add=st.integers(1, 2),
        in_hand=st.integers(0, 2),
        when=st.sampled_from(["now", *WHEN]),
        which=st.sampled_from(["next", "next", "next", "again", "before"]),
    ),
    _a("move_window", drop_id=a_drop, newer=st.sampled_from([1, 1, 0]), is_paused=st.booleans()),
    _a("pass_task", drop_id=st.sampled_from(["drp_2", "drp_1"]), student=a_student),
    _a(
        "top_up",
        drop_id=a_drop,
        add=st.integers(1, 3),
        which=st.sampled_from(["next", "again", "gap"]),
    ),
    _a(
        "extend",
        drop_id=a_drop,
        intent_id=st.sampled_from(["int_1", "int_2"]),
        is_stale=st.booleans(),
    ),
    _a(
        "comes_to_an_end",
        drop_id=a_drop,
        how=st.sampled_from([*ENDS, "time passes"]),
    ),
    _a("tap", taps=st.lists(a_tap, min_size=1, max_size=8), twice=st.booleans()),
    _a("tap_again", which=an_index, students=st.integers(1, 3)),
    _a("everybody_taps", drop_id=a_drop),
    _a("confirm", chosen=st.lists(an_index, max_size=4), wrong=st.none() | an_index),
    _a(
        "release",
        drop_id=a_drop,
        most=st.sampled_from([1, 2, 2, 3]),
        wrong=st.sampled_from([False, False, True]),
        then_tap=st.booleans(),
    ),
    _a(
        "stop",
        target=st.sampled_from(STOPPABLE),
        drop_id=a_drop,
        stays=st.sampled_from([False, False, False, True]),
    ),
    _a("trust_is_lost", how=st.sampled_from(HOW_LOST)),
)


class DeskMachine(RuleBasedStateMachine):
    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.model = ModelDesk()
        self.desk: Desk = make_desk(stage.redis, stage.new_prefix())
        self.outbox = Outbox(stage.redis, self.desk.prefix, "tests")
        self.claim_ids: set[str] = set()
        self.stops_version = 0
        stage.run(self._arm())

    async def _arm(self) -> None:
        run_id = await self.desk.fence.take_lease(SHARD)
        assert run_id is not None
        await self.desk.fence.arm(SHARD, run_id, 1)

    def teardown(self) -> None:
        self._no_other_keys()
        self.stage.run(self.desk.claims.close())
        self.stage.forget(self.desk.prefix)

    @precondition(lambda self: not self.model.is_shut)
    @rule(step=a_step)
    def ask(self, step: Step) -> None:
        getattr(self, step.what)(**step.how)

    # --- what teachers do -------------------------------------------------------------------------

    @initialize(
        limits=st.tuples(a_limit, a_limit),
        per_campaign=a_campaign_limit,
        further=st.tuples(a_person_limit, a_device_limit),
        units=st.integers(1, 4),
    )
    def batches_are_made(
        self,
        limits: tuple[int, int],
        per_campaign: int | None,
        further: tuple[int | None, int | None],
        units: int,
    ) -> None:
        self.per_campaign = per_campaign
        self.per_person, self.per_device = further
        self.per_student = {"bat_1": limits[0], "bat_2": limits[1]}
        self.open("drp_1", units, "now")
        self.open("drp_2", 2, "now")
        self.open("drp_4", 2, "now")
        self.open("drp_5", 2, "later")

    def open(self, drop_id: str, units: int, when: str) -> None:
        """Also once more, and after it was closed."""
        batch_id = BATCHES[drop_id]
        known = self.model.drop(drop_id).allotments  # what the ledger holds by now
        allotments = known or [Allotment(f"alt_{drop_id}_1", 1, units)]
        asked = _End(when)
        answer = self.stage.answer(
            self.desk.drops.open(
                shard=SHARD,
                drop_id=DropId(drop_id),
                batch_id=BatchId(batch_id),
                room=ROOM,
                per_student=self.per_student[batch_id],
                allotments=allotments,
                opens_in_ms=asked.opens_in,
                duration_ms=asked.lasts,
                closes_at=asked.closes_at,
                campaign_id=CAMPAIGN,
                per_campaign=self.per_campaign,
                per_person=self.per_person,
                per_device=self.per_device,
                has_task=drop_id in WITH_TASK,
            )
        )
        is_first = self.model.drop(drop_id).window is None
        window = asked.window(answer if is_first else None)
        per_student = self.per_student[batch_id]
        opened = ModelDrop(drop_id, batch_id, per_student, allotments, window)
        opened.campaign_id, opened.per_campaign = CAMPAIGN, self.per_campaign
        opened.per_person, opened.per_device = self.per_person, self.per_device
        opened.has_task = drop_id in WITH_TASK
        assert _plain(answer) == expected(lambda: self.model.open(opened))

    def reopen(self, drop_id: str, add: int, in_hand: int, when: str, which: str) -> None:
        """`in_hand`: units that came back to the batch at the close; only more of them get new numbers."""
        drop = self.model.drop(drop_id)
        number = drop.openings + {"next": 1, "again": 0, "before": -1}[which]
        if which == "next" and drop.window is not None and drop.closed_at is None:
            self.close(drop_id, "", drop.openings)
        more = None
        if add > in_hand or not drop.free_units:
            first = drop.numbered + 1
            more = Allotment(f"alt_{drop_id}_{len(drop.allotments) + 1}", first, first + add - 1)
        units = min(len(drop.live) + add, more.last if more else drop.numbered)
        asked = _End(when)
        answer = self.stage.answer(
            self.desk.drops.reopening.reopen(
                SHARD,
                drop_id,
                openings=number,
                allotments=[*drop.allotments, *([more] if more else [])],
                units=units,
                opens_in_ms=asked.opens_in,
                duration_ms=asked.lasts,
                closes_at=asked.closes_at,
                caps=(),
            )
        )
        window = asked.window(answer if number > drop.openings else None)
        meant = expected(lambda: self.model.reopen(drop_id, number, more, units, window))
        assert _plain(answer) == meant
        self.everybody_taps(drop_id)

    def move_window(self, drop_id: str, newer: int, is_paused: bool) -> None:
        """Move the window as a link does that is paused, which is an empty window, or goes on."""
        drop, now = self.model.drop(drop_id), now_ms()
        window = Window(now - HOUR_MS, now - HOUR_MS if is_paused else now + HOUR_MS)
        version = drop.window_version + newer
        call = self.desk.drops.move_window(SHARD, drop_id, version, window)
        answer = self.stage.answer(_nothing(call))
        assert answer == expected(lambda: self.model.move_window(drop_id, version, window))

    def pass_task(self, drop_id: str, student: str) -> None:
        now = now_ms()
        of = TaskOf(SHARD, DropId(drop_id), SignInTask())
        answer = self.stage.answer(self.desk.drops.tasks.set_done(of, {student: 1}))
        assert answer == expected(lambda: self.model.pass_task(drop_id, student, now))
        self.everybody_taps(drop_id)

    def top_up(self, drop_id: str, add: int, which: str) -> None:
        drop = self.model.drop(drop_id)
        first = drop.numbered + (2 if which == "gap" else 1)
        number = len(drop.allotments) + (2 if which == "gap" else 1)
        allotment = Allotment(f"alt_{drop_id}_{number}", first, first + add - 1)
        if which == "again" and drop.allotments:
            allotment = drop.allotments[-1]
        now = now_ms()
        answer = self.stage.answer(self.desk.drops.add_units(SHARD, drop_id, allotment))
        assert answer == expected(lambda: self.model.add_units(drop_id, allotment, now))

    def extend(self, drop_id: str, intent_id: str, is_stale: bool) -> None:
        window = self.model.drop(drop_id).window
        ends = (window.closes_at if window else 0) - is_stale
        now = now_ms()
        call = self.desk.drops.extend(SHARD, drop_id, intent_id, HOUR_MS, ends)
        answer = self.stage.answer(call)
        assert answer == expected(lambda: self.model.extend(drop_id, intent_id, HOUR_MS, ends, now))

    def comes_to_an_end(self, drop_id: str, how: str) -> None:
        if how == "time passes":
            self._time_passes(drop_id)
            return
        condition, later = ENDS[how]
        self.close(drop_id, condition, self.model.drop(drop_id).openings + later)

    def close(self, drop_id: str, condition: str, number: int) -> None:
        before = now_ms()
        call = self.desk.drops.close(
            SHARD,
            drop_id,
            only_if_over=condition == "over",
            only_if_sold_out=condition == "sold out",
            openings=number,
        )
        answer = self.stage.answer(call)
        now = before
        drop = self.model.drop(drop_id)
        if isinstance(answer, Closing) and drop.closed_at is None and not drop.is_over(before):
            now = _moment(answer.closed_at, before)
        assert answer == expected(lambda: self.model.close(drop_id, condition, number, now))

    # --- what students do -------------------------------------------------------------------------

    def tap(self, taps: list[ModelTap], twice: bool) -> None:
        """All in one call; `twice`: everybody taps once more, in a hurry."""
        taps = taps + [replace(tap, request_id="q3") for tap in taps] if twice else taps
        before = now_ms()
        answers = self.stage.run(_tap_all(self.desk, taps))
        said = self.model.claim(taps, before)
        for answer, meant in zip(answers, said, strict=True):
            assert (answer.outcome, answer.limit) == (meant.outcome, meant.limit)
            if meant.claim is None:
                assert answer.held is None
            else:
                assert answer.held is not None
                self._learn(meant.claim, answer.held, before)
                assert answer.held == held_of(meant.claim)
        for tap, answer, meant in zip(taps, answers, said, strict=True):
            assert _why_said(answer) == self._why_meant(tap, meant)

    def _why_meant(self, tap: ModelTap, meant: ModelAnswer) -> dict[str, object] | None:
        """Return the facts of a refusal, as they were at the end of the call."""
        if meant.reason is None:
            return None
        drop = self.model.drop(tap.drop_id)
        why: dict[str, object] = {"reason": meant.reason}
        if meant.number:
            why["tap"] = meant.number
        if meant.reason is WhyReason.TAKEN:
            why["units"] = drop.quantity
            why |= {"last_at": to_text(drop.last_won_at)} if drop.last_won_at else {}
        elif meant.limit is not None:
            limits = {
                "batch": drop.per_student,
                "campaign": drop.per_campaign,
                "person": drop.per_person,
                "device": drop.per_device,
            }
            most = limits[meant.limit]
            why |= {"limit": meant.limit, "most": most, "used": most}
        elif drop.window is not None and meant.reason is WhyReason.NOT_YET:
            why["opens_at"] = to_text(drop.window.opens_at)
        elif drop.window is not None and meant.reason is WhyReason.ENDED:
            ended_at = drop.window.closes_at if drop.closed_at is None else drop.closed_at
            why["closed_at"] = to_text(ended_at)
        return why

    def tap_again(self, which: int, students: int) -> None:
        """The very same request of those who have won, whatever happened since."""
        won = self.model.outbox
        if not won:
            return
        again = [won[(which + number) % len(won)] for number in range(students)]
        self.tap([_tap(one.student, one.drop_id, one.request_id) for one in again], twice=False)

    def everybody_taps(self, drop_id: str) -> None:
        self.tap([_tap(student, drop_id, "q3") for student in STUDENTS], twice=False)

    # --- what workers do --------------------------------------------------------------------------

    def confirm(self, chosen: list[int], wrong: int | None) -> None:
        """Some of them, perhaps again; one that the desk did not sell may be the first."""
        if not self.model.outbox:
            return
        claims = [_confirmed(self._won(index)) for index in chosen]
        if wrong is not None:
            claim = self._won(wrong)
            claims.insert(
                0,
                ConfirmedClaim(
                    DropId(claim.drop_id), StudentId(claim.student), ClaimId("clm_other"), b"{}"
                ),
            )
        claims.sort(key=lambda claim: claim.drop_id)  # as they go into the call
        answer = self.stage.answer(self.desk.fence.confirm(SHARD, claims))
        assert answer == expected(lambda: self.model.confirm(claims))

    def release(self, drop_id: str, most: int, wrong: bool, then_tap: bool) -> None:
        """Release claims of one drop, some of them perhaps released before."""
        for claim in list(self.model.drop(drop_id).claims.values())[-most:]:
            claim_id = ClaimId("clm_other" if wrong else claim.claim_id)
            release = self.desk.drops.release(SHARD, drop_id, {StudentId(claim.student): claim_id})
            answer = self.stage.answer(release)
            assert answer == expected(partial(self.model.release, drop_id, claim.student, claim_id))
        if then_tap:
            self.everybody_taps(drop_id)

    # --- what operators do ------------------------------------------------------------------------

    def stop(self, target: str, drop_id: str, stays: bool) -> None:
        """This and nothing else, for good or while everybody taps."""
        self._stop_only({target})
        self.everybody_taps(drop_id)
        if not stays:
            self._stop_only(set())

    def _stop_only(self, targets: set[str]) -> None:
        """Publish these stops with a new version; an older version is ignored."""
        self.stops_version += 1
        self.model.stopped = targets
        tell = self.desk.drops.publish_stops
        self.stage.answer(tell(SHARD, self.stops_version, sorted(targets)))
        self.stage.answer(tell(SHARD, self.stops_version - 1, ["all"]))

    # --- what happens to a desk -------------------------------------------------------------------

    def _time_passes(self, drop_id: str) -> None:
        """An hour, for this drop: what was to be opens, what was open is over."""
        drop = self.model.drop(drop_id)
        if drop.window is None:
            return
        drop.window = Window(drop.window.opens_at - HOUR_MS, drop.window.closes_at - HOUR_MS)
        key = self.desk.keys().drop(drop_id)
        if not self.model.is_lost:
            fields = {"opens_at": drop.window.opens_at, "closes_at": drop.window.closes_at}
            self.stage.run(_write(self.desk, key, fields))

    def trust_is_lost(self, how: str) -> None:
        if how == "emptied":
            self.model.lose_everything()
            self.stage.forget(self.desk.prefix)
            return
        self.model.is_shut = True
        if how == "fence shut":
            self.stage.run(self.desk.fence.shut(SHARD))
        else:
            fence = self.desk.keys().fence
            self.stage.run(_write(self.desk, fence, {"run_id": ANOTHER_SERVER}))

    @precondition(lambda self: self.model.is_shut)
    @rule(drop_id=a_drop, tap=a_tap)
    def knock(self, drop_id: str, tap: ModelTap) -> None:
        """All that there is to ask of a desk, while it may not answer."""
        self.open(drop_id, 2, "now")
        self.top_up(drop_id, 1, "next")
        self.extend(drop_id, "int_3", is_stale=False)
        self.close(drop_id, "", 1)
        self.move_window(drop_id, 1, is_paused=False)
        self.pass_task("drp_2", tap.student)
        self.tap([tap], twice=True)
        if self.model.outbox:
            self.confirm([0], wrong=None)
            self.release(drop_id, 1, wrong=False, then_tap=True)

    @precondition(lambda self: self.model.is_shut)
    @rule(knows_windows=st.booleans())
    def rebuild(self, knows_windows: bool) -> None:
        """`knows_windows` False: the ledger has not seen the end of any opening; those that the desk has
        lost as well are opened once more."""
        if self.model.is_lost and not knows_windows:
            self.model.forget_windows()
        self.model.rebuild()
        self.stage.run(self._rebuild(knows_windows))

    async def _rebuild(self, knows_windows: bool) -> None:
        run_id = await self.desk.fence.take_lease(SHARD)
        assert run_id is not None
        for drop in self.model.drops.values():
            if drop.allotments or drop.closed_at is not None:
                is_told = knows_windows or drop.closed_at is not None or drop.openings > 1
                await self.desk.fence.load_drop(SHARD, self._loaded(drop, is_told))
        for batch_id in set(BATCHES.values()):
            slots = {
                StudentId(student): [Slot(n) for n in used]
                for (batch, student), used in self.model.used_slots.items()
                if batch == batch_id and used
            }
            await self.desk.fence.load_caps(SHARD, (CapName.BATCH, batch_id), slots)
        in_campaign = {
            StudentId(student): [Slot(n) for n in used]
            for (_, student), used in self.model.used_in_campaign.items()
            if used
        }
        await self.desk.fence.load_caps(SHARD, (CapName.CAMPAIGN, CAMPAIGN), in_campaign)
        stopped = sorted(self.model.stopped)
        await self.desk.fence.load_stops(SHARD, self.stops_version, stopped)
        await self.desk.fence.arm(SHARD, run_id, 1)

    def _loaded(self, drop: ModelDrop, knows_window: bool) -> LoadedDrop:
        batch_id = BATCHES[drop.drop_id]
        return LoadedDrop(
            drop_id=DropId(drop.drop_id),
            batch_id=BatchId(batch_id),
            room=ROOM,
            per_student=self.per_student[batch_id],
            allotments=tuple(drop.allotments),
            window=drop.window if knows_window else None,
            closed_at=drop.closed_at,
            holders={StudentId(name): held_of(claim) for name, claim in drop.claims.items()},
            live_units=frozenset(Unit(claim.unit) for claim in drop.live),
            won_total=len(drop.claims),
            confirmed=len(drop.live),
            campaign_id=CAMPAIGN,
            per_campaign=self.per_campaign,
            per_person=self.per_person,
            per_device=self.per_device,
            has_task=drop.has_task,
            units=drop.units,
            openings=drop.openings,
            window_version=drop.window_version,
        )

    # --- what has to hold after every step --------------------------------------------------------

    @invariant()
    def desk_and_model_agree(self) -> None:
        if self.model.is_lost:
            assert self._keys_there() <= self._fences(), "written to a desk that is not rebuilt"
            return
        seen, caps, won = self.stage.run(self._look())
        for drop_id, one in seen.items():
            keep_promises(one)
            assert one == drop_meant(self.model.drop(drop_id)), drop_id
        for batch_id, slots in caps.items():
            used_slots = self.model.used_slots | self.model.used_in_campaign
            meant = {s: used for (b, s), used in used_slots.items() if b == batch_id}
            assert slots == {student: used for student, used in meant.items() if used}
        assert [_entry_said(entry) for entry in won] == [
            self._entry_meant(claim) for claim in self.model.outbox
        ]

    async def _look(
        self,
    ) -> tuple[dict[str, DropSeen], dict[str, dict[str, list[int]]], list[OutboxEntry]]:
        keys, ids, batch_ids = self.desk.keys(), list(BATCHES), sorted(set(BATCHES.values()))
        pipe: Any
        async with self.desk.redis.pipeline(transaction=False) as pipe:
            for drop_id in ids:
                names = (keys.drop(drop_id), keys.holders(drop_id), keys.free(drop_id))
                pipe.hgetall(names[0]).hgetall(names[1]).zrange(names[2], 0, -1)
                for name in names:
                    pipe.ttl(name)
            for batch_id in batch_ids:
                pipe.hgetall(keys.caps(batch_id))
            pipe.hgetall(keys.campaign_caps(CAMPAIGN))
            rows = await pipe.execute()
        seen = {drop_id: drop_seen(rows[6 * n : 6 * n + 6]) for n, drop_id in enumerate(ids)}
        caps = {
            batch_id: {student.decode(): slots_seen(used) for student, used in row.items()}
            for batch_id, row in zip([*batch_ids, CAMPAIGN], rows[6 * len(ids) :], strict=True)
        }
        return seen, caps, await self.outbox.read_all(SHARD)

    def _no_other_keys(self) -> None:
        keys = self.desk.keys()
        known = {keys.fence, keys.outbox, *(keys.caps(batch) for batch in BATCHES.values())}
        known |= {keys.campaign_caps(CAMPAIGN), keys.stops}
        known |= {name(drop) for drop in BATCHES for name in (keys.drop, keys.holders, keys.free)}
        known |= {name(drop) for drop in WITH_TASK for name in (keys.passed, keys.progress)}
        assert self._keys_there() <= known | self._fences()

    def _keys_there(self) -> set[str]:
        return {key.decode() for key in self.stage.keys(self.desk.prefix)}

    def _fences(self) -> set[str]:
        return {self.desk.keys().fence}

    # --- what only the server can know ------------------------------------------------------------

    def _won(self, index: int) -> ModelClaim:
        return self.model.outbox[index % len(self.model.outbox)]

    def _learn(self, claim: ModelClaim, held: HeldClaim, before: int) -> None:
        """Take the claim's id from the first answer; it must not change afterwards."""
        if claim.claim_id:
            return
        assert held.claim_id not in self.claim_ids, "an id was given twice"
        self.claim_ids.add(held.claim_id)
        claim.claim_id, claim.won_at = held.claim_id, _moment(held.won_at, before)

    def _entry_meant(self, claim: ModelClaim) -> tuple[object, ...]:
        drop = self.model.drop(claim.drop_id)
        allotment = drop.allotment_of(claim.unit)
        return (
            *(claim.claim_id, claim.drop_id, BATCHES[claim.drop_id], ROOM, claim.student),
            *(claim.request_id, claim.unit, claim.slot, self.per_student[drop.batch_id]),
            *(allotment.id, allotment.first, allotment.last, claim.won_at),
            *((CAMPAIGN, claim.campaign_slot, drop.per_campaign) if claim.campaign_slot else _NONE),
            *((claim.person, claim.person_slot, drop.per_person) if claim.person else _NONE),
            *((claim.device, claim.device_slot, drop.per_device) if claim.device else _NONE),
        )


def _tap(student: str, drop_id: str, request_id: str) -> ModelTap:
    return ModelTap(student, drop_id, request_id, person=PERSONS[student])


def _entry_said(entry: OutboxEntry) -> tuple[object, ...]:
    return (
        *(entry.claim_id, entry.drop_id, entry.batch_id, entry.room, entry.student),
        *(entry.request_id, entry.unit, entry.slot, entry.per_student),
        *(entry.allotment_id, entry.allotment_first, entry.allotment_last, entry.won_at),
        *(entry.campaign_id, entry.campaign_slot, entry.per_campaign),
        *(entry.person, entry.person_slot, entry.per_person),
        *(entry.device, entry.device_slot, entry.per_device),
    )


@dataclass(frozen=True, slots=True)
class _End:
    """A window as it is asked for, and as the desk has stamped it."""

    when: str
    before: int = field(default_factory=now_ms)

    @property
    def opens_in(self) -> int:
        return OPENS_IN.get(self.when, (0, 0))[0]

    @property
    def lasts(self) -> int:
        return OPENS_IN.get(self.when, (0, 0))[1]

    @property
    def closes_at(self) -> int | None:
        return self.before + BY_THE_CLOCK[self.when] if self.when in BY_THE_CLOCK else None

    def window(self, answer: object) -> Window:
        stamped = self.before
        if isinstance(answer, Stamped):
            stamped = _moment(answer.opens_at - self.opens_in, self.before)
        opens_at = stamped + self.opens_in
        ends = opens_at + self.lasts if self.closes_at is None else max(opens_at, self.closes_at)
        return Window(opens_at, ends)


async def _nothing(call: Awaitable[object]) -> None:
    await call


def _why_said(answer: ClaimAnswer) -> dict[str, object] | None:
    """Return the facts of a refusal without those that tell how long ago something was."""
    if answer.why is None:
        return None
    why = answer.why.told(0)
    if answer.why.is_counted:
        why.pop("tap")  # of nobody
    return {name: why[name] for name in why if name not in ("after_ms", "in_ms")}


def _moment(stamp: int, before: int) -> int:
    assert before <= stamp <= now_ms(), "not the server's time"
    return stamp


async def _tap_all(desk: Desk, taps: Iterable[ModelTap]) -> list[ClaimAnswer]:
    """Send all taps in one turn of the loop, so in one call."""
    return await asyncio.gather(
        *(
            desk.claims.claim(
                shard=SHARD,
                drop_id=DropId(tap.drop_id),
                batch_id=BatchId(BATCHES.get(tap.drop_id, "bat_1")),
                student=StudentId(tap.student),
                request_id=tap.request_id,
                campaign_id=CAMPAIGN,
                person=tap.person or None,
                device=tap.device or None,
                is_blocked=tap.is_blocked,
            )
            for tap in taps
        )
    )


def _confirmed(claim: ModelClaim) -> ConfirmedClaim:
    return ConfirmedClaim(
        DropId(claim.drop_id), StudentId(claim.student), ClaimId(claim.claim_id), coupon_of(claim)
    )


async def _write(desk: Desk, key: str, fields: Mapping[Any, Any]) -> None:
    await desk.redis.hset(key, mapping=fields)


def _plain(answer: object) -> object:
    """Return the answer without the id of the load that stamped it."""
    if isinstance(answer, Stamped):
        return Window(answer.opens_at, answer.closes_at)
    return answer
