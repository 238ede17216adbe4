"""The words of messages that have no text of their own."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from server.core.events.message_texts import Language, text_of
from server.core.messages import Channel, Message, MessageKind, MessageState

SHANGHAI = ZoneInfo("Asia/Shanghai")
PLAIN = Message(
    id="msg_1",
    cap_key="msg_0",
    student="ann",
    kind=MessageKind.COUPON_EXPIRES,
    channel=Channel.IN_APP,
    state=MessageState.QUEUED,
    text=None,
    data={},
    created_at=0,
    not_before=0,
    expires_at=1,
)
FULL = {"name": "减50元", "use_by": "2026-12-24T12:00:00.000Z"}


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("zh", "你的优惠券“减50元”将于12月24日 20:00到期。"),
        ("en", "Your coupon “减50元” ends on 24 Dec, 20:00."),
    ],
)
def test_the_date_is_the_schools(language: Language, said: str) -> None:
    assert text_of(replace(PLAIN, data=FULL), language, SHANGHAI) == said


def test_without_a_date_or_a_name_the_sentence_is_shorter() -> None:
    named = text_of(replace(PLAIN, data={"name": "A"}), "en", SHANGHAI)

    assert named == "Your coupon “A” ends soon."
    assert text_of(PLAIN, "en", SHANGHAI) == "One of your coupons ends soon."


def test_the_senders_text_is_kept() -> None:
    assert text_of(replace(PLAIN, text="Hi", data=FULL), "zh", SHANGHAI) == "Hi"


@pytest.mark.parametrize("kind", list(MessageKind))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_kind_has_a_text_of_at_most_200_characters(
    kind: MessageKind, language: Language
) -> None:
    long = replace(PLAIN, kind=kind, data={**FULL, "name": "x" * 300})

    assert 0 < len(text_of(long, language, SHANGHAI)) <= 200
