"""Why a claim was refused: the facts that one true sentence takes, as `why` of a claim's result.

Made by the desk from its own order and clock (desk/claims/claim_answers.py), and by the gateway and the API
for what they refuse themselves. The sentences are in both SDKs (`texts`). Instants are ms UTC and leave as
text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from server.core.drops.claims import Audience
from server.core.drops.tasks import Progress, Task, kind_of
from server.core.instants import to_text


class WhyReason(StrEnum):
    """The reason of a refusal, finer than the outcome. GONE: the desk does not have the drop any more.
    PREPARED: it does not have it yet, and nobody knows when it opens."""

    TAKEN = "taken"
    LIMIT = "limit"
    NOT_YET = "not_yet"
    PREPARED = "prepared"
    STOPPED = "stopped"
    ENDED = "ended"
    GONE = "gone"
    BLOCKED = "blocked"
    HOLD_ENDED = "hold_ended"
    NOT_A_STUDENT = "not_a_student"
    NOT_NEW = "not_new"
    NOT_IN_BATCH = "not_in_batch"
    NOT_IN_AUDIENCE = "not_in_audience"
    HELD = "held"
    TASK_OPEN = "task_open"


@dataclass(frozen=True, slots=True, eq=False)
class Why:
    """The facts of a refusal; `reason` is the first of them.

    Shared by all taps that one script call refused for the same reason, so it is compared by identity.
    `is_counted`: each tap has its own number as well, which follows the facts as `tap`.
    """

    facts: Mapping[str, object]
    is_counted: bool = False

    def told(self, tap: int) -> dict[str, object]:
        """Return the JSON of `why` for the tap with this number."""
        return {**self.facts, "tap": tap} if self.is_counted else dict(self.facts)


def taken(units: int, last_at: int, now: int) -> Why:
    """Say that no unit was left: how many there were, and how long ago the last one went."""
    facts: dict[str, object] = {"reason": WhyReason.TAKEN, "units": units}
    if last_at:
        facts |= {"last_at": to_text(last_at), "after_ms": max(0, now - last_at)}
    return Why(facts, is_counted=True)


def none_in_list(stock: int, count: int, last_at: int | None, closed_at: int) -> Why:
    """Say, after the close, why somebody is not in the list of claims: all `stock` units are in it, or the
    drop ended before. The number of a tap is not kept, so it is not told."""
    if count < stock or last_at is None:
        return Why({"reason": WhyReason.ENDED, "closed_at": to_text(closed_at)})
    return Why({"reason": WhyReason.TAKEN, "units": stock, "last_at": to_text(last_at)})


def limit_reached(limit: str, most: int) -> Why:
    """Say which limit (batch, campaign, person, device) is used up, all `most` of it."""
    facts = {"reason": WhyReason.LIMIT, "limit": limit, "most": most, "used": most}
    return Why(facts, is_counted=True)


def not_yet(opens_at: int, now: int) -> Why:
    """Say when the drop opens."""
    return Why(
        {"reason": WhyReason.NOT_YET, "opens_at": to_text(opens_at), "in_ms": opens_at - now}
    )


def ended(closed_at: int, now: int) -> Why:
    """Say how long after the end the tap came."""
    facts = {
        "reason": WhyReason.ENDED,
        "closed_at": to_text(closed_at),
        "after_ms": max(0, now - closed_at),
    }
    return Why(facts)


def task_open(task: Task, progress: Progress) -> Why:
    """Say which kind of task comes first, and how far the student is with it."""
    facts = {
        "reason": WhyReason.TASK_OPEN,
        "kind": kind_of(task),
        "done": progress.done,
        "needed": progress.needed,
    }
    return Why(facts, is_counted=True)


def outside(audience: Audience, student: str, tags: frozenset[str], is_new: bool) -> Why:
    """Say what of an audience the account does not meet. It does not say which tags would do: these are
    the school's words about its students."""
    if audience.conditions.new and not is_new:
        return NOT_NEW
    if audience.conditions.admits(student, tags, is_new):
        return NOT_IN_AUDIENCE
    return NOT_IN_BATCH


PREPARED: Final = Why({"reason": WhyReason.PREPARED})
STOPPED: Final = Why({"reason": WhyReason.STOPPED})
GONE: Final = Why({"reason": WhyReason.GONE})
BLOCKED: Final = Why({"reason": WhyReason.BLOCKED})
HOLD_ENDED: Final = Why({"reason": WhyReason.HOLD_ENDED})
NOT_A_STUDENT: Final = Why({"reason": WhyReason.NOT_A_STUDENT})
NOT_NEW: Final = Why({"reason": WhyReason.NOT_NEW})
NOT_IN_BATCH: Final = Why({"reason": WhyReason.NOT_IN_BATCH})
NOT_IN_AUDIENCE: Final = Why({"reason": WhyReason.NOT_IN_AUDIENCE})
HELD: Final = Why({"reason": WhyReason.HELD})
# Where the task and the progress are not at hand.
TASK_OPEN: Final = Why({"reason": WhyReason.TASK_OPEN}, is_counted=True)
