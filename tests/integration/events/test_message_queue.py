"""Requests for messages are stored once, with a row for each channel, on both databases."""

import pytest
from sqlalchemy import select

from server.core.messages import Channel, MessageKind, NewMessage
from server.ledger import tables
from server.ledger.engine import Ledger
from server.ledger.message_queue import request

pytestmark = pytest.mark.asyncio
NOW = 1_800_000_000_000
HOUR_MS = 3_600_000


def message(student: str, once: str | None = None, life_ms: int = HOUR_MS) -> NewMessage:
    return NewMessage(
        student=student,
        kind=MessageKind.NOTICE,
        text="Your coupon is here",
        created_at=NOW,
        not_before=NOW,
        expires_at=NOW + life_ms,
        channels=(Channel.IN_APP, Channel.EMAIL),
        once=once,
    )


async def stored(ledger: Ledger) -> list[tuple[str, str, str]]:
    rows = tables.messages.c
    async with ledger.read() as conn:
        found = await conn.execute(select(rows.student, rows.channel, rows.cap_key))
        return sorted((row[0], row[1], row[2]) for row in found)


async def test_each_channel_has_a_row_and_all_count_as_one_message(ledger: Ledger) -> None:
    async with ledger.begin() as conn:
        await request(conn, [message("ann"), message("bob")])

    found = await stored(ledger)

    assert [row[:2] for row in found] == [
        ("ann", "email"),
        ("ann", "in_app"),
        ("bob", "email"),
        ("bob", "in_app"),
    ]
    assert [found[0][2] == found[1][2], found[1][2] == found[2][2]] == [True, False]


async def test_a_request_repeated_with_the_same_once_stores_nothing_more(ledger: Ledger) -> None:
    for _ in range(2):
        async with ledger.begin() as conn:
            await request(conn, [message("ann", "iss_1:ann"), message("bob", "iss_1:bob")])

    assert len(await stored(ledger)) == 4


async def test_a_message_without_a_life_is_not_stored(ledger: Ledger) -> None:
    async with ledger.begin() as conn:
        await request(conn, [message("ann", life_ms=0)])

    assert await stored(ledger) == []


async def test_a_thousand_messages_are_one_request(ledger: Ledger) -> None:
    async with ledger.begin() as conn:
        await request(conn, [message(f"s{number}") for number in range(1_000)])

    assert len(await stored(ledger)) == 2_000
