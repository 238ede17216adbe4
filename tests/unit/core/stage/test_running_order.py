"""The moments of a running order."""

from dataclasses import replace

import pytest

from server.core.drops.cues import LATE_MS, MAX_MINUTE, MAX_VIDEO_SECONDS, Cue, CueKind
from server.core.stage.running_order import (
    Stage,
    Verdict,
    due_at,
    judge,
    order_version,
    resumed,
    value_fault,
)

NOW = 10_000_000
MINUTE = 60_000
STARTED = Stage("101", started_at=NOW - 5 * MINUTE, video_seconds=300, video_at=NOW)


@pytest.mark.parametrize(
    ("cue", "stage", "verdict"),
    [
        (Cue(CueKind.AT, NOW + 1), STARTED, Verdict.WAIT),
        (Cue(CueKind.AT, NOW), STARTED, Verdict.FIRE),
        (Cue(CueKind.AT, NOW - LATE_MS), Stage("101"), Verdict.FIRE),
        (Cue(CueKind.AT, NOW - LATE_MS - 1), STARTED, Verdict.MISS),
        (Cue(CueKind.AT, NOW), replace(STARTED, held_at=NOW), Verdict.WAIT),
        (Cue(CueKind.MINUTE, 5), STARTED, Verdict.FIRE),
        (Cue(CueKind.MINUTE, 6), STARTED, Verdict.WAIT),
        (Cue(CueKind.MINUTE, 2), STARTED, Verdict.MISS),
        (Cue(CueKind.MINUTE, 0), Stage("101"), Verdict.WAIT),
        (Cue(CueKind.VIDEO, 300), STARTED, Verdict.FIRE),
        (Cue(CueKind.VIDEO, 301), STARTED, Verdict.WAIT),
        (Cue(CueKind.VIDEO, 100), STARTED, Verdict.MISS),
        (Cue(CueKind.VIDEO, 0), Stage("101"), Verdict.WAIT),
        (Cue(CueKind.HAND), STARTED, Verdict.WAIT),
    ],
)
def test_what_is_done_with_an_entry(cue: Cue, stage: Stage, verdict: Verdict) -> None:
    assert judge(cue, NOW, stage, NOW) is verdict


def test_a_position_from_before_the_order_was_written_counts_for_nothing() -> None:
    assert judge(Cue(CueKind.VIDEO, 300), NOW + 1, STARTED, NOW + 1) is Verdict.WAIT


def test_the_minutes_of_the_class_stand_still_during_a_hold() -> None:
    held = replace(STARTED, held_at=NOW, held_by="tina")
    after = resumed(held, NOW + 3 * MINUTE)
    assert (after.is_held, after.started_at) == (False, NOW - 2 * MINUTE)
    begun_in_a_hold = replace(held, started_at=NOW + MINUTE)
    assert resumed(begun_in_a_hold, NOW + 3 * MINUTE).started_at == NOW + 3 * MINUTE
    assert resumed(STARTED, NOW) == STARTED
    assert resumed(Stage("101", held_at=NOW), NOW).started_at is None


def test_when_the_clock_says_that_an_entry_fires() -> None:
    assert due_at(Cue(CueKind.AT, NOW), Stage("101")) == NOW
    assert due_at(Cue(CueKind.MINUTE, 6), STARTED) == NOW + MINUTE
    assert due_at(Cue(CueKind.MINUTE, 6), Stage("101")) is None
    assert due_at(Cue(CueKind.VIDEO, 6), STARTED) is None


@pytest.mark.parametrize(
    ("cue", "fault"),
    [
        (Cue(CueKind.AT, NOW + 1), None),
        (Cue(CueKind.AT, NOW), "in_the_past"),
        (Cue(CueKind.MINUTE, -1), "too_small"),
        (Cue(CueKind.MINUTE, MAX_MINUTE), None),
        (Cue(CueKind.MINUTE, MAX_MINUTE + 1), "too_large"),
        (Cue(CueKind.VIDEO, MAX_VIDEO_SECONDS + 1), "too_large"),
        (Cue(CueKind.HAND), None),
    ],
)
def test_a_moment_that_cannot_be(cue: Cue, fault: str | None) -> None:
    assert value_fault(cue, NOW) == fault


def test_the_version_tells_every_order_from_every_other() -> None:
    five, six, video = (Cue(CueKind.MINUTE, 5), Cue(CueKind.MINUTE, 6), Cue(CueKind.VIDEO, 5))
    orders = [
        [],
        [("drp_1", five)],
        [("drp_1", six)],
        [("drp_1", video)],
        [("drp_2", five)],
        [("drp_1", five), ("drp_2", six)],
        [("drp_2", six), ("drp_1", five)],
    ]
    assert len({order_version(one) for one in orders}) == len(orders)
    assert order_version(orders[-1]) == order_version(list(orders[-1]))
