"""The texts for every code of the protocol, in both languages."""

import pytest

from client_sdk.python import (
    Claim,
    ClaimState,
    Status,
    claim_text,
    close_reason_text,
    close_text,
    coupon_text,
    error_text,
    outcome_text,
    status_text,
)
from client_sdk.python.text_tables import TEXTS
from client_sdk.python.texts import Language
from server.core.drops.claims import Outcome
from server.core.drops.drops import CloseReason
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
