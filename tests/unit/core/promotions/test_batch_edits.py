from dataclasses import replace

import pytest

from server.core.ids import BatchId
from server.core.promotions.batch_edits import (
    CAPS_KEPT_MS,
    END_MOVABLE_MS,
    BatchEdit,
    edited_form,
    ended_refusal,
    form_of,
    refusal,
)
from server.core.promotions.batches import Batch, ClaimWindow, RoomQuota
from server.core.refusals import Code

NOW = 1_760_000_000_000
WINDOW = ClaimWindow(NOW - 1_000, NOW + 1_000)
BATCH = Batch(
    id=BatchId("bat_1"),
    template_id="tpl_1",
    template_version=1,
    name="Tuesday",
    quantity=100,
    channel="live",
    per_student=1,
    code_prefix="LIVE",
    hold_seconds=None,
    campaign_id=None,
    rooms=(RoomQuota("b", 5, allotted=3), RoomQuota("a")),
    claim_window=WINDOW,
    shard=3,
    metadata={},
    created_by="op",
    created_at=NOW,
    allotted=3,
    version=4,
)

# Every field of a form, changed.
OTHER: dict[str, object] = {
    "template_id": "tpl_2",
    "name": "Wednesday",
    "quantity": 50,
    "channel": "wechat",
    "per_student": 2,
    "per_person": 3,
    "per_device": 1,
    "code_prefix": "",
    "hold_seconds": 60,
    "rooms": None,
    "claim_window": None,
    "metadata": {"a": "b"},
}


def errors(
    batch: Batch = BATCH,
    *,
    is_used: bool = True,
    now: int = NOW,
    seen: int | None = 100,
    **to: object,
) -> list[tuple[str, str]]:
    found = refusal(batch, BatchEdit(batch.version, to, seen), now, is_used=is_used)
    if found is None:
        return []
    assert found.code is Code.INVALID_FIELD, found
    listed = found.facts["errors"]
    assert isinstance(listed, list)
    return [(one["field"], one["code"]) for one in listed]


def _only(field: str, *, is_used: bool) -> list[tuple[str, str]]:
    return errors(is_used=is_used, **{field: OTHER[field]})  # type: ignore[arg-type]


@pytest.mark.parametrize("field", OTHER)
def test_until_something_is_made_of_it_everything_may_change(field: str) -> None:
    assert _only(field, is_used=False) == []


@pytest.mark.parametrize("field", sorted(OTHER.keys() - {"name", "metadata", "quantity"}))
def test_afterwards_what_students_were_promised_may_not(field: str) -> None:
    assert _only(field, is_used=True) == [(field, "fixed")]


def test_all_that_may_not_change_is_named_at_once() -> None:
    found = errors(channel="wechat", per_student=3, name="ok", code_prefix="no good")
    assert sorted(found) == [
        ("channel", "fixed"),
        ("code_prefix", "fixed"),
        ("per_student", "fixed"),
    ]


def test_its_campaign_stays_from_the_beginning() -> None:
    assert ("campaign_id", "fixed") in errors(is_used=False, campaign_id="cmp_1")


def test_in_a_campaign_its_template_stays_too() -> None:
    in_campaign = replace(BATCH, campaign_id="cmp_1")
    assert errors(in_campaign, is_used=False, template_id="tpl_2") == [("template_id", "fixed")]
    assert errors(in_campaign, is_used=False, template_id="tpl_1") == []


def test_what_is_sent_as_it_is_changes_nothing() -> None:
    as_it_is = {name: getattr(form_of(BATCH), name) for name in OTHER}
    assert refusal(BATCH, BatchEdit(4, as_it_is), NOW, is_used=True) is None
    rooms = (RoomQuota("a"), RoomQuota("b", 5))
    assert errors(rooms=rooms) == errors(rooms=rooms[::-1]) == []


def test_name_and_metadata_may_always_change_and_stay_good() -> None:
    assert errors(name="Wednesday", metadata={"a": "b"}) == []
    assert errors(name=" ") == [("name", "too_short")]


@pytest.mark.parametrize("quantity", [5, 99, 100, 101])
def test_units_only_become_more(quantity: int) -> None:
    assert errors(quantity=quantity) == ([("quantity", "only_up")] if quantity < 100 else [])


def test_a_batch_neither_becomes_unlimited_nor_limited() -> None:
    assert errors(quantity=None) == [("quantity", "fixed")]
    assert errors(replace(BATCH, quantity=None), seen=None, quantity=5) == [
        ("quantity", "fixed"),
        ("expected_quantity", "missing"),
    ]


def test_more_units_need_what_was_seen() -> None:
    assert errors(seen=None, quantity=101) == [("expected_quantity", "missing")]
    assert errors(seen=None, is_used=False, quantity=101) == []


def test_two_raises_from_the_same_number_raise_it_once() -> None:
    found = refusal(BATCH, BatchEdit(4, {"quantity": 120}, 90), NOW, is_used=True)
    assert found is not None
    assert (found.code, found.facts) == (Code.WRONG_STATE, {"quantity": 100})


def test_an_edit_of_an_older_version_is_refused_with_the_current_one() -> None:
    found = refusal(BATCH, BatchEdit(3, {"channel": "wechat"}), NOW, is_used=True)
    assert found is not None
    assert (found.code, found.facts) == (Code.WRONG_STATE, {"version": 4})


@pytest.mark.parametrize(
    ("window", "found"),
    [
        (ClaimWindow(WINDOW.from_at, WINDOW.until_at + 1), []),
        (
            ClaimWindow(WINDOW.from_at, WINDOW.until_at - 1),
            [("claim_window.until", "only_later")],
        ),
        (ClaimWindow(WINDOW.from_at - 1, WINDOW.until_at), [("claim_window.from", "fixed")]),
    ],
)
def test_an_end_only_moves_later(window: ClaimWindow, found: list[tuple[str, str]]) -> None:
    assert errors(claim_window=window) == found


def test_a_batch_without_an_end_gets_none() -> None:
    unending = replace(BATCH, claim_window=None)
    assert errors(unending, claim_window=WINDOW) == [("claim_window", "fixed")]


def test_an_end_that_is_over_may_move_for_a_week_and_a_desk_remembers_longer() -> None:
    later = ClaimWindow(WINDOW.from_at, WINDOW.until_at + 30 * END_MOVABLE_MS)
    last = WINDOW.until_at + END_MOVABLE_MS
    assert errors(now=last, claim_window=later) == []
    assert errors(now=last + 1, claim_window=later) == [("claim_window.until", "over")]
    same_end = ClaimWindow(WINDOW.from_at - 1, WINDOW.until_at)
    assert errors(now=last + 1, claim_window=same_end) == [("claim_window.from", "fixed")]
    assert CAPS_KEPT_MS > END_MOVABLE_MS


def test_the_form_is_the_batch_with_what_was_sent() -> None:
    form = edited_form(BATCH, BatchEdit(4, {"name": "Friday"}))
    assert (form.name, form.channel, form.quantity) == ("Friday", "live", 100)
    assert form.rooms == (RoomQuota("a"), RoomQuota("b", 5))


def test_a_batch_that_has_ended_for_good_is_not_changed() -> None:
    ended = replace(BATCH, ended_at=NOW, ended_by="olga", end_reason="sold")

    found = refusal(ended, BatchEdit(BATCH.version, {"name": "x"}), NOW, is_used=True)

    assert found is not None
    assert (found.code, found.facts) == (Code.WRONG_STATE, {"state": "ended", "reason": "sold"})
    assert ended_refusal(BATCH) is None
