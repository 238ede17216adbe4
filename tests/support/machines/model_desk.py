"""A model of a desk shard without Redis: the rules alone, one call after the other, nothing optimised.

Whoever wants to know how a drop is claimed reads this first, and the scripts (`server/desk/scripts/*.lua`)
afterwards. `tests/integration/desk/test_desk_model.py` asks both the same and compares every key.

- A drop has **units** 1..quantity, given to it in **allotments** that follow each other without gaps.
- A **claim** takes the lowest free unit, and the lowest **slot** that the student has not used of the
  batch. A student has one claim of a drop and at most `per_student` of a batch, and where the campaign
  has a limit, at most so many of all its batches together: each of these takes a slot of the campaign too.
- The **person** and the **device** of a tap, where its token has them and the batch limits them, take a
  slot each, which all accounts of the person, or on the device, share.
- What is **stopped** (a batch, a campaign, everything) is not open; who has won is told so all the same.
- A drop may have a **task**: who has not passed it wins nothing, and takes nothing.
- A closed drop may be **reopened**: the same claims count, and it has as many units as the ledger says.
- A tap on an open drop that is not a repetition has a **number**, and a refusal says why.
- A released claim frees its unit and keeps its slot; its student may not come again.
- Every win is written to the **outbox**, once, in the order of the wins.
- A **fence** that is shut refuses everything, and nothing changes.

What only a server can know, the ids of claims and the moments of things, is left open here (`""`, 0)
and filled in by whoever asks both.
"""

from dataclasses import dataclass, field

from server.core.drops.claims import ClaimState, Outcome
from server.core.drops.drops import Allotment, Window
from server.core.drops.why import WhyReason
from server.desk import DeskUnavailableError
from server.desk.drops.drop_state import Closing, Extended
from server.desk.shards.fence import ConfirmedClaim

ANY_LOAD = 0  # which load of the desk said so is not compared


@dataclass(frozen=True, slots=True)
class ModelTap:
    student: str
    drop_id: str
    request_id: str
    person: str = ""
    device: str = ""
    is_blocked: bool = False


@dataclass(slots=True)
class ModelClaim:
    drop_id: str
    student: str
    request_id: str
    unit: int
    slot: int
    claim_id: str = ""
    won_at: int = 0
    state: ClaimState = ClaimState.WON
    coupon: bytes = b""
    is_in_ledger: bool = False
    campaign_slot: int = 0  # 0: the campaign has no limit
    person: str = ""  # "": none that counts
    person_slot: int = 0
    device: str = ""
    device_slot: int = 0

    @property
    def is_live(self) -> bool:
        return self.state in (ClaimState.WON, ClaimState.CONFIRMED)


@dataclass(slots=True)
class ModelDrop:
    """`window` None: not opened, or the ledger has not seen the end of its opening."""

    drop_id: str
    batch_id: str = ""
    per_student: int = 0
    allotments: list[Allotment] = field(default_factory=list)
    window: Window | None = None
    closed_at: int | None = None
    extended_by: str | None = None
    claims: dict[str, ModelClaim] = field(default_factory=dict)  # by student
    campaign_id: str = ""
    per_campaign: int | None = None
    per_person: int | None = None
    per_device: int | None = None
    has_task: bool = False
    passed: set[str] = field(default_factory=set)
    openings: int = 1
    units: int | None = None  # None: all of its allotments; a reopening has fewer
    window_version: int = 0
    taps: int = 0

    @property
    def quantity(self) -> int:
        return self.numbered if self.units is None else self.units

    @property
    def numbered(self) -> int:
        """The number of units that have a number of this drop."""
        return self.allotments[-1].last if self.allotments else 0

    @property
    def last_won_at(self) -> int | None:
        return max((claim.won_at for claim in self.claims.values()), default=None)

    @property
    def live(self) -> list[ModelClaim]:
        return [claim for claim in self.claims.values() if claim.is_live]

    @property
    def free_units(self) -> list[int]:
        """The lowest first; of a reopened drop more have a number than it has units."""
        held = {claim.unit for claim in self.live}
        return [unit for unit in range(1, self.numbered + 1) if unit not in held]

    @property
    def is_sold_out(self) -> bool:
        return len(self.live) >= self.quantity

    def is_over(self, now: int) -> bool:
        return self.window is not None and now >= self.window.closes_at

    def allotment_of(self, unit: int) -> Allotment:
        return next(a for a in self.allotments if a.first <= unit <= a.last)


