"""The checker is checked: an intact lesson passes, and each history with one broken promise is caught."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.core.drops.claims import ClaimState
from tests.chaos.final_state import BatchEnd, IssuanceEnd, Screen, StudentView
from tests.chaos.history import (
    ApiReply,
    ApiRequest,
    ClaimTakenBack,
    Confirmed,
    Fault,
    History,
    StudentLeft,
    Tapped,
    read,
)
from tests.unit.chaos.stories import (
    BATCH,
    DROP,
    KEY,
    ROOM,
    Story,
    a_coupon,
    a_desk,
    a_drop,
    a_holder,
    a_ledger,
    a_lesson,
    a_row,
    a_screen,
    an_order,
    answered,
    shown,
    told_ok,
    welcomed,
)


def test_a_lesson_in_which_all_is_as_promised_passes() -> None:
    assert a_lesson().check() == []


def test_an_unknown_outcome_breaks_nothing_by_itself() -> None:
    story = a_lesson().with_(
        ApiRequest(60, 103, "teacher", "open", "key-2"),
        ApiReply(70, 103, "unknown", "unreachable"),
        ApiRequest(60, 104, "shop", "pay", "order-2"),
        ApiReply(70, 104, "unknown", "unavailable"),
        ApiRequest(60, 105, "shop", "pay", "order-3"),
    )
    assert story.check() == []


def an_issuance(**changes: Any) -> IssuanceEnd:
    outcomes = {"ada": "limit_reached", "eve": "issued"}
    coupons = (("eve", "usable"),)
    one = IssuanceEnd("iss_1", "gift-1", "bat_2", "done", 2, 1, outcomes, coupons)
    return replace(one, **changes)


def _given(**changes: Any) -> Story:
    """Ada and eve were to get a coupon of another batch without a tap."""
    asked = ApiRequest(60, 110, "crm", "give", "gift-1", {"students": ("eve", "ada")})
    batches = (BatchEnd(BATCH, 10, 3, 1), BatchEnd("bat_2", 10, 1, 1))
    story = a_lesson().with_(asked, told_ok(110, id="iss_1"))
    return story.ends(issuances=(an_issuance(**changes),), batches=batches)


def test_an_issuance_in_which_each_has_one_outcome_passes() -> None:
    assert _given().check() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "running"},
        {"outcomes": {"ada": None, "eve": "issued"}},
        {"outcomes": {"ada": "issued", "eve": "issued"}},
        {"outcomes": {"eve": "issued"}, "asked": 1},
        {"issued": 2},
        {"coupons": ()},
        {"coupons": (("eve", "usable"), ("eve", "usable"))},
        {"coupons": (("eve", "usable"), ("bob", "usable"))},
        {"id": "iss_2"},
    ],
)
def test_an_issuance_that_does_not_add_up_is_caught(changes: dict[str, Any]) -> None:
    assert _given(**changes).promises() == {"I10"}


def test_an_issued_coupon_counts_for_the_limit_of_taps() -> None:
    """Ada has won a coupon of this batch already."""
    given = {"outcomes": {"ada": "issued", "eve": "stock_short"}, "coupons": (("ada", "usable"),)}
    assert _given(**given, batch_id=BATCH).promises() == {"I10"}
    revoked = {**given, "coupons": (("ada", "revoked"),)}
    assert _given(**revoked, batch_id=BATCH).promises() == set()


def test_an_issuance_that_was_made_twice_is_caught() -> None:
    twice = (an_issuance(), an_issuance(id="iss_2", coupons=(), issued=0, outcomes={}, asked=0))
    assert _given().ends(issuances=twice).promises() == {"I10"}


def _oversold() -> Story:
    rows = tuple(a_row(f"s{n}", n) for n in range(1, 5))
    return a_lesson().ends(claims=(*rows,))


def _one_unit_twice() -> Story:
    return a_lesson().ends(claims=(a_row("ada", 1), a_row("bob", 1)))


def _more_winners_than_units() -> Story:
    return a_lesson().with_(answered("dora"), answered("emil"))


def _beyond_the_batch() -> Story:
    return a_lesson().ends(batches=(BatchEnd(BATCH, 1, 1, 1),))


def _two_of_a_drop() -> Story:
    more = a_row("ada", 3, id="clm_more", slot=2)
    return a_lesson().ends(claims=(*a_lesson().final_state.claims, more))


def _more_of_a_batch_than_allowed() -> Story:
    other = a_row("ada", 1, id="clm_other", drop_id="drp_2")
    return a_lesson().ends(claims=(*a_lesson().final_state.claims, other))


def _a_win_lost() -> Story:
    return a_lesson().with_(answered("cleo"))


def _another_requests_win() -> Story:
    return a_lesson().ends(claims=(a_row("ada", 1, request_id="another"), a_row("bob", 2)))


def _a_confirmed_coupon_gone() -> Story:
    return a_lesson().ends(coupons=(a_coupon("ada", state="redeemed", redemption_id="rdm_1"),))


def _a_win_taken_back() -> Story:
    rows = (a_row("ada", 1), a_row("bob", 2, state="revoked"))
    return a_lesson().ends(claims=rows).with_(ClaimTakenBack(60, "bob", DROP, "claim_revoked"))


def _never_confirmed() -> Story:
    holders = {"ada": a_holder("ada", 1), "bob": a_holder("bob", 2, ClaimState.WON)}
    return a_lesson().drop_ends(desk=a_desk(holders=holders))


def _not_in_the_teachers_list() -> Story:
    return a_lesson().drop_ends(listed=(("ada", "confirmed"),))


def _a_dead_letter() -> Story:
    return a_lesson().ends(dead_letters=("clm_dead",))


def _refused_after_a_win() -> Story:
    return a_lesson().with_(answered("ada", "sold_out", at=60, asked_at=50, way="again"))


def _two_coupons() -> Story:
    return a_lesson().with_(Confirmed(60, "ada", DROP, "code-ada-2"))


def _created_twice() -> Story:
    return a_lesson().ends(drops=(a_drop(), a_drop(id="drp_2")))


def _answered_with_two_drops() -> Story:
    return a_lesson().with_(ApiRequest(3, 110, "teacher", "open", KEY), told_ok(110, id="drp_2"))


def _a_claim_forgotten_by_a_welcome() -> Story:
    return a_lesson().with_(welcomed("ada", 9, 60))


def _another_picture() -> Story:
    other = StudentView({DROP: "open 2 left"}, {})
    return a_lesson().ends(screens=(a_screen("ada", view=other),))


def _shown_twice() -> Story:
    return a_lesson().with_(shown("ada", 0, "drop_opened", 1))


def _shown_to_some_only() -> Story:
    story = a_lesson()
    story.events = [one for one in story.events if one != shown("cleo", 2, "drop_opened", 1)]
    return story


def _units_do_not_add_up() -> Story:
    return a_lesson().drop_ends(desk=a_desk(next=4))


def _desk_and_ledger_differ() -> Story:
    desk = a_desk(holders={"ada": a_holder("ada", 1)}, live=1, free=frozenset({2}))
    return a_lesson().drop_ends(desk=desk)


def _closed_with_units_missing() -> Story:
    return a_lesson().drop_ends(ledger=a_ledger(state="closed", returned=0))


def _the_service_sees_a_difference() -> Story:
    return a_lesson().drop_ends(difference=1)


def _never_answered() -> Story:
    return a_lesson().with_(Tapped(60, "dora", DROP, "r-dora"))


def _told_an_error() -> Story:
    return a_lesson().with_(answered("dora", "internal"))


def _spent_twice() -> Story:
    return a_lesson().ends(redemptions=(an_order(), an_order(id="rdm_2", order_id="order-2")))


def _told_redeemed_and_is_not() -> Story:
    coupons = a_coupon("ada", state="locked", redemption_id="rdm_1"), a_coupon("bob")
    return a_lesson().ends(redemptions=(an_order(state="locked"),), coupons=coupons)


def _parts_that_do_not_add_up() -> Story:
    return a_lesson().ends(redemptions=(an_order(line_discounts=(999,)),))


def _a_card_that_others_do_not_have() -> Story:
    others = StudentView({}, {})
    mine = StudentView({DROP: "closed stopped"}, {})
    return a_lesson().ends(screens=(Screen("cleo", ROOM, mine, (others, others)),))


def _shown_what_the_welcome_has() -> Story:
    return a_lesson().with_(welcomed("cleo", 9, 60), shown("cleo", 9, "drop_opened", 1))


def _shown_another_epoch_without_a_welcome() -> Story:
    return a_lesson().with_(replace(shown("cleo", 2, "drop_changed", 2), epoch="f"))


@pytest.mark.parametrize(
    ("promise", "story"),
    [
        ("I1", _oversold),
        ("I1", _one_unit_twice),
        ("I1", _more_winners_than_units),
        ("I1", _beyond_the_batch),
        ("I2", _two_of_a_drop),
        ("I2", _more_of_a_batch_than_allowed),
        ("I3", _a_win_lost),
        ("I3", _another_requests_win),
        ("I3", _a_confirmed_coupon_gone),
        ("I3", _a_win_taken_back),
        ("I3", _never_confirmed),
        ("I3", _not_in_the_teachers_list),
        ("I3", _a_dead_letter),
        ("I4", _refused_after_a_win),
        ("I4", _two_coupons),
        ("I4", _created_twice),
        ("I4", _answered_with_two_drops),
        ("I5", _a_claim_forgotten_by_a_welcome),
        ("I5", _another_picture),
        ("I5", _shown_twice),
        ("I5", _shown_to_some_only),
        ("I5", _a_card_that_others_do_not_have),
        ("I5", _shown_what_the_welcome_has),
        ("I5", _shown_another_epoch_without_a_welcome),
        ("I6", _units_do_not_add_up),
        ("I6", _desk_and_ledger_differ),
        ("I6", _closed_with_units_missing),
        ("I6", _the_service_sees_a_difference),
        ("told", _never_answered),
        ("told", _told_an_error),
        ("money", _spent_twice),
        ("money", _told_redeemed_and_is_not),
        ("money", _parts_that_do_not_add_up),
    ],
)
def test_a_broken_promise_is_caught(promise: str, story: Callable[[], Story]) -> None:
    assert promise in story().promises()


def test_an_answer_that_was_overtaken_is_no_change_of_mind() -> None:
    """Asked before the win was known: the two were decided in either order."""
    late = answered("ada", "sold_out", at=60, asked_at=10, way="http")
    assert a_lesson().with_(late).check() == []


def test_put_off_is_no_answer() -> None:
    story = a_lesson().with_(
        Tapped(60, "dora", DROP, "r-dora"), answered("dora", "retry", at=70, asked_at=60)
    )
    assert story.promises() == {"told"}


def test_who_left_need_not_be_answered() -> None:
    gone = Tapped(60, "dora", DROP, "r-dora"), StudentLeft(70, "dora")
    assert a_lesson().with_(*gone).check() == []


def test_a_welcome_on_its_way_need_not_know_what_was_won_meanwhile() -> None:
    early = replace(welcomed("ada", 9, 60), since=5)
    assert a_lesson().with_(early).check() == []


def test_a_drop_that_came_to_nothing_need_not_be_shown() -> None:
    story = _shown_to_some_only().drop_ends(ledger=a_ledger(live_claims=0, held=0, redeemed=0))
    assert not any("never heard" in text for text in story.texts())


def test_a_history_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    with (tmp_path / "history").open("w") as log:
        written = History(log)
        for event in [*a_lesson().events, Fault(1, 1, "kill", "redis", "begin")]:
            written.note(event)
    assert read(tmp_path / "history").events == written.events
