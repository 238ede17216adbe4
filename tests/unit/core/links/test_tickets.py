"""Tickets of the changing QR code: who made one, for which drop, and for how long it is good."""

import pytest

from server.core.ids import DropId
from server.core.links.tickets import (
    CLOCKS_APART_MS,
    GOOD_MS,
    MAX_TICKET,
    TURN_MS,
    Ticket,
    make_ticket,
    read_ticket,
)
from server.core.refusals import Code, Refused

KEY, OLD = b"k" * 32, b"o" * 32
DROP = DropId("drp_0k3v9xq2m0k3v9xq2m0k3v")
BEGINS_AT = 1_760_000_000_000 // TURN_MS * TURN_MS


def made(now: int = BEGINS_AT, key: bytes = KEY) -> Ticket:
    return make_ticket(key, DROP, now)


def test_a_ticket_is_the_same_during_a_turn_and_another_in_the_next() -> None:
    assert made() == made(BEGINS_AT + TURN_MS - 1)
    assert made().text != made(BEGINS_AT + TURN_MS).text
    assert made().changes_at == BEGINS_AT + TURN_MS


def test_a_ticket_is_good_for_a_minute() -> None:
    read = read_ticket([KEY], made().text, BEGINS_AT + GOOD_MS)

    assert read == made()
    assert not made().is_over(BEGINS_AT + GOOD_MS - 1)
    assert made().is_over(BEGINS_AT + GOOD_MS)


def test_a_ticket_fits_into_a_small_code() -> None:
    assert len(made().text) <= MAX_TICKET
    assert made().text.startswith(f"{DROP}.")


def test_an_old_secret_still_reads_its_tickets() -> None:
    assert read_ticket([KEY, OLD], made(key=OLD).text, BEGINS_AT) == made(key=OLD)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * 200,
        made().text[:-1],
        made().text.replace("drp_0", "drp_1"),
        made().text + "\n",
        f"{DROP}.1.{made().text[-8:]}",
        made(key=OLD).text,
    ],
)
def test_a_ticket_that_was_not_made_here_is_refused(text: str) -> None:
    read = read_ticket([KEY], text, BEGINS_AT)

    assert isinstance(read, Refused)
    assert read.code is Code.TICKET_INVALID


def test_a_ticket_of_a_turn_to_come_is_from_a_process_slightly_ahead_or_from_nobody() -> None:
    text = made().text

    assert isinstance(read_ticket([KEY], text, BEGINS_AT - CLOCKS_APART_MS), Ticket)
    assert isinstance(read_ticket([KEY], text, BEGINS_AT - CLOCKS_APART_MS - 1), Refused)
