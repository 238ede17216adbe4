"""Texts for people: every outcome, error code, close code and state in Chinese and English.

Each text says what the reader can do now. Called by programs that show something. A word that this SDK
does not know gets a general text. Places like `{available}` are filled from `facts`. Twin of
`javascript/texts.js`; a test compares the two.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal

from client_sdk.python.frames import is_reconnectable
from client_sdk.python.shapes import Claim, ClaimState, Why
from client_sdk.python.text_tables import CLOSE_WORDS, ERROR_FRAME_WORDS, TEXTS

Language = Literal["zh", "en"]

_SECOND, _MINUTE, _HOUR = 1_000, 60_000, 3_600_000
_KNOWN_REASONS: Final = frozenset(["limit", *TEXTS["why"]])
_NO_FACTS: Final[Mapping[str, object]] = {}


def outcome_text(
    outcome: str, language: Language = "zh", facts: Mapping[str, object] = _NO_FACTS
) -> str:
    """Return the text of a claim's outcome. `facts["limit"]` (batch, device, person, campaign) names the
    limit that was reached."""
    exact = f"limit_{facts.get('limit')}" if outcome == "limit_reached" else outcome
    return _text("outcome", exact if exact in TEXTS["outcome"] else outcome, language)


def claim_text(claim: Claim, language: Language = "zh") -> str:
    """Return the text of a claim: of its outcome where it was refused, else of its state."""
    if claim.state is not ClaimState.REFUSED or claim.outcome is None:
        return _text("claim", claim.state, language)
    if claim.outcome not in TEXTS["outcome"]:
        return error_text(claim.outcome, language)
    if claim.why is not None and claim.why["reason"] in _KNOWN_REASONS:
        return why_text(claim.why, language)
    return outcome_text(claim.outcome, language, {"limit": claim.limit})


def why_text(why: Why, language: Language = "zh") -> str:
    """Return why a claim was refused, as one sentence.

    A reason that this SDK does not know gets a general text."""
    word: str = why["reason"]
    if word == "limit":
        word = f"limit_{why.get('limit')}"
    elif (
        word in ("taken", "ended") and "after_ms" not in why
    ):  # asked for later: `ended` and no tap
        word = "gone" if word == "ended" else "taken_before" if "tap" in why else "taken_all"
    elif word == "task_open" and f"task_{why.get('kind')}" in TEXTS["why"]:
        word = f"task_{why['kind']}"
    if why.get("units") == 1 and f"{word}_one" in TEXTS["why"]:
        word += "_one"
    facts: dict[str, object] = {
        name: f"{number:,}"
        for name in ("units", "tap", "most", "used", "done", "needed")
        if isinstance(number := why.get(name), int)
    }
    for name, place in (("after_ms", "after"), ("in_ms", "in")):
        if isinstance(ms := why.get(name), int):
            facts[place] = duration_text(ms, language)
    return _filled(_text("why", word, language), facts)


def duration_text(ms: int, language: Language = "zh") -> str:
    """Return a duration in the unit that says it best: ms, seconds with one decimal, minutes or hours."""
    if ms < _SECOND:
        unit, number = "ms", str(ms)
    elif ms < _MINUTE:
        unit, number = "s", f"{ms // _SECOND}.{ms % _SECOND // 100}"
    elif ms < _HOUR:
        unit, number = "min", str(ms // _MINUTE)
    else:
        unit, number = "h", f"{ms // _HOUR:,}"
    return _filled(_text("duration", unit, language), {"n": number})


def coupon_text(
    state: str, language: Language = "zh", facts: Mapping[str, object] = _NO_FACTS
) -> str:
    """Return the text of a coupon's state.

    `facts["at"]` is the date that belongs to it: until when it is locked or usable, or since when it is
    redeemed, expired or voided.
    """
    return _filled(_text("coupon", state, language), facts)


def close_reason_text(reason: str, language: Language = "zh") -> str:
    """Return the text of the reason why a drop is closed."""
    return _text("drop_closed", reason, language)


def status_text(status: str, language: Language = "zh") -> str:
    """Return the text of a status of the connection."""
    return _text("status", status, language)


def close_text(code: int, language: Language = "zh") -> str:
    """Return why the connection ended, by its close code."""
    word = CLOSE_WORDS.get(code, "lost" if is_reconnectable(code) else "other")
    return _text("close" if word in TEXTS["close"] else "error", word, language)


def error_text(
    code: str, language: Language = "zh", facts: Mapping[str, object] = _NO_FACTS
) -> str:
    """Return the text of the code of an `ApiError` or of an `error` event, filled with its facts."""
    if f"limit_{facts.get('limit')}" in TEXTS["outcome"]:
        return outcome_text(code, language, facts)
    close = ERROR_FRAME_WORDS.get(code)
    found = _text("close", close, language) if close else _text("error", code, language)
    return _filled(found, facts)


def _filled(words: str, facts: Mapping[str, object]) -> str:
    return re.sub(r"\{(\w+)\}", lambda place: str(facts.get(place[1], "?")), words)


def _text(table: str, word: str, language: Language) -> str:
    texts = TEXTS[table]
    return texts.get(word, texts["other"])[1 if language == "en" else 0]
