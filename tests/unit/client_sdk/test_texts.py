"""The texts for every code of the protocol, in both languages."""

from typing import cast

import pytest

from client_sdk.python import (
    Claim,
    ClaimState,
    Status,
    claim_text,
    close_reason_text,
    close_text,
    coupon_text,
    duration_text,
    error_text,
    outcome_text,
    status_text,
    why_text,
)
from client_sdk.python.shapes import Why
from client_sdk.python.text_tables import TEXTS
from client_sdk.python.texts import Language
from server.core.drops.claims import Outcome
from server.core.drops.drops import CloseReason
from server.core.drops.why import WhyReason
from server.core.refusals import Code
from server.gateway.sockets import close_reasons

LANGUAGES: tuple[Language, ...] = ("zh", "en")


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_its_text(outcome: str) -> None:
    assert outcome in TEXTS["outcome"]


@pytest.mark.parametrize("code", Code)
def test_every_error_code_has_its_text(code: str) -> None:
    assert code in TEXTS["error"]


@pytest.mark.parametrize("state", ClaimState)
def test_every_state_of_a_claim_has_its_text(state: str) -> None:
    assert state in TEXTS["claim"]


@pytest.mark.parametrize("status", Status)
def test_every_status_has_its_text(status: str) -> None:
    assert status in TEXTS["status"]


@pytest.mark.parametrize("reason", sorted(set(CloseReason) - {CloseReason.CANCELLED}))
def test_every_reason_for_closing_has_its_text(reason: str) -> None:
    assert reason in TEXTS["drop_closed"]


# All that a refusal may tell; each reason uses what it has.
FACTS = {"units": 500, "tap": 1_204, "after_ms": 412, "most": 2, "used": 2, "in_ms": 3_000}
TASK = {"done": 1, "needed": 3}
PARTS: dict[str, tuple[dict[str, str], ...]] = {
    "limit": tuple({"limit": name} for name in ("batch", "campaign", "person", "device")),
    "task_open": tuple(
        {"kind": kind} for kind in ("watch", "answer", "sign_in", "invite", "event")
    ),
}


@pytest.mark.parametrize("reason", WhyReason)
def test_every_reason_of_a_refusal_is_one_sentence_in_both_languages(reason: WhyReason) -> None:
    general = {why_text(cast("Why", {"reason": "of a later version"}), one) for one in LANGUAGES}
    for part in PARTS.get(reason.value, ({},)):
        why = cast("Why", {"reason": reason.value, **FACTS, **TASK, **part})
        zh, en = why_text(why, "zh"), why_text(why, "en")
        assert zh != en
        assert not {zh, en} & general, reason
        assert not set("{}?") & set(zh + en), (zh, en)
        claim = Claim("d", ClaimState.REFUSED, outcome="sold_out", why=why)
        assert (claim_text(claim, "zh"), claim_text(claim, "en")) == (zh, en)


def test_what_a_receipt_says_later_is_a_sentence_too() -> None:
    taken = cast("Why", {"reason": "taken", "units": 500, "last_at": "2026-03-01T09:00:00.000Z"})
    ended = cast("Why", {"reason": "ended", "closed_at": "2026-03-01T09:00:00.000Z"})
    assert why_text(taken, "en") == "There were 500 coupons, and all of them were taken."
    assert why_text(taken) == "共 500 张，已全部被领走。"
    assert why_text(ended, "en") == "This drop is over."


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("why", close_reasons.ALL, ids=lambda why: why.word)
def test_every_close_has_its_text_by_code_and_by_word(
    why: close_reasons.SocketClose, language: Language
) -> None:
    known = {text[LANGUAGES.index(language)] for text in TEXTS["close"].values()}
    assert close_text(why.code, language) in known | {error_text(why.word, language)}
    assert error_text(why.word, language) != error_text("no such word", language)


def test_no_text_is_missing_or_left_in_the_other_language() -> None:
    for table in TEXTS.values():
        for zh, en in table.values():
            assert any("\u4e00" <= letter <= "\u9fff" for letter in zh), zh
            assert en.strip(), zh
            assert en.replace("…", "").isascii(), en


def test_words_of_a_later_version_get_a_text_too() -> None:
    assert outcome_text("golden_ticket", "en") == TEXTS["outcome"]["other"][1]
    assert error_text("new_code") == TEXTS["error"]["other"][0]
    assert status_text("teleporting") == TEXTS["status"]["other"][0]
    assert close_reason_text("flood") == TEXTS["drop_closed"]["other"][0]


def test_an_unknown_close_says_whether_it_comes_back() -> None:
    assert close_text(4321, "en") == TEXTS["close"]["lost"][1]
    assert close_text(4777, "en") == TEXTS["close"]["other"][1]


