"""The replies of claim.lua as answers to taps.

Used by the claim desks. A storm has nine thousand refusals, so the refusals of one drop in one call share
their answers, and a tap's number is all that is its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from server.core.draws.entries import Entry
from server.core.drops import why
from server.core.drops.claims import Outcome
from server.core.drops.why import Why
from server.desk.claims import claim_record, entry_record
from server.desk.claims.claim_record import HeldClaim

if TYPE_CHECKING:
    from server.desk.claims.claim_desk import Tap


@dataclass(frozen=True, slots=True)
class ClaimAnswer:
    """The desk's reply to one tap.

    `held` is the claim that the student has: just won, won before by the same request, or the reason for
    already_won. `limit` names the cap that is used up (CapName). `why`: the facts of a refusal.
    `entry` is the student's, of a draw.
    """

    outcome: Outcome
    held: HeldClaim | None = None
    retry_after_ms: int | None = None
    limit: str | None = None
    why: Why | None = None
    entry: Entry | None = None


class _DropFacts(NamedTuple):
    """The facts that claim.lua tells of a drop on which it refused a tap. `taps` were counted before this
    call. 0: not known, or no such limit.
    """

    now: int
    taps: int
    units: int
    last_at: int
    opens_at: int
    ended_at: int
    per_student: int
    per_campaign: int
    per_person: int
    per_device: int


def _ended(facts: _DropFacts) -> Why:
    return why.ended(facts.ended_at, facts.now)


def _not_open(facts: _DropFacts) -> Why:
    # A paused link has an empty window on the desk, at its end: that is no time at which it opens.
    is_early = facts.now < facts.opens_at < facts.ended_at
    return why.not_yet(facts.opens_at, facts.now) if is_early else why.STOPPED


# By the numbers of REFUSED in claim.lua.
_REFUSED: dict[int, tuple[Outcome, str | None, Callable[[_DropFacts], Why | None]]] = {
    1: (Outcome.SOLD_OUT, None, lambda of: why.taken(of.units, of.last_at, of.now)),
    2: (Outcome.CLOSED, None, _ended),
    3: (Outcome.NOT_OPEN, None, _not_open),
    4: (Outcome.LIMIT_REACHED, "batch", lambda of: why.limit_reached("batch", of.per_student)),
    5: (Outcome.CLOSED, None, lambda _: why.GONE),  # not on the desk (any more)
    6: (Outcome.RELEASED, None, lambda _: why.HOLD_ENDED),
    7: (
        Outcome.LIMIT_REACHED,
        "campaign",
        lambda of: why.limit_reached("campaign", of.per_campaign),
    ),
    8: (Outcome.LIMIT_REACHED, "person", lambda of: why.limit_reached("person", of.per_person)),
    9: (Outcome.LIMIT_REACHED, "device", lambda of: why.limit_reached("device", of.per_device)),
    10: (Outcome.BLOCKED, None, lambda _: why.BLOCKED),
    11: (Outcome.TASK_OPEN, None, lambda _: why.TASK_OPEN),  # gateway and API add the progress
}
_IS_COUNTED = [
    n in (1, 4, 7, 8, 9, 11) for n in range(16)
]  # as claim.lua counts taps, besides new wins
_UNKNOWN = _DropFacts(*[0] * len(_DropFacts._fields))


class _Refusals(dict[int, ClaimAnswer]):
    """The answers to refused taps of one drop in one call, made when first asked for."""

    def __init__(self, told: bytes, *, has_numbers: bool = True) -> None:
        """`has_numbers`: taps of this drop are numbered."""
        super().__init__()
        self._has_numbers = has_numbers
        self.facts = _DropFacts(*map(int, told.split(b"|"))) if told else _UNKNOWN

    def __missing__(self, number: int) -> ClaimAnswer:
        outcome, limit, explain = _REFUSED[number]
        reason = explain(self.facts)
        if reason is not None and reason.is_counted and not self._has_numbers:
            reason = Why(reason.facts)
        answer = ClaimAnswer(outcome, limit=limit, why=reason)
        self[number] = answer
        return answer


def read_replies(
    taps: Sequence["Tap"], replies: Sequence[int | bytes], stem: str
) -> list[ClaimAnswer]:
    """Read the reply of claim.lua to `taps`, which are in the order of their drops, and number those that it
    counted. `stem` begins the id of each claim that this call made.

    Behind the replies to taps is one text for each drop, empty where nobody was refused.
    """
    made = f"Ww|{stem}".encode()
    drops = iter(replies[len(taps) :])
    answers: list[ClaimAnswer] = []
    append = answers.append
    drop_id, refusals, number = None, _Refusals(b""), 0
    for tap, reply in zip(taps, replies, strict=False):
        if tap.drop_id != drop_id:
            drop_id, refusals = tap.drop_id, _Refusals(bytes(next(drops)))
            number = refusals.facts.taps
        if isinstance(reply, int):
            if _IS_COUNTED[reply]:
                number += 1
                tap.number = number
            append(refusals[reply])
        else:
            number += reply.startswith(made)
            append(_held(reply))
    return answers


def read_script_replies(
    script: str, taps: Sequence["Tap"], replies: Sequence[int | bytes], stem: str
) -> list[ClaimAnswer]:
    """Read the reply of claim.lua or, for taps on draws, of enter.lua, which counts no taps."""
    if script == "claim":
        return read_replies(taps, replies, stem)
    drops = iter(replies[len(taps) :])
    answers: list[ClaimAnswer] = []
    drop_id, refusals = None, _Refusals(b"")
    for tap, reply in zip(taps, replies, strict=False):
        if tap.drop_id != drop_id:
            drop_id, refusals = tap.drop_id, _Refusals(bytes(next(drops)), has_numbers=False)
        answers.append(refusals[reply] if isinstance(reply, int) else _entered(reply))
    return answers


def _entered(reply: bytes) -> ClaimAnswer:
    if reply.startswith(b"E"):
        return ClaimAnswer(Outcome.ENTERED, entry=entry_record.parse(reply[1:]))
    return _held(reply)


def _held(reply: bytes) -> ClaimAnswer:
    held = claim_record.parse(reply[1:])
    if reply.startswith(b"W"):
        return ClaimAnswer(Outcome.WON, held)
    return ClaimAnswer(Outcome.ALREADY_WON, held, why=why.HELD)
