"""The end of a drop: after a time, at a time of the clock, or by hand.

Used by the flows that open, reopen and edit drops. Whatever people are told, the desk is given one last
moment: from then on it sells nothing, whoever is away.
"""

from dataclasses import dataclass

from server.core.drops.drops import MAX_OPEN_MS, EndsBy
from server.core.promotions.batches import Batch, ClaimWindow
from server.core.promotions.templates import FixedValidity, Template
from server.core.refusals import Refused, invalid_field


@dataclass(frozen=True, slots=True)
class DropEnd:
    """The end of a drop as it was asked for. `at` (ms) counts for `clock` alone, `seconds` for `duration`."""

    by: EndsBy
    seconds: int = 0
    at: int | None = None


def last_moment(end: DropEnd, opens_at: int, batch: Batch, template: Template) -> int:
    """Return when the desk stops selling (ms). An open end stops with its batch, or with its coupons, and
    after MAX_OPEN_MS at the latest."""
    if end.by is EndsBy.CLOCK and end.at is not None:
        return end.at
    if end.by is EndsBy.DURATION:
        return opens_at + end.seconds * 1000
    ends = [opens_at + MAX_OPEN_MS]
    if batch.claim_window is not None:
        ends.append(batch.claim_window.until_at)
    if isinstance(template.form.validity, FixedValidity):
        ends.append(template.form.validity.until_at)
    return max(opens_at, min(ends))


def planned_window(end: DropEnd, opens_at: int) -> ClaimWindow:
    """Return when a drop is to be open; the shortest window, from its opening, where its end is open."""
    if end.by is EndsBy.CLOCK and end.at is not None:
        return ClaimWindow(opens_at, end.at)
    return ClaimWindow(opens_at, opens_at + max(1, end.seconds * 1000))


def end_refusal(end: DropEnd, opens_at: int) -> Refused | None:
    """Return why a drop that opens at `opens_at` may not have this end; None if it may."""
    if end.by is not EndsBy.CLOCK or end.at is None:
        return None
    if end.at <= opens_at:
        return invalid_field("closes.at", "in_the_past", "the drop would end before it opens")
    if end.at - opens_at > MAX_OPEN_MS:
        return invalid_field("closes.at", "too_late", "a drop is open for at most 30 days")
    return None
