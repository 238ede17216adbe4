from dataclasses import replace
from typing import Any

import pytest

from server.core.drops import drop_rules
from server.core.drops.claims import Audience
from server.core.drops.drop_rules import DropForm
from server.core.drops.tasks import SignInTask
from server.core.ids import BatchId
from server.core.promotions.batches import Batch, ClaimWindow, RoomQuota
from server.core.promotions.templates import (
    AmountOff,
    FixedValidity,
    RelativeValidity,
    Scope,
    Template,
    TemplateForm,
    Threshold,
    Validity,
)
from server.core.refusals import Code, Refused

NOW = 1_000_000_000
MINUTE = 60_000
GOOD = DropForm(batch_id="bat_1", quantity=10, duration_seconds=60)


def a_batch(**changes: object) -> Batch:
    batch = Batch(
        id=BatchId("bat_1"),
        template_id="tpl_1",
        template_version=1,
        name="Tuesday",
        quantity=100,
        channel="live",
        per_student=1,
        code_prefix="",
        hold_seconds=None,
        campaign_id=None,
        rooms=None,
        claim_window=None,
        shard=0,
        metadata={},
        created_by="op",
        created_at=NOW,
    )
    return replace(batch, **changes)  # type: ignore[arg-type]


def a_template(validity: Validity | None = None) -> Template:
    return Template(
        TemplateForm(
            name="Ten off",
            description="",
            currency="CNY",
            discount=AmountOff(1000),
            threshold=Threshold(),
            scope=Scope(),
            validity=validity or RelativeValidity(3600),
        ),
        id="tpl_1",
        version=1,
    )


def found(**changes: object) -> list[tuple[str, str]]:
    form = replace(GOOD, **changes)  # type: ignore[arg-type]
    return [(one.field, one.code) for one in drop_rules.violations(form)]


def errors(refused: Refused | None) -> object:
    assert refused is not None
    return refused.facts.get("errors")


class TestForm:
    def test_a_plain_drop_is_legal(self) -> None:
        assert found() == []

    @pytest.mark.parametrize(
        ("field", "least", "most"),
        [
            ("quantity", 1, 1_000_000),
            ("duration_seconds", 1, 86_400),
            ("opens_in_seconds", 0, 300),
        ],
    )
    def test_numbers_have_a_lower_and_an_upper_bound(
        self, field: str, least: int, most: int
    ) -> None:
        assert found(**{field: least}) == found(**{field: most}) == []
        assert found(**{field: least - 1}) == [(field, "too_small")]
        assert found(**{field: most + 1}) == [(field, "too_large")]

    def test_a_message_may_be_absent_and_has_200_characters(self) -> None:
        assert found(message="") == found(message="券" * 200) == []
        assert found(message="券" * 201) == [("message", "too_long")]

    def test_winners_are_the_first_or_are_drawn(self) -> None:
        assert found(mode="first") == found(mode="draw") == []
        assert found(mode="auction") == [("mode", "unknown")]

    def test_a_draw_has_neither_a_task_nor_a_rehearsal(self) -> None:
        assert ("mode", "unsupported") in found(mode="draw", task=SignInTask())
        assert ("mode", "unsupported") in found(mode="draw", rehearsal=True)

    def test_a_drop_starts_now_or_is_prepared(self) -> None:
        assert found(start="now") == found(start="prepared") == []
        assert found(start="later") == [("start", "unknown")]

    def test_an_audience_is_small_enough_to_travel_with_the_drop(self) -> None:
        names = [f"s{number}" for number in range(501)]
        good = Audience(frozenset(names[:20]), frozenset(names[:500]))
        large = Audience(frozenset(names[:21]), frozenset(names))

        assert found(audience=good) == []
        assert found(audience=large) == [
            ("audience.tags", "too_many"),
            ("audience.students", "too_many"),
        ]

    def test_an_audience_names_possible_students_and_tags(self) -> None:
        odd = Audience(frozenset({"x" * 65}), frozenset({"not a name"}))

        assert found(audience=Audience(frozenset({"x" * 64}), frozenset({"ada"}))) == []
        assert found(audience=odd) == [
            ("audience.tags", "too_long"),
            ("audience.students", "bad_character"),
        ]

    def test_all_that_is_wrong_is_told_at_once(self) -> None:
        metadata = {f"key{number}": "" for number in range(21)}

        assert found(quantity=0, mode="auction", metadata=metadata) == [
            ("quantity", "too_small"),
            ("mode", "unknown"),
            ("metadata", "too_many"),
        ]


