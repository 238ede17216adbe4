"""Read a file of students into an import, show it, and delete it after 30 days.

Called by the API for operators, and by the worker for the end. An import issues nothing: whoever uploads
sees first which rows are good, and an issuance names the import later.

The file is read by a program of its own (server/sheets). Its rows go from that program to the database as
text, LINE_ROWS in a transaction, so that neither the event loop nor a claim waits for 100,000 of them. The
import is seen by nobody until all are there; a worker deletes what a process that died has left.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import orjson

from server.core.acts import Action
from server.core.audiences.imports import LISTED_ROWS, Counts, FileKind, Import, ImportRow
from server.core.event_types import Event, EventType
from server.core.refusals import Code, Refused, invalid_field
from server.flows.abort import returns_refusal
from server.flows.idempotency import find_previous_result
from server.ids import new_id
from server.ledger import acts, event_log, idempotency
from server.ledger.audiences import imports as rows
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from server.sheets.programs import Programs, ProgramsBusyError, UnreadableFileError

# SQLite has one writer, and writers that wait for it retry every few ms.
_PAUSE_SECONDS: Final = 0.01
_BUSY_SECONDS: Final = 5
DELETED_AT_ONCE: Final = 1_000
_EXPIRED_IN_A_ROUND: Final = 20


@dataclass(frozen=True, slots=True)
class Preview:
    """An import with the first of its bad rows, of its duplicates and of its good rows."""

    found: Import
    bad: list[ImportRow]
    duplicates: list[ImportRow]
    sample: list[ImportRow]


@returns_refusal
async def make_import(  # noqa: PLR0913 - keywords, each named by the caller
    ledger: Ledger,
    programs: Programs,
    *,
    actor: str,
    content: bytes,
    charset: str | None,
    key: IdempotencyKey | None,
    now: int,
) -> Preview | Refused:
    """Read the file and return what was found; `charset` is the encoding as the sender names it.

    Refuses with invalid_field, `errors[0].field` being "", "rows", "rows.17" or a column's name; with
    rate_limited while this process reads as many files as it may.
    """
    earlier = await _made_before(ledger, key, now)
    if earlier is not None:
        return await preview(ledger, earlier)
    try:
        async with aclosing(programs.read_file(content, charset)) as lines:
            found = _import_of(orjson.loads(await anext(lines)), actor, now)
            if isinstance(found, Refused):
                return found
            await _store(ledger, found, lines)
    except UnreadableFileError:
        return invalid_field("", "unreadable", "the file takes more memory or time than there is")
    except ProgramsBusyError:
        return Refused(
            Code.RATE_LIMITED, "other files are being read", {"retry_after_s": _BUSY_SECONDS}
        )
    return await preview(ledger, await _publish(ledger, found, key, now))


async def _made_before(ledger: Ledger, key: IdempotencyKey | None, now: int) -> str | None:
    """Return the import of an earlier request with this key, which saves reading the file again."""
    if key is None:
        return None
    async with ledger.read() as conn:
        kept = await idempotency.find(conn, key, now)
    return kept.resource_id if kept is not None and kept.body_hash == key.body_hash else None


def _import_of(head: dict[str, Any], actor: str, now: int) -> Import | Refused:
    refused = head.get("refused")
    if refused is not None:
        return invalid_field(refused["field"], refused["code"], refused["detail"])
    return Import(
        id=new_id("imp"),
        kind=FileKind(head["kind"]),
        encoding=head["encoding"],
        delimiter=head["delimiter"],
        counts=Counts(**head["counts"]),
        ignored_columns=tuple(head["ignored_columns"]),
        created_by=actor,
        created_at=now,
    )


async def _store(ledger: Ledger, found: Import, lines: AsyncIterator[bytes]) -> None:
    async with ledger.begin() as conn:
        await rows.insert_import(conn, found)
    async for line in lines:
        async with ledger.begin() as conn:
            await rows.insert_rows(conn, found.id, line)
        await asyncio.sleep(_PAUSE_SECONDS)


async def _publish(ledger: Ledger, found: Import, key: IdempotencyKey | None, now: int) -> str:
    """Let the import be seen, and return its id: that of an earlier one with the same key, if there is."""
    async with ledger.begin() as conn:
        earlier = await find_previous_result(conn, key, found.id, now)
        if earlier is not None:
            return earlier  # a worker deletes this one
        await rows.set_ready(conn, found.id, now)
        counts = found.counts
        told = {
            "kind": found.kind.value,
            "rows": counts.rows,
            "good": counts.good,
            "duplicates": counts.duplicates,
            "bad": counts.bad,
        }
        await acts.write_act(conn, found.created_by, Action.IMPORT_MADE, found.id, now, **told)
        await event_log.record(conn, [Event(EventType.IMPORT_CREATED, now, found.id, told)])
    return found.id


@returns_refusal
async def preview(ledger: Ledger, import_id: str) -> Preview | Refused:
    """Return the import with the first of its rows of each kind; not_found."""
    async with ledger.read() as conn:
        found = await rows.find(conn, import_id)
        if found is None:
            return Refused(Code.NOT_FOUND)
        return Preview(
            found,
            await rows.bad_rows(conn, import_id, LISTED_ROWS),
            await rows.duplicates(conn, import_id, LISTED_ROWS),
            await rows.sample(conn, import_id),
        )


async def list_imports(ledger: Ledger, after: str | None, limit: int) -> list[Import]:
    """Return a page of imports, newest first, from behind the import `after`."""
    async with ledger.read() as conn:
        return await rows.page(conn, after, limit)


async def delete_expired(ledger: Ledger, now: int) -> int:
    """Delete imports that are 30 days old, and what died half-way; return how many. Repeatable."""
    async with ledger.read() as conn:
        expired = await rows.expired(conn, now, _EXPIRED_IN_A_ROUND)
    for import_id in expired:
        await _delete(ledger, import_id)
    return len(expired)


async def _delete(ledger: Ledger, import_id: str) -> None:
    deleted = DELETED_AT_ONCE
    while deleted == DELETED_AT_ONCE:
        async with ledger.begin() as conn:
            deleted = await rows.delete_rows(conn, import_id, DELETED_AT_ONCE)
        await asyncio.sleep(_PAUSE_SECONDS)
    async with ledger.begin() as conn:
        await rows.delete_import(conn, import_id)
