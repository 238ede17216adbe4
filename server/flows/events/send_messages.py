"""Send the messages that are due: decide what becomes of each, then pass it to its channel.

Driven by workers, any number of them. Order, and why:

1. one transaction reads a page of due messages with what is known of them, decides (core/events/
   message_rules.py), and leases those to be sent. It counts them against the cap already, so that two workers
   never both find room for one more. Transactions of this kind follow one another;
2. the channel gets them: the feed of all rooms, the event log, or the mail server;
3. what was sent is marked; what was not, waits for its next attempt and counts no more.

If the process dies between 1 and 3, another worker sends them once the lease is over: a message may come
twice, and clients know it by its id. For the school's webhook 2 and 3 are part of 1, so its event is one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.event_types import Event, EventType
from server.core.events.message_rules import (
    DAY_MS,
    SEND,
    Cap,
    Decision,
    MessageRules,
    QuietHours,
    Situation,
    decide,
    retry_at,
)
from server.core.events.message_texts import Language, text_of
from server.core.ids import StudentId
from server.core.messages import Channel, Message, MessageState
from server.desk import DeskUnavailableError
from server.desk.feed.coupon_changes import CouponChange
from server.flows.access.blocked import blocked_among
from server.flows.stores import Stores
from server.frames import message_frames
from server.ledger import event_log
from server.ledger.events import messages as rows
from server.ledger.events.messages import HeldMessage

AT_ONCE: Final = 500  # messages in one transaction: 15 ms of the database
SHOWN_CHANNELS: Final = (Channel.IN_APP, Channel.WEBHOOK)  # of which `send_due` sends
PAGES: Final = 10  # in one round of the worker's job
LEASE_MS: Final = 60_000
_IN_ONE_PUBLICATION: Final = 100
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MessagePolicy:
    """The rules on bothering students, and how texts are written."""

    rules: MessageRules
    language: Language

    @property
    def zone(self) -> ZoneInfo:
        """The school's time zone."""
        return self.rules.zone

    def text(self, message: Message) -> str:
        """Return the words of a message for a channel that cannot choose the language."""
        return text_of(message, self.language, self.zone)


# The defaults of the settings (setting_variables.py).
USUAL_POLICY: Final = MessagePolicy(
    MessageRules(
        (Cap(2, DAY_MS), Cap(4, 7 * DAY_MS)),
        QuietHours(time(21, 30), time(8, 30)),
        ZoneInfo("Asia/Shanghai"),
    ),
    "zh",
)


async def send_due(stores: Stores, policy: MessagePolicy, now: int) -> int:
    """Send what is due in the app and through webhooks; return how many. Repeatable."""
    sent = 0
    for channel in SHOWN_CHANNELS:
        for _ in range(PAGES):
            page = await pick(stores, policy, channel, now, AT_ONCE)
            if channel is Channel.IN_APP:
                await _show_in_app(stores, policy, page.sending, now)
            sent += len(page.sending)
            if page.looked_at < AT_ONCE:
                break
    return sent


@dataclass(frozen=True, slots=True)
class Picked:
    """The messages of one page that are to be sent now, and how many were looked at."""

    sending: Sequence[Message]
    looked_at: int


async def pick(
    stores: Stores, policy: MessagePolicy, channel: Channel, now: int, limit: int
) -> Picked:
    """Decide on a page of due messages and lease those that are to be sent."""
    async with stores.ledger.read() as conn:
        if not await rows.has_due(conn, (channel,), now):
            return Picked((), 0)  # usual: writers, and jobs that rest, are left alone
    async with stores.ledger.begin() as conn:
        await rows.lock_picking(conn)
        due = await rows.due(conn, channel, now, limit)
        if not due:
            return Picked((), 0)
        decided = await _decide_all(conn, policy.rules, due, now)
        await _write_refusals(conn, decided)
        sending = [message for message, decision in decided if decision == SEND]
        await rows.lease(conn, rows.ids_of(sending), now, now + LEASE_MS)
        if channel is Channel.WEBHOOK:
            await event_log.record(conn, [_requested(policy, each, now) for each in sending])
            await rows.mark_sent(conn, rows.ids_of(sending), now)
    return Picked(sending, len(due))


async def _decide_all(
    conn: AsyncConnection, rules: MessageRules, due: Sequence[Message], now: int
) -> list[tuple[Message, Decision]]:
    students = {each.student for each in due}
    coupon_ids = {each.coupon_id for each in due if each.coupon_id is not None}
    counted = await rows.counted_since(conn, students, now - rules.longest_window_ms)
    states = await rows.coupon_states(conn, coupon_ids, now)
    blocked = await blocked_among(conn, students, now)
    decided = []
    for message in due:
        known = counted.setdefault(message.student, {})
        situation = Situation(
            now,
            tuple(known.values()),
            None if message.coupon_id is None else states.get(message.coupon_id),
            is_counted_already=message.cap_key in known,
            is_blocked=message.student in blocked,
        )
        decision = decide(message, rules, situation)
        if decision == SEND and not message.is_transactional:
            known[message.cap_key] = now
        decided.append((message, decision))
    return decided


async def _write_refusals(
    conn: AsyncConnection, decided: Sequence[tuple[Message, Decision]]
) -> None:
    """Write what becomes of those that are not sent now."""
    held, settled = [], dict[tuple[MessageState, str | None], list[str]]()
    for message, (state, reason, until) in decided:
        if state is MessageState.HELD and until is not None:
            held.append(HeldMessage(message.id, str(reason), min(until, message.expires_at)))
        elif state is not MessageState.SENT:
            settled.setdefault((state, reason), []).append(message.id)
    await rows.put_off(conn, held)
    for (state, reason), ids in settled.items():
        await rows.settle(conn, ids, state, reason)


def _requested(policy: MessagePolicy, message: Message, now: int) -> Event:
    data = message_frames.requested_data(message, policy.text(message))
    return Event(EventType.MESSAGE_REQUESTED, now, message.id, data, message.student)


async def _show_in_app(
    stores: Stores, policy: MessagePolicy, sending: Sequence[Message], now: int
) -> None:
    """Publish these messages to the sockets of their students, whichever room they are in."""
    for start in range(0, len(sending), _IN_ONE_PUBLICATION):
        some = sending[start : start + _IN_ONE_PUBLICATION]
        frames = [
            CouponChange(
                StudentId(each.student), message_frames.message_frame(each, policy.text(each))
            )
            for each in some
        ]
        try:
            await stores.feed.publish_changes(frames)
        except DeskUnavailableError as error:
            _log.warning("messages_not_shown", messages=len(some), error=str(error))
            await put_back(stores, [(each, "desk_unavailable") for each in some], now)
        else:
            async with stores.ledger.begin() as conn:
                await rows.mark_sent(conn, rows.ids_of(some), now)


async def put_back(stores: Stores, failed: Sequence[tuple[Message, str]], now: int) -> None:
    """Let these messages wait for their next attempt, or give them up after the last one."""
    async with stores.ledger.begin() as conn:
        for message, reason in failed:
            again = retry_at(message.attempts + 1, now)
            if again is None:
                await rows.settle(conn, [message.id], MessageState.FAILED, reason)
            else:
                await rows.put_back(conn, message.id, reason, again)


async def delete_old(stores: Stores, now: int) -> None:
    """Delete messages that are older than 90 days, a page at a time."""
    while True:
        async with stores.ledger.begin() as conn:
            if await rows.delete_old(conn, now, AT_ONCE) < AT_ONCE:
                return
