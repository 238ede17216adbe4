"""Links: their states, the rules of their forms, and their windows."""

from dataclasses import replace

import pytest

from server.core.drops.drop_rules import MAX_QUANTITY
from server.core.drops.drops import CloseReason, DropState, Window
from server.core.drops.tasks import InviteTask, WatchTask
from server.core.ids import BatchId, DropId
from server.core.links.links import (
    MAX_DAYS,
    Link,
    LinkForm,
    LinkState,
    batch_refusal,
    desk_window,
    end_reason,
    state_of,
    top_up_refusal,
    violations,
    window_of,
)
from server.core.promotions.batches import ClaimWindow, RoomQuota
from server.core.promotions.templates import FixedValidity
from server.core.refusals import Code, Refused
from tests.unit.core.drops.test_drop_rules import NOW, a_batch, a_template

DAY = 86_400_000
GOOD = LinkForm("bat_1", "wechat", 10)
LINK = Link(
    id="lnk_1",
    slug="abcdefghjk",
    batch_id=BatchId("bat_1"),
    drop_id=DropId("drp_1"),
    channel="wechat",
    note="",
    opens_at=NOW,
    closes_at=NOW + DAY,
    metadata={},
    created_by="olga",
    created_at=NOW,
)


@pytest.mark.parametrize(
    ("drop", "paused_from", "remaining", "state"),
    [
        (DropState.OPEN, None, 1, LinkState.ACTIVE),
        (DropState.OPENING, None, 1, LinkState.ACTIVE),
        (DropState.OPEN, None, 0, LinkState.EXHAUSTED),
        (DropState.OPEN, NOW, 0, LinkState.PAUSED),
        (DropState.CLOSED, NOW, 1, LinkState.ENDED),
    ],
)
def test_the_state_of_a_link(
    drop: DropState, paused_from: int | None, remaining: int, state: LinkState
) -> None:
    assert state_of(replace(LINK, paused_from=paused_from), drop, remaining) is state


def test_a_cancelled_opening_is_stopped_for_visitors() -> None:
    assert end_reason(CloseReason.CANCELLED) == "stopped"
    assert end_reason(CloseReason.SOLD_OUT) == "sold_out"
    assert end_reason(None) is None


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"channel": ""}, "channel", "too_short"),
        ({"channel": "x" * 65}, "channel", "too_long"),
        ({"quantity": 0}, "quantity", "too_small"),
        ({"per_student": 0}, "per_student", "too_small"),
        ({"per_student": 2}, "per_student", "unsupported"),
        ({"task": WatchTask(5)}, "task", "unsupported"),
        ({"task": InviteTask(0)}, "task.count", "too_small"),
        ({"message": "x" * 201}, "message", "too_long"),
        ({"note": "x" * 201}, "note", "too_long"),
    ],
)
def test_a_wrong_field_of_a_link_is_named(change: dict[str, object], field: str, code: str) -> None:
    (found,) = violations(replace(GOOD, **change))  # type: ignore[arg-type]
    assert (found.field, found.code) == (field, code)


def test_a_good_form_has_no_violation() -> None:
    assert violations(GOOD) == []
    assert violations(replace(GOOD, per_student=1, message="hello", note="hall")) == []


def test_a_link_needs_a_limited_batch_of_any_room() -> None:
    assert batch_refusal(a_batch()) is None
    for batch, code in (
        (None, Code.NOT_FOUND),
        (a_batch(quantity=None), Code.WRONG_STATE),
        (a_batch(rooms=(RoomQuota("r1"),)), Code.WRONG_STATE),
    ):
        refusal = batch_refusal(batch)
        assert refusal is not None
        assert refusal.code is code


def test_a_link_is_open_at_once_and_as_long_as_its_batch_permits() -> None:
    batch = a_batch(claim_window=ClaimWindow(NOW - DAY, NOW + 5 * DAY))
    fixed = a_template(FixedValidity(NOW, NOW + 3 * DAY))

    assert window_of(GOOD, a_batch(), a_template(), NOW) == Window(NOW, NOW + MAX_DAYS * DAY)
    assert window_of(GOOD, batch, a_template(), NOW) == Window(NOW, NOW + 5 * DAY)
    assert window_of(GOOD, batch, fixed, NOW) == Window(NOW, NOW + 3 * DAY)


