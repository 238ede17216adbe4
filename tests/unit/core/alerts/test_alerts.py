"""An alert is raised when something is wrong enough, and has the act that mends it."""

import pytest

from server.core.alerts.alerts import (
    MENDS,
    Alert,
    AlertAct,
    AlertKind,
    AlertState,
    Fault,
    batch_level,
    budget_level,
    issuance_level,
    unused_level,
    webhook_level,
)
from server.core.events.webhooks import WebhookState

FAULT = Fault(AlertKind.BATCH_LOW, "bat_1", 1, "Ten off")


@pytest.mark.parametrize(("free", "level"), [(21, None), (20, 80), (1, 80), (0, 100), (-5, 100)])
def test_a_budget_is_told_at_80_and_at_100_percent(free: int, level: int | None) -> None:
    assert budget_level(100, free) == level


def test_a_budget_is_told_to_the_fen() -> None:
    assert budget_level(1_000_000, 200_001) is None
    assert budget_level(1_000_000, 200_000) == 80


@pytest.mark.parametrize(
    ("ending", "unused", "level"),
    [(100, 50, None), (100, 51, 50), (100, 80, 50), (100, 81, 80), (19, 19, None), (20, 20, 80)],
)
def test_coupons_that_end_are_told_where_more_than_half_lie_unused(
    ending: int, unused: int, level: int | None
) -> None:
    assert unused_level(ending, unused) == level


@pytest.mark.parametrize(("left", "level"), [(11, None), (10, 1), (1, 1), (0, 2)])
def test_a_batch_is_told_at_a_tenth_and_when_it_is_empty(left: int, level: int | None) -> None:
    assert batch_level(100, left) == level


@pytest.mark.parametrize(
    ("overdue_ms", "level"), [(599_999, None), (600_000, 1), (3_599_999, 1), (3_600_000, 2)]
)
def test_an_issuance_that_nobody_drives_is_told(overdue_ms: int, level: int | None) -> None:
    assert issuance_level(overdue_ms) == level


@pytest.mark.parametrize(
    ("state", "failures", "level"),
    [
        (WebhookState.ACTIVE, 2, None),
        (WebhookState.ACTIVE, 3, 1),
        (WebhookState.PAUSED, 9, None),
        (WebhookState.DISABLED, 0, 2),
    ],
)
def test_a_receiver_is_told_when_it_fails(
    state: WebhookState, failures: int, level: int | None
) -> None:
    assert webhook_level(state, failures) == level


@pytest.mark.parametrize("kind", AlertKind)
def test_each_kind_has_an_act_that_mends_it(kind: AlertKind) -> None:
    assert Alert("alr_1", Fault(kind, "x", 1, "x"), 1).acts == (MENDS[kind], AlertAct.DISMISS)


def test_an_alert_is_open_or_dismissed_until_it_ends() -> None:
    assert Alert("alr_1", FAULT, 1).state is AlertState.OPEN
    assert Alert("alr_1", FAULT, 1, dismissed_by="olga").state is AlertState.DISMISSED
    ended = Alert("alr_1", FAULT, 1, dismissed_by="olga", ended_at=2)
    assert (ended.state, ended.acts) == (AlertState.ENDED, ())
