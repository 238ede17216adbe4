"""Parses and writes an entry of a draw as the desk stores it: one string in the `entrants` hash of its drop.

The form is `e|claim|index|0|request|entered_at|pseudonym|client_random|person|device`; in the list of entries
that the ledger does not have yet, `|student` follows. enter.lua and the rebuild write it, seat.lua reads it.
"""

from typing import NamedTuple

from server.core.draws.entries import Entry
from server.core.ids import ClaimId, StudentId


class DeskEntry(NamedTuple):
    """An entry with what its student is not told: the id that its claim will have, should it win, and the
    person and the device of the tap, "" where its token had none.
    """

    student: StudentId
    claim_id: ClaimId
    entry: Entry
    person: str = ""
    device: str = ""


def parse(record: bytes) -> Entry:
    """Return the public part of a value of the `entrants` hash."""
    _, _, index, _, request_id, entered_at, pseudonym, random, _ = record.decode().split("|", 8)
    return Entry(int(index), pseudonym, request_id, int(entered_at), random)


def parse_line(line: bytes) -> DeskEntry:
    """Parse an element of the `entries` list."""
    _, claim_id, *_, person, device, student = line.decode().split("|")
    return DeskEntry(StudentId(student), ClaimId(claim_id), parse(line), person, device)


def dump(one: DeskEntry) -> str:
    """Return the value of the `entrants` hash that `parse` reads."""
    entry = one.entry
    words = ("e", one.claim_id, entry.number, 0, entry.request_id, entry.entered_at)
    return "|".join(
        map(str, (*words, entry.pseudonym, entry.client_random, one.person, one.device))
    )
