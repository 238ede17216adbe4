"""The words of messages, in Chinese and English, for channels that cannot choose their student's language.

Used by the flow that sends messages. Pages choose by their reader: the same sentences, by `kind`, are in the
SDKs (client_sdk/python/texts.py and its twin).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from server.core import instants
from server.core.messages import MAX_TEXT, Message, MessageKind

Language = Literal["zh", "en"]

# Without a name and a date; with a name; with both.
_TEXTS: Final[Mapping[Language, Mapping[MessageKind, tuple[str, str, str]]]] = {
    "zh": {
        MessageKind.COUPON_ISSUED: (
            "你收到一张优惠券。",
            "你收到一张优惠券:{name}。",
            "你收到一张优惠券:{name},请在{use_by}前使用。",
        ),
        MessageKind.COUPON_EXPIRES: (
            "你有一张优惠券即将到期。",
            "你的优惠券“{name}”即将到期。",
            "你的优惠券“{name}”将于{use_by}到期。",
        ),
        MessageKind.OFFER: (
            "老师为你留了一张优惠券。",
            "老师为你留了一张优惠券:{name}。",
            "老师为你留了一张优惠券:{name},请在{use_by}前领取。",
        ),
        MessageKind.NOTICE: ("你有一条新消息。",) * 3,
    },
    "en": {
        MessageKind.COUPON_ISSUED: (
            "You have a new coupon.",
            "You have a new coupon: {name}.",
            "You have a new coupon: {name}. Use it before {use_by}.",
        ),
        MessageKind.COUPON_EXPIRES: (
            "One of your coupons ends soon.",
            "Your coupon “{name}” ends soon.",
            "Your coupon “{name}” ends on {use_by}.",
        ),
        MessageKind.OFFER: (
            "Your teacher has kept a coupon for you.",
            "Your teacher has kept a coupon for you: {name}.",
            "Your teacher has kept a coupon for you: {name}. Take it before {use_by}.",
        ),
        MessageKind.NOTICE: ("You have a new message.",) * 3,
    },
}
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def text_of(message: Message, language: Language, zone: ZoneInfo) -> str:
    """Return the text of a message: the sender's own, or that of its kind. At most 200 characters."""
    if message.text is not None:
        return message.text
    bare, named, dated = _TEXTS[language][message.kind]
    name, use_by = message.data.get("name"), message.data.get("use_by")
    if not isinstance(name, str):
        return bare
    if not isinstance(use_by, str):
        return named.format(name=name)[:MAX_TEXT]
    return dated.format(name=name, use_by=_day(use_by, language, zone))[:MAX_TEXT]


def _day(moment: str, language: Language, zone: ZoneInfo) -> str:
    """Return an instant as a day and a time of the school, as in 12月24日 20:00 and 24 Dec, 20:00."""
    local = datetime.fromtimestamp(instants.from_text(moment) / 1000, zone)
    clock = f"{local.hour:02d}:{local.minute:02d}"
    if language == "zh":
        return f"{local.month}月{local.day}日 {clock}"
    return f"{local.day} {_MONTHS[local.month - 1]}, {clock}"
