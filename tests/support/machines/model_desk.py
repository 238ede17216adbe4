"""A model of a desk shard without Redis: the rules alone, one call after the other, nothing optimised.

Whoever wants to know how a drop is claimed reads this first, and the scripts (`server/desk/scripts/*.lua`)
afterwards. `tests/integration/desk/test_desk_model.py` asks both the same and compares every key.

- A drop has **units** 1..quantity, given to it in **allotments** that follow each other without gaps.
- A **claim** takes the lowest free unit, and the lowest **slot** that the student has not used of the
  batch. A student has one claim of a drop and at most `per_student` of a batch, and where the campaign
  has a limit, at most so many of all its batches together: each of these takes a slot of the campaign too.
- What is **stopped** (a batch, a campaign, everything) is not open; who has won is told so all the same.
- A released claim frees its unit and keeps its slot; its student may not come again.
- Every win is written to the **outbox**, once, in the order of the wins.
- A **fence** that is shut refuses everything, and nothing changes.

What only a server can know, the ids of claims and the moments of things, is left open here (`""`, 0)
and filled in by whoever asks both.
"""

from dataclasses import dataclass, field

from server.core.drops.claims import ClaimState, Outcome
from server.core.drops.drops import Allotment, Window
from server.desk import DeskUnavailableError
from server.desk.drop_state import Closing, Extended
from server.desk.fence import ConfirmedClaim

ANY_LOAD = 0  # which load of the desk said so is not compared


@dataclass(frozen=True, slots=True)
class ModelTap:
    student: str
    drop_id: str
    request_id: str


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

    @property
    def quantity(self) -> int:
        return self.allotments[-1].last if self.allotments else 0

    @property
    def live(self) -> list[ModelClaim]:
        return [claim for claim in self.claims.values() if claim.is_live]

    @property
    def free_units(self) -> list[int]:
        """The lowest first."""
        held = {claim.unit for claim in self.live}
        return [unit for unit in range(1, self.quantity + 1) if unit not in held]

    def is_over(self, now: int) -> bool:
        return self.window is not None and now >= self.window.closes_at

    def allotment_of(self, unit: int) -> Allotment:
        return next(a for a in self.allotments if a.first <= unit <= a.last)


@dataclass(slots=True)
class ModelAnswer:
    """`claim` is the one the student has: just won, repeated, or the reason for already_won."""

    outcome: Outcome
    claim: ModelClaim | None = None
    limit: str | None = None


@dataclass(slots=True)
class ModelDesk:
    is_shut: bool = False
    is_lost: bool = False  # empty until the rebuild
    drops: dict[str, ModelDrop] = field(default_factory=dict)
    used_slots: dict[tuple[str, str], list[int]] = field(default_factory=dict)  # batch, student
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
            drop.allotments, drop.window = list(opened.allotments), opened.window
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
        if allotment.first != drop.quantity + 1:
            raise DeskUnavailableError
        drop.allotments.append(allotment)
        return True

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

    def close(self, drop_id: str, only_if_over: bool, now: int) -> Closing | None:
        """Close for good, also a drop that was never opened. If its time is over, it ended then."""
        self._guard()
        drop = self.drop(drop_id)
        if drop.closed_at is None:
            is_running = drop.window is not None and not drop.is_over(now)
            if only_if_over and is_running:
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
            return ModelAnswer(Outcome.CLOSED)
        if held is not None and held.is_live:
            is_repeat = held.request_id == tap.request_id
            return ModelAnswer(Outcome.WON if is_repeat else Outcome.ALREADY_WON, held)
        if held is not None:
            return ModelAnswer(Outcome.RELEASED)
        return self._refusal(drop, tap.student, now) or self._win(drop, tap)

    def _refusal(self, drop: ModelDrop, student: str, now: int) -> ModelAnswer | None:
        if drop.closed_at is not None or drop.is_over(now):
            return ModelAnswer(Outcome.CLOSED)
        is_early = drop.window is not None and now < drop.window.opens_at
        if is_early or self.stopped & {"all", drop.batch_id, drop.campaign_id}:
            return ModelAnswer(Outcome.NOT_OPEN)
        if not drop.free_units:
            return ModelAnswer(Outcome.SOLD_OUT)
        if len(self.slots_of(drop.batch_id, student)) >= drop.per_student:
            return ModelAnswer(Outcome.LIMIT_REACHED, limit="batch")
        in_campaign = len(self.campaign_slots_of(drop.campaign_id, student))
        if drop.per_campaign is not None and in_campaign >= drop.per_campaign:
            return ModelAnswer(Outcome.LIMIT_REACHED, limit="campaign")
        return None

    def _win(self, drop: ModelDrop, tap: ModelTap) -> ModelAnswer:
        slots = self.slots_of(drop.batch_id, tap.student)
        slot = next(n for n in range(1, drop.per_student + 1) if n not in slots)
        claim = ModelClaim(drop.drop_id, tap.student, tap.request_id, drop.free_units[0], slot)
        drop.claims[tap.student] = claim
        slots.append(slot)
        if drop.per_campaign is not None:
            in_campaign = self.campaign_slots_of(drop.campaign_id, tap.student)
            claim.campaign_slot = next(
                n for n in range(1, drop.per_campaign + 1) if n not in in_campaign
            )
            in_campaign.append(claim.campaign_slot)
        self.outbox.append(claim)
        return ModelAnswer(Outcome.WON, claim)

    def slots_of(self, batch_id: str, student: str) -> list[int]:
        return self.used_slots.setdefault((batch_id, student), [])

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
            for claim in drop.claims.values():
                claim.is_in_ledger = True
                if claim.state is ClaimState.WON:
                    claim.state, claim.coupon = ClaimState.CONFIRMED, coupon_of(claim)
                self.slots_of(drop.batch_id, claim.student).append(claim.slot)
                if claim.campaign_slot:
                    in_campaign = self.campaign_slots_of(drop.campaign_id, claim.student)
                    in_campaign.append(claim.campaign_slot)
        for slots in (*self.used_slots.values(), *self.used_in_campaign.values()):
            slots.sort()
        self.is_shut = self.is_lost = False


def coupon_of(claim: ModelClaim) -> bytes:
    """Return the coupon that the ledger makes of a claim; it may contain any byte but a line end."""
    return b'{"code":"%b|%b"}' % (claim.student.encode(), claim.claim_id.encode())
