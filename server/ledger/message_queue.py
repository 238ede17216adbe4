"""Asks for messages to students, in the transaction of what they tell.

Called by flows that give, remind or offer. A worker sends what is stored here, and decides when
(flows/events/send_messages.py): a request says no more than from when and until when.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.messages import DEFAULT_CHANNELS, MessageState, NewMessage
from server.ids import new_ids
from server.ledger.bulk import insert_rows
from server.ledger.tables import messages

_COLUMNS: Final = (
    *("id", "cap_key", "once", "student", "kind", "channel", "text", "data", "coupon_id", "url"),
    *("cause", "transactional", "state", "created_at", "not_before", "expires_at"),
)


async def request(conn: AsyncConnection, wanted: Sequence[NewMessage]) -> None:
    """Store these messages for sending; one row for each channel. Takes 10 us a row.

    Repeatable for messages with `once`. A message whose life is over before it begins is not stored.
    """
    alive = [each for each in wanted if each.not_before < each.expires_at]
    rows = [row for each in _numbered(alive) for row in each]
    if rows:
        await insert_rows(conn, messages, _COLUMNS, rows, "once")


def _numbered(wanted: Sequence[NewMessage]) -> Iterator[Iterator[tuple[Any, ...]]]:
    count = sum(1 + len(each.channels or DEFAULT_CHANNELS) for each in wanted)
    ids = new_ids("msg", count)
    as_json: dict[
        int, str
    ] = {}  # id of a dict -> its JSON: messages of one request share their data
    for each in wanted:
        data = as_json.setdefault(id(each.data), _json(each.data))
        yield _rows(each, data, ids)


def _rows(message: NewMessage, data: str, ids: Iterator[str]) -> Iterator[tuple[Any, ...]]:
    cap_key = next(ids)
    for channel in message.channels or DEFAULT_CHANNELS:
        row_id = next(ids)
        once = row_id if message.once is None else f"{message.once}:{channel.value}"
        yield (
            row_id,
            cap_key,
            once,
            message.student,
            message.kind.value,
            channel.value,
            message.text,
            data,
            message.coupon_id,
            message.url,
            message.cause,
            message.is_transactional,
            MessageState.QUEUED.value,
            message.created_at,
            message.not_before,
            message.expires_at,
        )


def _json(data: Mapping[str, object]) -> str:
    return orjson.dumps(data).decode()
