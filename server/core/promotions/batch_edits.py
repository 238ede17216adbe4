"""Batch edits: what of a batch may still be changed, and what the batch is then.

Used by flows/promotions/edit_batch.py. Until the batch has been used (a drop, codes), everything may change
but its campaign, which decides its desk shard, and, in a campaign, its template, which decides how much of
the campaign's money a coupon takes. After that only what breaks no promise may change: name, metadata, the
plan by the minute, a later end, more units. A drop keeps the times that it was opened with.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Final

from server.core.promotions import batch_rules
from server.core.promotions.batches import Batch, BatchForm, ClaimWindow, RoomQuota
from server.core.refusals import Code, Refused
from server.core.violations import Violation, refused

_DAY_MS: Final = 24 * 3600 * 1000
# An end that is over may be moved for a week. The claim limits are kept for a day longer, so that a desk that
# is rebuilt meanwhile still knows how many coupons each student has claimed.
END_MOVABLE_MS: Final = 7 * _DAY_MS
CAPS_KEPT_MS: Final = 8 * _DAY_MS

_ALWAYS_FREE: Final = frozenset({"name", "metadata", "max_per_minute", "remind_before"})
_FIXED: Final = "fixed"


@dataclass(frozen=True, slots=True)
class BatchEdit:
    """An operator's change. `changes` has the fields of BatchForm that were sent; a value that is the same
    as now changes nothing. `expected_quantity`: the quantity that the operator saw."""

    expected_version: int
    changes: Mapping[str, object] = field(default_factory=dict)
    expected_quantity: int | None = None


def edited_form(batch: Batch, edit: BatchEdit) -> BatchForm:
    """Return the batch as the edit would make it.

    A limit for each person that is the one for each student goes on being that.
    """
    before = form_of(batch)
    form = replace(before, **edit.changes)  # type: ignore[arg-type]
    follows = "per_person" not in edit.changes and before.per_person == before.per_student
    per_person = None if follows else form.per_person
    return replace(form, rooms=_comparable(form.rooms), per_person=per_person or form.per_student)


def form_of(batch: Batch) -> BatchForm:
    """Return the batch as an operator would write it now."""
    plain = {one.name: getattr(batch, one.name) for one in fields(BatchForm)}
    per_person = batch.per_person or batch.per_student
    return BatchForm(**plain | {"rooms": _comparable(batch.rooms), "per_person": per_person})


def refusal(batch: Batch, edit: BatchEdit, now: int, *, is_used: bool) -> Refused | None:
    """Return why the edit is refused; None if it is legal.

    `wrong_state` if the batch has ended for good, and, with the current value, if it has changed meanwhile;
    `invalid_field` with every field that may not be changed like that.
    """
    if (ended := ended_refusal(batch)) is not None:
        return ended
    if edit.expected_version != batch.version:
        return _overtaken("version", batch.version)
    form = edited_form(batch, edit)
    broken = [*_fixed(batch, form, now, is_used=is_used)]
    if is_used and form.quantity != batch.quantity and edit.expected_quantity is None:
        broken.append(Violation("expected_quantity", "missing"))
    # A field that is reported once is not reported again by the rules for new batches.
    named = {violation.field for violation in broken}
    broken += [one for one in batch_rules.violations(form) if one.field not in named]
    if broken:
        return refused(broken)
    # Last, so that two operators who raise the quantity at the same time do not raise it twice.
    if edit.expected_quantity not in (None, batch.quantity):
        return _overtaken("quantity", batch.quantity)
    return None


def ended_refusal(batch: Batch) -> Refused | None:
    """Return the refusal of whatever a batch that has ended for good cannot do any more; None if it has
    not."""
    if batch.ended_at is None:
        return None
    facts = {"state": "ended", "reason": batch.end_reason}
    return Refused(Code.WRONG_STATE, "the batch has ended for good", facts)


def _fixed(batch: Batch, form: BatchForm, now: int, *, is_used: bool) -> Iterator[Violation]:
    before = form_of(batch)
    for one in fields(BatchForm):
        was, is_now = getattr(before, one.name), getattr(form, one.name)
        if was == is_now or one.name in _ALWAYS_FREE:
            continue
        if one.name == "per_person" and (was, is_now) == (before.per_student, form.per_student):
            continue  # it follows `per_student`, which is looked at by itself
        if one.name == "campaign_id" or (one.name == "template_id" and batch.campaign_id):
            yield Violation(one.name, _FIXED)
        elif not is_used:
            continue
        elif one.name == "quantity":
            yield from _quantity(was, is_now)
        elif one.name == "claim_window":
            yield from _window(was, is_now, now)
        else:
            yield Violation(one.name, _FIXED)


def _quantity(was: int | None, is_now: int | None) -> Iterator[Violation]:
    if was is None or is_now is None:
        yield Violation("quantity", _FIXED)
    elif is_now < was:
        yield Violation("quantity", "only_up")


def _window(was: ClaimWindow | None, is_now: ClaimWindow | None, now: int) -> Iterator[Violation]:
    if was is None or is_now is None:
        yield Violation("claim_window", _FIXED)
        return
    if is_now.from_at != was.from_at:
        yield Violation("claim_window.from", _FIXED)
    if is_now.until_at < was.until_at:
        yield Violation("claim_window.until", "only_later")
    elif is_now.until_at > was.until_at and now > was.until_at + END_MOVABLE_MS:
        yield Violation("claim_window.until", "over")


def _comparable(rooms: tuple[RoomQuota, ...] | None) -> tuple[RoomQuota, ...] | None:
    """Return the rooms sorted, without what has been allotted to them, so that two forms can be compared."""
    if rooms is None:
        return None
    return tuple(sorted((replace(quota, allotted=0) for quota in rooms), key=lambda q: q.room))


def _overtaken(name: str, value: object) -> Refused:
    return Refused(Code.WRONG_STATE, f"{name} is {value} now", {name: value})
