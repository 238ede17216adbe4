"""Issuances: who is held out, who of a piece gets coupons, when one starts."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.coupons.issuance_stock import BatchStock, allocate_stock
from server.core.coupons.issuances import (
    Issuance,
    IssuanceItem,
    IssuanceSource,
    IssuanceState,
    ItemOutcome,
    NewIssuance,
    Standing,
    first_state,
    is_held_out,
    is_small,
    standing_outcome,
    violations,
    window_refusal,
)
from server.core.ids import BatchId, StudentId
from server.core.promotions.batches import Batch, ClaimWindow
from server.core.promotions.campaigns import Campaign
from server.core.promotions.templates import (
    AmountOff,
    FixedValidity,
    RelativeValidity,
    Scope,
    Template,
    TemplateForm,
    Threshold,
)

A, B = BatchId("bat_a"), BatchId("bat_b")
ANN, BOB, EVE = StudentId("ann"), StudentId("bob"), StudentId("eve")
FORM = NewIssuance(reason="sorry", batch_id="bat_a")
MONEY, PIECES = ("cmp_1", "money"), ("cmp_1", "pieces")


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        (replace(FORM, reason=" "), ("reason", "too_short")),
        (replace(FORM, reason="x" * 201), ("reason", "too_long")),
        (replace(FORM, hold_out_percent=-1), ("hold_out_percent", "too_small")),
        (replace(FORM, hold_out_percent=101), ("hold_out_percent", "too_large")),
        (replace(FORM, metadata={str(n): "" for n in range(21)}), ("metadata", "too_many")),
    ],
)
def test_a_bad_form_is_named(form: NewIssuance, fault: tuple[str, str]) -> None:
    assert [(one.field, one.code) for one in violations(form)] == [fault]


def test_a_good_form_has_no_fault() -> None:
    assert [*violations(replace(FORM, hold_out_percent=100))] == []


def test_nobody_is_held_out_at_0_and_everybody_at_100() -> None:
    students = [f"s{n}" for n in range(100)]
    assert not any(is_held_out("bat_a", one, 0) for one in students)
    assert all(is_held_out("bat_a", one, 100) for one in students)


def test_who_is_held_out_follows_the_published_hash() -> None:
    # SHA-256("holdout|bat_a|ann"): the first 8 bytes modulo 10,000.
    import hashlib  # noqa: PLC0415 - the published formula, written once more

    digest = hashlib.sha256(b"holdout|bat_a|ann").digest()
    number = int.from_bytes(digest[:8], "big") % 10_000
    for percent in range(101):
        assert is_held_out("bat_a", "ann", percent) == (number < 100 * percent)


def test_a_larger_share_holds_out_the_same_students_and_more() -> None:
    students = [f"s{n}" for n in range(1_000)]
    ten = {one for one in students if is_held_out("bat_a", one, 10)}
    twenty = {one for one in students if is_held_out("bat_a", one, 20)}
    assert ten < twenty
    assert 60 < len(ten) < 140


@pytest.mark.parametrize(
    ("send_at", "counts_down", "expected"),
    [
        (None, False, (IssuanceState.RUNNING, 1_000)),
        (None, True, (IssuanceState.COUNTING_DOWN, 1_600)),
        (1_500, False, (IssuanceState.SCHEDULED, 1_500)),
        (1_500, True, (IssuanceState.COUNTING_DOWN, 1_600)),
        (2_000, True, (IssuanceState.SCHEDULED, 2_000)),
        (500, False, (IssuanceState.RUNNING, 1_000)),
    ],
)
def test_when_it_starts(
    send_at: int | None, counts_down: bool, expected: tuple[IssuanceState, int]
) -> None:
    assert (
        first_state(replace(FORM, send_at=send_at), 1_000, 600, counts_down=counts_down) == expected
    )


def test_without_a_time_to_undo_it_starts_at_once() -> None:
    assert first_state(FORM, 1_000, 0, counts_down=True) == (IssuanceState.RUNNING, 1_000)


def test_it_is_small_up_to_twenty_different_students() -> None:
    twenty = [f"s{n}" for n in range(20)]
    assert is_small(FORM, [*twenty, "s1"])
    assert not is_small(FORM, [*twenty, "another"])
    assert not is_small(replace(FORM, source=IssuanceSource.AUDIENCE), [])


def test_units_go_to_the_first_while_they_last() -> None:
    allocation = allocate_stock({ANN: (A,), BOB: (A,), EVE: (A,)}, BatchStock({A: 2}))
    assert allocation.given == (ANN, BOB)
    assert allocation.short == {EVE: ItemOutcome.STOCK_SHORT}


def test_an_unlimited_batch_is_never_short() -> None:
    assert allocate_stock({ANN: (A, A), BOB: (A,)}, BatchStock({A: None})).given == (ANN, BOB)


def test_a_pack_is_given_whole_or_not_at_all() -> None:
    allocation = allocate_stock({ANN: (A, A, B), BOB: (A,)}, BatchStock({A: 1, B: 5}))
    assert allocation.given == (BOB,)
    assert allocation.short == {ANN: ItemOutcome.STOCK_SHORT}


def test_a_budget_limits_like_stock() -> None:
    prices = {A: {MONEY: 500, PIECES: 1}}
    stock = BatchStock({A: None}, {MONEY: 1_000}, prices)
    allocation = allocate_stock({ANN: (A,), BOB: (A,), EVE: (A,)}, stock)
    assert (allocation.given, allocation.short) == ((ANN, BOB), {EVE: ItemOutcome.BUDGET_SHORT})


def test_a_short_stock_is_said_before_a_short_budget() -> None:
    stock = BatchStock({A: 0}, {MONEY: 0}, {A: {MONEY: 1}})
    assert allocate_stock({ANN: (A,)}, stock).short == {ANN: ItemOutcome.STOCK_SHORT}


@given(
    grants=st.dictionaries(
        st.text("abc", min_size=1, max_size=3).map(StudentId),
        st.lists(st.sampled_from([A, B]), max_size=4).map(tuple),
        max_size=12,
    ),
    left=st.tuples(st.integers(0, 6), st.integers(0, 6)),
    pieces=st.integers(0, 8),
)
def test_never_more_is_given_than_there_is(
    grants: dict[StudentId, tuple[BatchId, ...]], left: tuple[int, int], pieces: int
) -> None:
    prices = {A: {PIECES: 1}, B: {PIECES: 1}}
    allocation = allocate_stock(
        grants, BatchStock({A: left[0], B: left[1]}, {PIECES: pieces}, prices)
    )
    given_out = [one for student in allocation.given for one in grants[student]]
    assert given_out.count(A) <= left[0]
    assert given_out.count(B) <= left[1]
    assert len(given_out) <= pieces
    assert {*allocation.given} | allocation.short.keys() == grants.keys()
    assert not {*allocation.given} & allocation.short.keys()


def test_a_stop_comes_before_a_closed_window() -> None:
    good, stopped, closed = Standing(False, True), Standing(True, False), Standing(False, False)
    assert standing_outcome([good, good]) is None
    assert standing_outcome([good, stopped, closed]) is ItemOutcome.STOPPED
    assert standing_outcome([good, closed]) is ItemOutcome.NOT_ELIGIBLE


def _batch(window: ClaimWindow | None) -> Batch:
    return Batch(
        id=A,
        template_id="tpl_1",
        template_version=1,
        name="",
        quantity=1,
        channel="",
        per_student=1,
        code_prefix="",
        hold_seconds=None,
        campaign_id=None,
        rooms=None,
        claim_window=window,
        shard=0,
        metadata={},
        created_by="",
        created_at=0,
    )


def _template(validity: FixedValidity | RelativeValidity) -> Template:
    form = TemplateForm(
        name="",
        description="",
        currency="CNY",
        discount=AmountOff(1),
        threshold=Threshold(),
        scope=Scope(),
        validity=validity,
    )
    return Template(form, "tpl_1", 1)


def _campaign(starts_at: int, ends_at: int) -> Campaign:
    return Campaign(
        id="cmp_1",
        name="",
        purpose="",
        starts_at=starts_at,
        ends_at=ends_at,
        phases=(),
        per_student=None,
        metadata={},
        created_by="",
        created_at=0,
    )


@pytest.mark.parametrize(
    ("window", "campaign", "is_refused"),
    [
        (None, None, False),
        (ClaimWindow(10, 20), None, False),
        (ClaimWindow(11, 20), None, True),
        (ClaimWindow(5, 10), None, True),
        (None, _campaign(10, 11), False),
        (None, _campaign(11, 20), True),
        (None, _campaign(0, 10), True),
    ],
)
def test_coupons_go_out_within_the_windows(
    window: ClaimWindow | None, campaign: Campaign | None, is_refused: bool
) -> None:
    refusal = window_refusal(_batch(window), _template(RelativeValidity(60)), campaign, 10)
    assert (refusal is not None) == is_refused


def test_no_coupon_goes_out_that_is_over() -> None:
    batch, over = _batch(None), _template(FixedValidity(0, 10))
    assert window_refusal(batch, over, None, 9) is None
    assert window_refusal(batch, over, None, 10) is not None


def test_what_is_decided_adds_up_and_a_student_is_the_cursor() -> None:
    issuance = Issuance(
        id="iss_1",
        batch_id="bat_a",
        pack_id=None,
        source=IssuanceSource.API,
        source_id=None,
        reason="",
        state=IssuanceState.RUNNING,
        created_by="",
        created_at=0,
        due_at=0,
        asked=10,
        issued=3,
        refused=2,
        held_out=1,
    )
    assert issuance.decided == 6
    assert IssuanceItem(ANN, None).id == "ann"