def test_a_link_waits_for_the_claim_window_unless_it_names_an_earlier_time() -> None:
    batch = a_batch(claim_window=ClaimWindow(NOW + DAY, NOW + 5 * DAY))

    assert window_of(GOOD, batch, a_template(), NOW) == Window(NOW + DAY, NOW + 5 * DAY)
    early = window_of(replace(GOOD, opens_at=NOW + 1), batch, a_template(), NOW)
    assert errors(early) == [("opens_at", "before_claim_window")]
    past = window_of(
        replace(GOOD, opens_at=NOW - DAY, closes_at=NOW + 1), a_batch(), a_template(), NOW
    )
    assert past == Window(NOW, NOW + 1)


@pytest.mark.parametrize(
    ("closes_at", "code"),
    [
        (NOW, "too_small"),
        (NOW + 5 * DAY + 1, "beyond_claim_window"),
        (NOW + 4 * DAY + 1, "beyond_validity"),
    ],
)
def test_an_end_that_the_batch_forbids_is_refused(closes_at: int, code: str) -> None:
    batch = a_batch(claim_window=ClaimWindow(NOW - DAY, NOW + 5 * DAY))
    template = a_template(FixedValidity(NOW, NOW + 4 * DAY))

    found = window_of(replace(GOOD, closes_at=closes_at), batch, template, NOW)

    assert errors(found) == [("closes_at", code)]


def test_no_link_is_open_for_years() -> None:
    form = replace(GOOD, closes_at=NOW + MAX_DAYS * DAY + 1)
    assert errors(window_of(form, a_batch(), a_template(), NOW)) == [("closes_at", "too_large")]


def test_a_batch_whose_time_is_over_makes_no_link() -> None:
    batch = a_batch(claim_window=ClaimWindow(NOW - DAY, NOW))
    found = window_of(GOOD, batch, a_template(), NOW)
    assert isinstance(found, Refused)
    assert found.code is Code.WRONG_STATE


def test_a_paused_link_has_a_window_in_which_nobody_can_claim() -> None:
    open_window = Window(NOW + 1, NOW + DAY)

    paused, begins_at = desk_window(LINK, open_window, paused=True, moved_ms=0)
    assert (paused, begins_at) == (Window(NOW + DAY, NOW + DAY), NOW + 1)

    held = replace(LINK, paused_from=begins_at)
    moved, _ = desk_window(held, paused, paused=True, moved_ms=5)
    assert moved == Window(NOW + DAY + 5, NOW + DAY + 5)
    resumed, _ = desk_window(held, moved, paused=False, moved_ms=0)
    assert resumed == Window(NOW + 1, NOW + DAY + 5)


def errors(found: Window | Refused) -> list[tuple[str, str]]:
    assert isinstance(found, Refused)
    listed = found.facts["errors"]
    assert isinstance(listed, list)
    return [(one["field"], one["code"]) for one in listed]


@pytest.mark.parametrize(
    ("add", "expected", "state", "code"),
    [
        (5, 10, DropState.OPEN, None),
        (5, None, DropState.OPEN, Code.INVALID_FIELD),
        (0, 10, DropState.OPEN, Code.INVALID_FIELD),
        (MAX_QUANTITY, 10, DropState.OPEN, Code.INVALID_FIELD),
        (5, 10, DropState.CLOSED, Code.WRONG_STATE),
        (5, 9, DropState.OPEN, Code.WRONG_STATE),
    ],
)
def test_units_are_added_to_a_link_that_goes_on_and_has_the_expected_quantity(
    add: int, expected: int | None, state: DropState, code: Code | None
) -> None:
    refusal = top_up_refusal(add, expected, state, 10)

    assert (refusal.code if refusal is not None else None) == code


def test_who_expects_another_quantity_is_told_the_one_there_is() -> None:
    refusal = top_up_refusal(5, 9, DropState.OPEN, 10)

    assert refusal is not None
    assert refusal.facts == {"quantity": 10}