def test_limit_reached_says_which_limit() -> None:
    assert outcome_text("limit_reached", "en", {"limit": "device"}).startswith("This device")
    assert outcome_text("limit_reached", "en", {"limit": "moon"}) == outcome_text(
        "limit_reached", "en"
    )


def test_facts_fill_their_places() -> None:
    assert "还剩 3 张" in error_text("stock_short", "zh", {"available": 3})
    assert "? left" in error_text("stock_short", "en")


def test_a_code_that_is_refused_says_which_limit_it_was() -> None:
    said = error_text("limit_reached", "en", {"limit": "campaign"})

    assert said == outcome_text("limit_reached", "en", {"limit": "campaign"})
    assert "campaign" in said
    assert error_text("limit_reached", "en") == TEXTS["error"]["limit_reached"][1]


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        (Claim("d", ClaimState.CONFIRMED), TEXTS["claim"]["confirmed"]),
        (Claim("d", ClaimState.REFUSED), TEXTS["claim"]["refused"]),
        (Claim("d", ClaimState.REFUSED, outcome="sold_out"), TEXTS["outcome"]["sold_out"]),
        (Claim("d", ClaimState.REFUSED, outcome="not_found"), TEXTS["error"]["not_found"]),
        (
            Claim("d", ClaimState.REFUSED, outcome="limit_reached", limit="person"),
            TEXTS["outcome"]["limit_person"],
        ),
    ],
)
def test_a_claim_is_told_by_its_outcome_where_refused(claim: Claim, text: tuple[str, str]) -> None:
    assert (claim_text(claim), claim_text(claim, "en")) == text


def test_every_state_of_a_coupon_is_told_with_its_date() -> None:
    states = ("usable", "locked", "redeemed", "expired")
    for language in LANGUAGES:
        told = {state: coupon_text(state, language, {"at": "14:32"}) for state in states}
        assert all("14:32" in words for words in told.values()), told
        assert coupon_text("voided", language) != coupon_text("pawned", language)


WHYS: list[tuple[Why, str, str]] = [
    (
        {"reason": "taken", "units": 500, "after_ms": 412, "tap": 1204},
        "共 500 张，你是第 1,204 次点击，比最后一张被领走晚了 412 毫秒。",
        "500 coupons; yours was tap 1,204, 412 ms after the last one went.",
    ),
    (
        {"reason": "limit", "limit": "batch", "most": 2, "used": 2},
        "这种券每人最多 2 张，你已经领过 2 张。",
        "At most 2 of this coupon for each student, and you have had 2.",
    ),
    (
        {"reason": "not_yet", "in_ms": 61_500},
        "还有1 分钟才开始，你点早了。",
        "It opens 1 min after your tap.",
    ),
    (
        {"reason": "ended", "after_ms": 1_290},
        "你点击时，领取已经结束 1.2 秒。",
        "Claiming ended 1.2 s before your tap.",
    ),
    (
        {"reason": "taken", "units": 1, "tap": 2},
        "共 1 张，你是第 2 次点击，那时已经没有了。",
        "1 coupon; yours was tap 2, and it was gone.",
    ),
    (
        {"reason": "taken", "units": 1, "tap": 2, "after_ms": 400},
        "共 1 张，你是第 2 次点击，比它被领走晚了 400 毫秒。",
        "1 coupon; yours was tap 2, 400 ms after it went.",
    ),
    (
        {"reason": "taken", "units": 1},
        "共 1 张，已被领走。",
        "There was 1 coupon, and it was taken.",
    ),
    (
        {"reason": "task_open", "kind": "watch", "done": 3, "needed": 10, "tap": 7},
        "要先看满 10 分钟，你看了 3 分钟。",
        "Watch first: 3 of 10 min so far.",
    ),
    (
        {"reason": "task_open", "kind": "dance", "done": 0, "needed": 1},
        "先完成任务，再来领取。",
        "Do the task first, then claim.",
    ),
]


@pytest.mark.parametrize(("why", "zh", "en"), WHYS)
def test_a_refusal_is_explained_in_one_sentence(why: Why, zh: str, en: str) -> None:
    assert (why_text(why), why_text(why, "en")) == (zh, en)
    claim = Claim("d", ClaimState.REFUSED, outcome="sold_out", why=why)
    assert (claim_text(claim), claim_text(claim, "en")) == (zh, en)


@pytest.mark.parametrize("reason", sorted(set(WhyReason) - {WhyReason.LIMIT}))
def test_every_reason_has_its_sentence(reason: str) -> None:
    assert reason in TEXTS["why"]


def test_a_duration_is_said_in_its_unit() -> None:
    told = [duration_text(ms, "en") for ms in (0, 999, 1_000, 59_999, 60_000, 3_600_000)]
    assert told == ["0 ms", "999 ms", "1.0 s", "59.9 s", "1 min", "1 h"]
