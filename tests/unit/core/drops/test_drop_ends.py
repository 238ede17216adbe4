"""The end of a drop, and the ends and times that are refused."""

from dataclasses import replace

import pytest

from server.core.drops import drop_events, drop_rules
from server.core.drops.claims import Audience
from server.core.drops.drop_ends import DropEnd, end_refusal, last_moment, planned_window
from server.core.drops.drop_events import ToldDrop
from server.core.drops.drop_rules import DropForm
from server.core.drops.drops import MAX_OPEN_MS, EndsBy, Window
from server.core.promotions.batches import Batch, ClaimWindow
from server.core.promotions.templates import FixedValidity, Template
from tests.unit.core.drops.test_drop_rules import a_batch, a_template

NOW = 1_000_000
BATCH, TEMPLATE = a_batch(), a_template()
BY_HAND = DropEnd(EndsBy.HAND)


def _template(until: int) -> Template:
    return replace(TEMPLATE, form=replace(TEMPLATE.form, validity=FixedValidity(0, until)))


def _batch(until: int) -> Batch:
    return replace(BATCH, claim_window=ClaimWindow(0, until))


@pytest.mark.parametrize(
    ("end", "batch", "template", "ends_at"),
    [
        (DropEnd(EndsBy.DURATION, 60), BATCH, TEMPLATE, NOW + 60_000),
        (DropEnd(EndsBy.CLOCK, at=NOW + 5), BATCH, TEMPLATE, NOW + 5),
        (BY_HAND, BATCH, TEMPLATE, NOW + MAX_OPEN_MS),
        (BY_HAND, _batch(NOW + 9), TEMPLATE, NOW + 9),
        (BY_HAND, _batch(NOW + 9), _template(NOW + 7), NOW + 7),
        (BY_HAND, BATCH, _template(NOW - 7), NOW),
    ],
)
def test_the_last_moment(end: DropEnd, batch: Batch, template: Template, ends_at: int) -> None:
    assert last_moment(end, NOW, batch, template) == ends_at


def test_an_end_before_the_opening_or_far_away_is_refused() -> None:
    assert end_refusal(DropEnd(EndsBy.DURATION, 60), NOW) is None
    assert end_refusal(DropEnd(EndsBy.CLOCK, at=NOW + 1), NOW) is None
    for at in (NOW, NOW + MAX_OPEN_MS + 1):
        assert end_refusal(DropEnd(EndsBy.CLOCK, at=at), NOW) is not None


def test_a_time_in_the_past_or_beyond_90_days_is_refused() -> None:
    form = DropForm("bat_1", 1, 60)
    assert drop_rules.timing_refusal(form, NOW) is None
    assert drop_rules.timing_refusal(replace(form, at=NOW + 1), NOW) is None
    for at in (NOW, NOW + drop_rules.MAX_AHEAD_MS + 1):
        assert drop_rules.timing_refusal(replace(form, at=at), NOW) is not None


def test_a_drop_with_a_time_is_prepared() -> None:
    form = DropForm("bat_1", 1, 60)
    assert not drop_rules.is_prepared(form)
    assert drop_rules.is_prepared(replace(form, at=NOW))
    assert drop_rules.waits(replace(form, at=NOW))


def test_an_open_end_needs_no_duration() -> None:
    assert drop_rules.violations(DropForm("bat_1", 1, 0, ends=BY_HAND)) == []
    assert [one.field for one in drop_rules.violations(DropForm("bat_1", 1, 0))] == [
        "duration_seconds"
    ]


@pytest.mark.parametrize(
    ("audience", "fields"),
    [
        (Audience(students=frozenset(["amy"])), []),
        (Audience(), ["audience.students"]),
        (Audience(frozenset(["vip"]), frozenset(["amy"])), ["audience.tags"]),
    ],
)
def test_a_rehearsal_names_its_testers(audience: Audience, fields: list[str]) -> None:
    form = DropForm("bat_1", 1, 60, audience=audience, rehearsal=True)
    assert [one.field for one in drop_rules.violations(form)] == fields


def test_events_tell_of_an_open_end_and_of_a_rehearsal() -> None:
    drop = ToldDrop("drp_1", "101", "bat_1", 3)
    told = drop_events.reopened(drop, Window(0, 1, is_open_end=True), NOW).data
    assert told["closes_at"] is None
    assert "rehearsal" not in told
    rehearsed = drop_events.opened(drop._replace(rehearsal=True), Window(0, 1), NOW).data
    assert rehearsed["rehearsal"] is True


def test_a_window_is_planned_from_the_end_that_was_asked_for() -> None:
    assert planned_window(DropEnd(EndsBy.DURATION, 60), 1_000) == ClaimWindow(1_000, 61_000)
    assert planned_window(DropEnd(EndsBy.CLOCK, at=9_000), 1_000) == ClaimWindow(1_000, 9_000)
    assert planned_window(DropEnd(EndsBy.HAND), 1_000) == ClaimWindow(1_000, 1_001)
