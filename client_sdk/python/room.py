"""The room as one person sees it: drops by server time, my claims, presence.

Applies what the session hands it and says what changed, as events. Pure: no IO, no timer; `now` is
local ms. Must not know how frames come and go. Twin of `javascript/room.js`.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, Literal, cast

from client_sdk.python.coupons import Coupons, differ, expires_at
from client_sdk.python.frames import (
    ClaimResult,
    CouponChanged,
    DropClosed,
    DropProgress,
    DropTold,
    Presence,
    TakenBack,
    Welcome,
    instant_ms,
)
from client_sdk.python.shapes import (
    Claim,
    ClaimEvent,
    ClaimState,
    Coupon,
    CouponChange,
    CouponEvent,
    Drop,
    DropEvent,
    DropEventType,
    DropState,
    PresenceEvent,
    RoomEvent,
    ToldClaim,
    WalletCoupon,
    WelcomeEvent,
)

# A closed drop stays this long, in the server's `welcome` as here.
SHOWN_AFTER_CLOSE_MS: Final = 5 * 60_000

# What an outcome makes of a claim; a word we do not know yet is `answered`.
_STATE_AFTER: Final = {
    "won": ClaimState.WON,
    "already_won": ClaimState.WON,
    "entered": ClaimState.ENTERED,
    "released": ClaimState.RELEASED,
    "limit_reached": ClaimState.REFUSED,
    "sold_out": ClaimState.REFUSED,
    "not_open": ClaimState.REFUSED,
    "closed": ClaimState.REFUSED,
    "not_eligible": ClaimState.REFUSED,
}

# An answer never takes a claim back: a refusal may become a win, not the reverse (promise I4).
_RANK: Final = {
    ClaimState.PENDING: 0,
    ClaimState.ANSWERED: 1,
    ClaimState.ENTERED: 1,
    ClaimState.REFUSED: 1,
    ClaimState.WON: 2,
    ClaimState.CONFIRMED: 3,
    ClaimState.RELEASED: 4,
    ClaimState.REVOKED: 4,
}

_NOTHING_TO_ASK: Final = frozenset(
    {ClaimState.PENDING, ClaimState.WON, ClaimState.CONFIRMED, ClaimState.ENTERED}
)
_MINE: Final = ("won", "confirmed")


def state_at(drop: Drop, server_now: int) -> DropState:
    """The state of a drop at a moment of server time; `drawing` and what we do not know stay as
    told."""
    if drop["state"] not in ("scheduled", "open", "sold_out"):
        return drop["state"]
    if server_now >= instant_ms(drop["closes_at"]):
        return "closed"
    # "open" is believed before our clock agrees: it runs late by the journey of `welcome`.
    if drop["state"] == "scheduled" and server_now < instant_ms(drop["opens_at"]):
        return "scheduled"
    return "open" if drop["remaining"] > 0 else "sold_out"


class Room:
    def __init__(self, room: str) -> None:
        self.room = room
        self.student: str | None = None
        self.present = 0
        self.clock_offset_ms = 0
        self.epoch: str | None = None
        self.offset = 0
        self.drops: dict[str, Drop] = {}  # with the state of this moment
        self.claims: dict[str, Claim] = {}  # by drop
        self._told: dict[str, Drop] = {}  # as the server told them
        self._coupons = Coupons()
        self._due_at = -math.inf  # before it time changes nothing; -infinite: not worked out yet

    def set_clock(self, server_now: str, now: int) -> None:
        self.clock_offset_ms = instant_ms(server_now) - now
        self._due_at = -math.inf

    def welcome(self, frame: Welcome, now: int) -> list[RoomEvent]:
        """Everything anew, except claims that still wait for their answer. Tells of `welcome` and of
        the claims known before that now stand otherwise."""
        self.set_clock(frame["now"], now)
        self.student = frame["student"]
        self.present = frame["present"]
        self.epoch = frame["epoch"]
        self.offset = frame["offset"]
        self._told = {}
        self.drops = {}
        for drop in frame["drops"]:
            self._hold(drop, now)
        return [WelcomeEvent(), *self._welcome_claims(frame["claims"], now)]

    def _welcome_claims(self, told: Iterable[ToldClaim], now: int) -> list[RoomEvent]:
        before = self.claims
        self.claims = {
            drop_id: claim for drop_id, claim in before.items() if claim.state is ClaimState.PENDING
        }
        for claim in told:
            # An older claim than the one that waits does not replace it.
            if claim["state"] in _MINE or claim["drop_id"] not in self.claims:
                self.claims[claim["drop_id"]] = self._claim_told(claim, now)
        return [
            ClaimEvent(claim)
            for drop_id, claim in self.claims.items()
            if drop_id in before and _stands_otherwise(before[drop_id], claim)
        ]

    def _claim_told(self, told: ToldClaim, now: int) -> Claim:
        coupon = self._as_known(told["coupon"], now) if "coupon" in told else None
        return Claim(
            told["drop_id"],
            ClaimState(told["state"]) if told["state"] in _STATES else ClaimState.ANSWERED,
            outcome="won" if told["state"] in _MINE else None,
            won_at=told.get("won_at"),
            coupon_id=coupon["id"] if coupon else None,
            coupon=coupon,
        )

    def _as_known(self, coupon: Coupon, now: int) -> Coupon:
        self._due_at = -math.inf
        return self._coupons.as_known(coupon, now + self.clock_offset_ms)

    def is_repeated(self, frame: DropTold | DropClosed) -> bool:
        """Whether an (epoch, offset) frame was applied already; if not, it counts as applied now."""
        if frame["epoch"] == self.epoch and frame["offset"] <= self.offset:
            return True
        self.epoch = frame["epoch"]
        self.offset = frame["offset"]
        return False

    def put_drop(self, drop: Drop, now: int) -> list[RoomEvent]:
        """drop_opened, drop_changed."""
        known = self._told.get(drop["id"])
        # What only drop_progress tells (an instructor's counters) is kept.
        self._hold(cast(Drop, {**(known or {}), **drop}), now)
        return self._tell("drop_changed" if known else "drop_opened", drop["id"])

    def progress(self, frame: DropProgress, now: int) -> list[RoomEvent]:
        self.present = frame.get("present", self.present)
        known = self._told.get(frame["drop_id"])
        if known is None or known["state"] == "closed":
            return []
        counts = {k: v for k, v in frame.items() if k not in ("type", "drop_id")}
        self._hold(cast(Drop, {**known, **counts}), now)
        return self._tell("drop_progress", frame["drop_id"])

    def close_drop(self, frame: DropClosed, now: int) -> list[RoomEvent]:
        known = self._told.get(frame["drop_id"])
        if known is None:
            return []
        closed = {"closed_at": frame["closed_at"], "close_reason": frame["reason"]}
        self._hold(cast(Drop, {**known, "state": "closed", **closed}), now)
        return self._tell("drop_closed", frame["drop_id"])

    def set_presence(self, frame: Presence) -> list[RoomEvent]:
        self.present = frame["present"]
        return [PresenceEvent(self.present)]

    def tap(self, drop_id: str, request_id: str) -> list[RoomEvent]:
        """A tap: pending, unless there is nothing to ask for."""
        known = self.claims.get(drop_id)
        if known is not None and known.state in _NOTHING_TO_ASK:
            return []
        return self._put(Claim(drop_id, ClaimState.PENDING, request_id=request_id))

    def answer(self, frame: ClaimResult) -> list[RoomEvent]:
        """A final claim_result, from socket or HTTP. Late, repeated and lesser answers change
        nothing."""
        known = self.claims.get(frame["drop_id"])
        state = _STATE_AFTER.get(frame["outcome"], ClaimState.ANSWERED)
        if known is None and state is not ClaimState.WON:
            return []
        if known is not None and _is_settled(known, frame["request_id"], state):
            return []
        return self._put(
            Claim(
                frame["drop_id"],
                state,
                request_id=frame["request_id"],
                outcome=frame["outcome"],
                limit=frame.get("limit"),
                coupon_id=frame.get("coupon_id"),
            )
        )

    def unanswered(self) -> set[str]:
        """The drops I tapped and do not know about."""
        return {k for k, claim in self.claims.items() if claim.state is ClaimState.PENDING}

    def refuse(self, drop_id: str, code: str) -> list[RoomEvent]:
        """HTTP said something about an unanswered tap that asking again will not change."""
        return self._put(replace(self.claims[drop_id], state=ClaimState.REFUSED, outcome=code))

    def confirm(self, drop_id: str, told: Coupon, now: int) -> list[RoomEvent]:
        """May come before the claim_result, and on connections that did not ask."""
        known = self.claims.get(drop_id) or Claim(drop_id, ClaimState.PENDING)
        coupon = self._as_known(told, now)
        # Repeated, or overtaken by what became of this coupon later.
        is_past = _RANK[known.state] >= _RANK[ClaimState.CONFIRMED]
        is_moved = known.coupon is not None and differ(known.coupon, coupon)
        if is_past and known.coupon_id == coupon["id"] and not is_moved:
            return []
        return self._put(
            Claim(
                drop_id,
                ClaimState.CONFIRMED,
                request_id=known.request_id,
                outcome=known.outcome or "won",
                won_at=known.won_at,
                coupon_id=coupon["id"],
                coupon=coupon,
            )
        )

    def take_back(
        self, state: Literal[ClaimState.REVOKED, ClaimState.RELEASED], frame: TakenBack
    ) -> list[RoomEvent]:
        """claim_revoked, coupon_released. A claim that waits for its answer is answered anyway."""
        known = self.claims.get(frame["drop_id"]) or Claim(frame["drop_id"], ClaimState.WON)
        coupon_id = frame.get("coupon_id")
        if known.state in (ClaimState.PENDING, state):
            return []
        if known.coupon_id and coupon_id and known.coupon_id != coupon_id:
            return []
        return self._put(
            replace(
                known,
                state=state,
                coupon_id=coupon_id or known.coupon_id,
                coupon=None,
                reason=frame.get("reason"),
            )
        )

    def change_coupon(self, frame: CouponChanged, now: int) -> list[RoomEvent]:
        """coupon_changed: of a claim of mine, or of a coupon that no drop gave. What is older than what is
        known changes nothing."""
        if not self._coupons.take(frame):
            return []
        change = {name: value for name, value in frame.items() if name != "type"}
        events = [*self._show_change(frame["coupon_id"], now)]
        return [*events, CouponEvent(cast(CouponChange, change))]

    def learn(self, coupons: Iterable[WalletCoupon], now: int) -> list[RoomEvent]:
        """What a wallet says of my coupons, for those that claims gave."""
        events: list[RoomEvent] = []
        for coupon in coupons:
            told = {"version": 0, **coupon, "coupon_id": coupon["id"]}
            if self._coupons.take(cast(CouponChange, told)):
                events += self._show_change(coupon["id"], now)
        return events

    def _show_change(self, coupon_id: str, now: int) -> list[RoomEvent]:
        for claim in self.claims.values():
            if claim.coupon is not None and claim.coupon["id"] == coupon_id:
                return self._put(replace(claim, coupon=self._as_known(claim.coupon, now)))
        return []

    def forget_tap(self, drop_id: str) -> None:
        """Nobody waits for the answer of an unanswered tap any more."""
        del self.claims[drop_id]

    def refresh(self, now: int) -> list[RoomEvent]:
        """Server time went on: drops open and close by it, old ones go, coupons expire."""
        events: list[RoomEvent] = []
        if now < self._due_at:
            return events
        for drop_id, drop in list(self._told.items()):
            if now >= self._gone_at(drop):
                events += self._tell("drop_removed", drop_id)
                self._drop_out(drop_id)
            elif self._shown_at(drop, now) != self.drops[drop_id]["state"]:
                self._hold(drop, now)
                events += self._tell("drop_changed", drop_id)
        for claim in list(self.claims.values()):
            ends_at = expires_at(claim.coupon)
            if claim.coupon is not None and ends_at is not None and now >= self._at(ends_at):
                events += self._put(replace(claim, coupon=self._as_known(claim.coupon, now)))
        return events

    def _drop_out(self, drop_id: str) -> None:
        del self._told[drop_id], self.drops[drop_id]
        self._due_at = -math.inf
        claim = self.claims.get(drop_id)
        if claim is not None and claim.state is not ClaimState.PENDING:
            del self.claims[drop_id]

    def next_change(self, now: int) -> float:
        """Local ms of the next moment at which `refresh` has something to do; infinite if none."""
        if self._due_at <= now:
            moments = [moment for drop in self._told.values() for moment in self._moments(drop)]
            ends = (expires_at(claim.coupon) for claim in self.claims.values())
            moments += [self._at(ends_at) for ends_at in ends if ends_at is not None]
            self._due_at = min((moment for moment in moments if moment > now), default=math.inf)
        return self._due_at

    def _moments(self, drop: Drop) -> Sequence[int]:
        return (
            self._local(drop["opens_at"]),
            self._local(drop["closes_at"]),
            self._gone_at(drop),
        )

    def _gone_at(self, drop: Drop) -> int:
        return self._local(drop.get("closed_at") or drop["closes_at"]) + SHOWN_AFTER_CLOSE_MS

    def _local(self, instant: str) -> int:
        return self._at(instant_ms(instant))

    def _at(self, server_ms: int) -> int:
        return server_ms - self.clock_offset_ms

    def _hold(self, told: Drop, now: int) -> None:
        known = self._told.get(told["id"])
        if known is None or _times_of(known) != _times_of(told):
            self._due_at = -math.inf
        self._told[told["id"]] = told
        self.drops[told["id"]] = {**told, "state": self._shown_at(told, now)}

    def _shown_at(self, told: Drop, now: int) -> DropState:
        return state_at(told, now + self.clock_offset_ms)

    def _tell(self, event: DropEventType, drop_id: str) -> list[RoomEvent]:
        return [DropEvent(event, self.drops[drop_id])]

    def _put(self, claim: Claim) -> list[RoomEvent]:
        self.claims[claim.drop_id] = claim
        return [ClaimEvent(claim)]


def _times_of(drop: Drop) -> tuple[str | None, ...]:
    return drop["opens_at"], drop["closes_at"], drop.get("closed_at")


def _is_settled(known: Claim, request_id: str, state: ClaimState) -> bool:
    is_anothers = known.request_id is not None and known.request_id != request_id
    return is_anothers or _RANK[state] <= _RANK[known.state]


def _stands_otherwise(before: Claim, now: Claim) -> bool:
    return before.state is not now.state or differ(before.coupon, now.coupon)


_STATES: Final = frozenset(ClaimState)
