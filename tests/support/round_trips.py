"""Counts the round trips to PostgreSQL and Redis that a flow makes.

A statement is one, and so are BEGIN and COMMIT; a command of Redis, a script or a pipeline is one. Counted is
what the task of the block sends, and what it starts: other tasks of the process are not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg
import pytest
from redis.asyncio.connection import AbstractConnection
from sqlalchemy import event

from server.ledger.engine import Ledger

_OF_TRANSACTIONS: Final = ("BEGIN", "COMMIT", "ROLLBACK")  # sent by the driver, not by SQLAlchemy
_counted: ContextVar["RoundTrips | None"] = ContextVar("round_trips", default=None)


@dataclass(slots=True)
class RoundTrips:
    """The statements and commands that were sent, in order: SQL as it is, Redis as `redis NAME`."""

    sent: list[str] = field(default_factory=list)

    @property
    def sql(self) -> int:
        return sum(not one.startswith("redis ") for one in self.sent)

    @property
    def redis(self) -> int:
        return len(self.sent) - self.sql

    @property
    def total(self) -> int:
        return len(self.sent)

    def until(self, words: str) -> int:
        """Return how many were made until the first one with these words was sent, that one included."""
        return next(n for n, one in enumerate(self.sent, 1) if words in one)

    def __str__(self) -> str:
        lines = [f"{self.sql} SQL + {self.redis} Redis", *self.sent]
        return "\n  ".join(" ".join(line.split())[:150] for line in lines)


class RoundTripCounter:
    """Watches the statements of one ledger, and all of Redis."""

    def __init__(self, ledger: Ledger, patch: pytest.MonkeyPatch) -> None:
        event.listen(ledger.engine.sync_engine, "before_cursor_execute", _note_statement)
        executed, sent = asyncpg.Connection.execute, AbstractConnection.send_packed_command

        async def execute(self: asyncpg.Connection, query: str, *args: Any, **options: Any) -> Any:
            if query.startswith(_OF_TRANSACTIONS):
                _note(query)
            return await executed(self, query, *args, **options)

        async def send(self: AbstractConnection, command: Any, *args: Any, **options: Any) -> None:
            _note(f"redis {_named(command)}")
            await sent(self, command, *args, **options)

        patch.setattr(asyncpg.Connection, "execute", execute)
        patch.setattr(AbstractConnection, "send_packed_command", send)

    @contextmanager
    def counting(self) -> Iterator[RoundTrips]:
        """Count what the block sends."""
        counted = RoundTrips()
        token = _counted.set(counted)
        try:
            yield counted
        finally:
            _counted.reset(token)


def _note_statement(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
    _note(statement)


def _note(what: str) -> None:
    counted = _counted.get()
    if counted is not None:
        counted.sent.append(what)


def _named(command: Any) -> str:
    """Return the first words of what is sent: `*3\\r\\n$7\\r\\nEVALSHA\\r\\n…`."""
    packed = b"".join(command) if isinstance(command, list) else bytes(command)
    return packed[:120].decode("utf-8", "replace")