class TestBatch:
    def test_any_room_may_drop_of_a_batch_for_any_room(self) -> None:
        assert drop_rules.batch_refusal(a_batch(), "101") is None

    def test_only_rooms_with_a_quota_may_drop_of_a_batch_for_rooms(self) -> None:
        batch = a_batch(rooms=(RoomQuota("101", 10),))

        assert drop_rules.batch_refusal(batch, "101") is None
        assert errors(drop_rules.batch_refusal(batch, "102")) == [
            {"field": "batch_id", "code": "not_for_room"}
        ]

    def test_a_batch_without_a_quantity_has_no_units_to_drop(self) -> None:
        assert errors(drop_rules.batch_refusal(a_batch(quantity=None), "101")) == [
            {"field": "batch_id", "code": "unlimited"}
        ]

    def test_an_unknown_batch_is_refused(self) -> None:
        assert errors(drop_rules.batch_refusal(None, "101")) == [
            {"field": "batch_id", "code": "unknown"}
        ]


class TestWindow:
    WINDOW = ClaimWindow(NOW, NOW + 10 * MINUTE)

    def refusal(self, opens_at: int, closes_at: int) -> Refused | None:
        batch = a_batch(claim_window=self.WINDOW)
        return drop_rules.window_refusal(batch, a_template(), opens_at, closes_at)

    def test_a_drop_may_fill_the_claim_window(self) -> None:
        assert self.refusal(NOW, NOW + 10 * MINUTE) is None

    @pytest.mark.parametrize("opens_at", [NOW - 1, NOW + 10 * MINUTE])
    def test_a_drop_does_not_open_outside_the_claim_window(self, opens_at: int) -> None:
        refused = self.refusal(opens_at, opens_at + MINUTE)

        assert refused is not None
        assert refused.code is Code.WRONG_STATE

    def test_a_drop_does_not_outlast_the_claim_window(self) -> None:
        assert errors(self.refusal(NOW, NOW + 10 * MINUTE + 1)) == [
            {"field": "duration_seconds", "code": "beyond_claim_window"}
        ]

    def test_a_drop_does_not_outlast_the_coupons_validity(self) -> None:
        template = a_template(FixedValidity(NOW, NOW + MINUTE))

        def refusal(closes_at: int) -> Refused | None:
            return drop_rules.window_refusal(a_batch(), template, NOW, closes_at)

        assert refusal(NOW + MINUTE) is None
        assert errors(refusal(NOW + MINUTE + 1)) == [
            {"field": "duration_seconds", "code": "beyond_validity"}
        ]

    def test_a_coupon_that_can_be_used_later_only_may_be_won_now(self) -> None:
        template = a_template(FixedValidity(NOW + MINUTE, NOW + 2 * MINUTE))

        assert drop_rules.window_refusal(a_batch(), template, NOW, NOW + MINUTE) is None


class TestExtension:
    def refusal(self, seconds: int, batch: Batch | None = None) -> Refused | None:
        return drop_rules.extension_refusal(
            batch or a_batch(), a_template(), NOW, NOW + MINUTE, seconds
        )

    def test_a_drop_may_grow_to_a_day(self) -> None:
        assert self.refusal(86_400 - 60) is None
        assert errors(self.refusal(86_400 - 59)) == [{"field": "seconds", "code": "too_large"}]

    def test_an_extension_makes_it_longer(self) -> None:
        assert self.refusal(1) is None
        assert errors(self.refusal(0)) == [{"field": "seconds", "code": "too_small"}]

    def test_a_drop_does_not_grow_beyond_the_claim_window(self) -> None:
        batch = a_batch(claim_window=ClaimWindow(NOW, NOW + 2 * MINUTE))

        assert self.refusal(60, batch) is None
        assert errors(self.refusal(61, batch)) == [{"field": "seconds", "code": "too_large"}]

    def test_a_drop_outside_its_claim_window_is_not_extended(self) -> None:
        batch = a_batch(claim_window=ClaimWindow(NOW + 1, NOW + MINUTE))
        refused = self.refusal(1, batch)

        assert refused is not None
        assert refused.code is Code.WRONG_STATE


def test_a_top_up_adds_and_ends_at_a_million() -> None:
    assert drop_rules.top_up_refusal(1, 999_999) is None
    assert errors(drop_rules.top_up_refusal(0, 10)) == [{"field": "add", "code": "too_small"}]
    assert errors(drop_rules.top_up_refusal(2, 999_999)) == [{"field": "add", "code": "too_large"}]


@pytest.mark.parametrize(
    ("change", "is_waiting"),
    [({}, False), ({"start": "prepared"}, True), ({"opens_in_seconds": 1}, True)],
)
def test_a_drop_that_does_not_open_at_once_waits(change: dict[str, Any], is_waiting: bool) -> None:
    assert drop_rules.waits(DropForm("bat_1", 1, 60, **change)) is is_waiting


def test_one_more_than_may_wait_in_a_room_is_refused() -> None:
    assert drop_rules.waiting_refusal(drop_rules.MAX_WAITING - 1) is None
    found = drop_rules.waiting_refusal(drop_rules.MAX_WAITING)
    assert found is not None
    assert (found.code, found.facts) == (Code.TOO_MANY, {"max": drop_rules.MAX_WAITING})