@dataclass(slots=True)
class ModelAnswer:
    """`claim` is the one the student has: just won, repeated, or the reason for already_won.

    `reason` is why a tap was refused, `number` that of the tap, 0 where it does not count.
    """

    outcome: Outcome
    claim: ModelClaim | None = None
    limit: str | None = None
    reason: WhyReason | None = None
    number: int = 0


@dataclass(slots=True)
class ModelDesk:
    is_shut: bool = False
    is_lost: bool = False  # empty until the rebuild
    drops: dict[str, ModelDrop] = field(default_factory=dict)
    # By batch, and by student, p|person or d|device.
    used_slots: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    used_in_campaign: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    outbox: list[ModelClaim] = field(default_factory=list)

    def drop(self, drop_id: str) -> ModelDrop:
        return self.drops.setdefault(drop_id, ModelDrop(drop_id))

    def _guard(self) -> None:
        if self.is_shut:
            raise DeskUnavailableError

    # --- what teachers do -------------------------------------------------------------------------

    def open(self, opened: ModelDrop) -> Window | None:
        """The first opening counts; None: it was closed before."""
        self._guard()
        drop = self.drop(opened.drop_id)
        if drop.closed_at is not None:
            return None
        if drop.window is None:
            drop.batch_id, drop.per_student = opened.batch_id, opened.per_student
            drop.campaign_id, drop.per_campaign = opened.campaign_id, opened.per_campaign
            drop.per_person, drop.per_device = opened.per_person, opened.per_device
            drop.allotments, drop.window = list(opened.allotments), opened.window
            drop.has_task = opened.has_task
        return drop.window

    def add_units(self, drop_id: str, allotment: Allotment, now: int) -> bool:
        """False: closed, or not known here. One that does not follow the last is refused loudly: the
        one between is still on its way, and the caller comes again."""
        self._guard()
        drop = self.drop(drop_id)
        if allotment in drop.allotments:
            return True
        if not drop.allotments or drop.closed_at is not None or drop.is_over(now):
            return False
        if allotment.first != drop.numbered + 1:
            raise DeskUnavailableError
        drop.allotments.append(allotment)
        if drop.units is not None:
            drop.units += allotment.last - allotment.first + 1
        return True

    def reopen(
        self, drop_id: str, number: int, more: Allotment | None, units: int, window: Window
    ) -> Window | None:
        """Open once more, with `units` in it. None: this opening, or a later one, was closed, or the desk
        does not have the drop."""
        self._guard()
        drop = self.drop(drop_id)
        is_known = drop.window is not None and drop.allotments
        if not is_known or drop.openings > number:
            return None
        if drop.openings == number:
            return None if drop.closed_at is not None else drop.window
        drop.openings, drop.units, drop.window = number, units, window
        drop.closed_at = drop.extended_by = None
        if more is not None:
            drop.allotments.append(more)
        return window

    def move_window(self, drop_id: str, version: int, window: Window) -> None:
        """A newer version only, and never for a drop that is closed."""
        self._guard()
        drop = self.drop(drop_id)
        if drop.window and drop.closed_at is None and version > drop.window_version:
            drop.window, drop.window_version = window, version

    def extend(self, drop_id: str, intent_id: str, ms: int, expected: int, now: int) -> Extended:
        """Move the end, unless the caller expected another end."""
        self._guard()
        drop = self.drop(drop_id)
        if drop.window is None:
            return Extended("closed", 0, ANY_LOAD)
        ends = drop.window.closes_at
        if drop.extended_by == intent_id:
            return Extended("extended", ends, ANY_LOAD)
        if drop.closed_at is not None or drop.is_over(now):
            return Extended("closed", ends, ANY_LOAD)
        if ends != expected:
            return Extended("stale", ends, ANY_LOAD)
        drop.window = Window(drop.window.opens_at, ends + ms)
        drop.extended_by = intent_id
        return Extended("extended", ends + ms, ANY_LOAD)

    def close(self, drop_id: str, condition: str, number: int, now: int) -> Closing | None:
        """Close the opening of this number, also of a drop that was never opened. If its time is over, it
        ended then. `condition`: "", "over" or "sold out". Closing a later opening than the desk has keeps
        that from ever coming."""
        self._guard()
        drop = self.drop(drop_id)
        if drop.openings > number:
            return None
        drop.openings = number
        if drop.closed_at is None:
            is_running = drop.window is not None and not drop.is_over(now)
            if condition == "over" and is_running:
                return None
            if condition == "sold out" and drop.window is not None and not drop.is_sold_out:
                return None
            is_over = drop.window is not None and not is_running
            drop.closed_at = drop.window.closes_at if drop.window and is_over else now
        return Closing(drop.closed_at, len(drop.live), len(drop.claims), ANY_LOAD)

    # --- what students do -------------------------------------------------------------------------

    def claim(self, taps: list[ModelTap], now: int) -> list[ModelAnswer]:
        """One call. Drop by drop, the taps of each in the order in which they came."""
        if self.is_shut:
            return [ModelAnswer(Outcome.RETRY) for _ in taps]
        in_turn = sorted(range(len(taps)), key=lambda index: taps[index].drop_id)
        answers = {index: self._answer(taps[index], now) for index in in_turn}
        return [answers[index] for index in range(len(taps))]

    def _answer(self, tap: ModelTap, now: int) -> ModelAnswer:
        drop = self.drop(tap.drop_id)
        held = drop.claims.get(tap.student)
        if drop.window is None:
            return _refused(Outcome.CLOSED, WhyReason.GONE)
        if held is not None and held.is_live:
            is_repeat = held.request_id == tap.request_id
            if is_repeat:
                return ModelAnswer(Outcome.WON, held)
            return ModelAnswer(Outcome.ALREADY_WON, held, reason=WhyReason.HELD)
        if held is not None:
            return _refused(Outcome.RELEASED, WhyReason.HOLD_ENDED)
        refused = self._closed(drop, tap, now)
        if refused is not None:
            return refused
        drop.taps += 1
        answer = self._without_stock(drop, tap) or self._used_up(drop, tap)
        if answer is not None:
            answer.number = drop.taps
        return answer or self._win(drop, tap)

    def _closed(self, drop: ModelDrop, tap: ModelTap, now: int) -> ModelAnswer | None:
        """Refuse what is no tap on an open drop, and is not counted."""
        if tap.is_blocked:
            return _refused(Outcome.BLOCKED, WhyReason.BLOCKED)
        if drop.closed_at is not None or drop.is_over(now):
            return _refused(Outcome.CLOSED, WhyReason.ENDED)
        if drop.window is not None and now < drop.window.opens_at:
            return _refused(Outcome.NOT_OPEN, WhyReason.NOT_YET)
        if self.stopped & {"all", drop.batch_id, drop.campaign_id}:
            return _refused(Outcome.NOT_OPEN, WhyReason.STOPPED)
        return None

    def _without_stock(self, drop: ModelDrop, tap: ModelTap) -> ModelAnswer | None:
        if drop.is_sold_out:
            return _refused(Outcome.SOLD_OUT, WhyReason.TAKEN)
        if drop.has_task and tap.student not in drop.passed:
            return _refused(Outcome.TASK_OPEN, WhyReason.TASK_OPEN)
        return None

    def _used_up(self, drop: ModelDrop, tap: ModelTap) -> ModelAnswer | None:
        if len(self.slots_of(drop.batch_id, tap.student)) >= drop.per_student:
            return _limited("batch")
        for limit, holder, most in _holders(drop, tap):
            if len(self.slots_of(drop.batch_id, holder)) >= most:
                return _limited(limit)
        in_campaign = len(self.campaign_slots_of(drop.campaign_id, tap.student))
        if drop.per_campaign is not None and in_campaign >= drop.per_campaign:
            return _limited("campaign")
        return None

    def pass_task(self, drop_id: str, student: str, now: int) -> bool:
        """False: there is no such task, or it is too late."""
        self._guard()
        drop = self.drop(drop_id)
        is_open = drop.window is not None and drop.closed_at is None and not drop.is_over(now)
        if not (is_open and drop.has_task):
            return False
        drop.passed.add(student)
        return True

    def _win(self, drop: ModelDrop, tap: ModelTap) -> ModelAnswer:
        slot = self._take(drop, tap.student, drop.per_student)
        claim = ModelClaim(drop.drop_id, tap.student, tap.request_id, drop.free_units[0], slot)
        drop.claims[tap.student] = claim
        for limit, holder, most in _holders(drop, tap):
            if limit == "person":
                claim.person, claim.person_slot = tap.person, self._take(drop, holder, most)
            else:
                claim.device, claim.device_slot = tap.device, self._take(drop, holder, most)
        if drop.per_campaign is not None:
            in_campaign = self.campaign_slots_of(drop.campaign_id, tap.student)
            claim.campaign_slot = next(
                n for n in range(1, drop.per_campaign + 1) if n not in in_campaign
            )
            in_campaign.append(claim.campaign_slot)
        self.outbox.append(claim)
        return ModelAnswer(Outcome.WON, claim)

    def _take(self, drop: ModelDrop, holder: str, most: int) -> int:
        slots = self.slots_of(drop.batch_id, holder)
        slot = next(n for n in range(1, most + 1) if n not in slots)
        slots.append(slot)
        return slot

    def slots_of(self, batch_id: str, holder: str) -> list[int]:
        return self.used_slots.setdefault((batch_id, holder), [])

    def campaign_slots_of(self, campaign_id: str, student: str) -> list[int]:
        return self.used_in_campaign.setdefault((campaign_id, student), [])

    # --- what workers do --------------------------------------------------------------------------

    def confirm(self, claims: list[ConfirmedClaim]) -> int:
        """Confirm claims and return how many of them the desk did not sell."""
        self._guard()
        unknown = 0
        for confirmed in claims:
            held = self.drop(confirmed.drop_id).claims.get(confirmed.student)
            if held is None or held.claim_id != confirmed.claim_id:
                unknown += 1
            elif held.state is ClaimState.WON:
                held.state, held.coupon = ClaimState.CONFIRMED, confirmed.coupon
                held.is_in_ledger = True
        return unknown

    def release(self, drop_id: str, student: str, claim_id: str) -> bool:
        self._guard()
        held = self.drop(drop_id).claims.get(student)
        if held is None or held.claim_id != claim_id or not held.is_live:
            return False
        held.state = ClaimState.RELEASED
        held.is_in_ledger = True  # which was told first
        return True

    # --- what happens to a desk -------------------------------------------------------------------

    def lose_everything(self) -> None:
        """Redis is empty, and with it all wins that the ledger had not been told of."""
        self.is_shut = self.is_lost = True
        self.outbox.clear()
        for drop in self.drops.values():
            drop.claims = {s: claim for s, claim in drop.claims.items() if claim.is_in_ledger}
            drop.passed.clear()  # what the ledger knows of it is told again by a worker

    def forget_windows(self) -> None:
        """Forget the windows of drops that the ledger does not know as closed: they are opened once more."""
        for drop in self.drops.values():
            if drop.closed_at is None:
                drop.window = None

    def rebuild(self) -> None:
        """Make the desk as the ledger has it; all remaining wins are in the ledger by now."""
        self.used_slots.clear()
        self.used_in_campaign.clear()
        for drop in self.drops.values():
            drop.extended_by = None
            drop.taps = len(drop.claims)  # each win was one
            for claim in drop.claims.values():
                claim.is_in_ledger = True
                if claim.state is ClaimState.WON:
                    claim.state, claim.coupon = ClaimState.CONFIRMED, coupon_of(claim)
                self.slots_of(drop.batch_id, claim.student).append(claim.slot)
                if claim.person:
                    self.slots_of(drop.batch_id, f"p|{claim.person}").append(claim.person_slot)
                if claim.device:
                    self.slots_of(drop.batch_id, f"d|{claim.device}").append(claim.device_slot)
                if claim.campaign_slot:
                    in_campaign = self.campaign_slots_of(drop.campaign_id, claim.student)
                    in_campaign.append(claim.campaign_slot)
        for slots in (*self.used_slots.values(), *self.used_in_campaign.values()):
            slots.sort()
        self.is_shut = self.is_lost = False


def _refused(outcome: Outcome, reason: WhyReason) -> ModelAnswer:
    return ModelAnswer(outcome, reason=reason)


def _limited(limit: str) -> ModelAnswer:
    return ModelAnswer(Outcome.LIMIT_REACHED, limit=limit, reason=WhyReason.LIMIT)


def _holders(drop: ModelDrop, tap: ModelTap) -> list[tuple[str, str, int]]:
    """Return the limits beyond the account that the tap counts for: name, whose slots, and how many."""
    found = []
    if drop.per_person is not None and tap.person:
        found.append(("person", f"p|{tap.person}", drop.per_person))
    if drop.per_device is not None and tap.device:
        found.append(("device", f"d|{tap.device}", drop.per_device))
    return found


def coupon_of(claim: ModelClaim) -> bytes:
    """Return the coupon that the ledger makes of a claim; it may contain any byte but a line end."""
    return b'{"code":"%b|%b"}' % (claim.student.encode(), claim.claim_id.encode())
