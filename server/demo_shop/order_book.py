"""The shop's orders in a SQLite file: student, lines and prices, and Classdrop's last response.

Called by `checkout`. Several processes of one machine may share the file. Each call opens it in a thread, so
that a slow disk never delays the event loop, which serves the room.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import orjson

from server.demo_shop.refusal import Json

_BUSY_SECONDS: Final = 5.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS orders (
  id TEXT PRIMARY KEY, student TEXT NOT NULL, placed_at INTEGER NOT NULL,
  goods TEXT NOT NULL, redemption TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS orders_of_student ON orders (student, placed_at);
"""
_NEWEST: Final = """
SELECT * FROM orders WHERE (:student IS NULL OR student = :student) AND (
  instr(lower(replace(id, '-', '')), :part) OR instr(lower(replace(student, '-', '')), :part) OR EXISTS (
    SELECT 1 FROM json_each(redemption, '$.coupons')
    WHERE instr(lower(replace(json_extract(value, '$.code'), '-', '')), :part)))
ORDER BY placed_at DESC LIMIT :limit
"""
_SEPARATORS: Final = str.maketrans("", "", " -")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Order:
    """`goods`: lines, prices and names of coupons at the time of the order. `placed_at`: ms."""

    id: str
    student: str
    placed_at: int
    goods: Json
    redemption: Json


class OrderBook:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def keep(self, order: Order) -> None:
        """Insert the order, or update it: an unpaid order may be placed again.

        An order of another student with the same id is not changed.
        """

        def write(db: sqlite3.Connection) -> None:
            db.execute(
                "INSERT INTO orders VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
                " goods = excluded.goods, redemption = excluded.redemption"
                " WHERE student = excluded.student",
                (
                    order.id,
                    order.student,
                    order.placed_at,
                    orjson.dumps(order.goods).decode(),
                    orjson.dumps(order.redemption).decode(),
                ),
            )

        await self._in_thread(write)

    async def find(self, order_id: str) -> Order | None:
        def read(db: sqlite3.Connection) -> Order | None:
            row = db.execute("SELECT * FROM orders WHERE id = ?", (order_id,)).fetchone()
            return _order(row) if row else None

        return await self._in_thread(read)

    async def newest(self, student: str | None, search: str, limit: int) -> list[Order]:
        """Return the newest orders, of one student or of all.

        `search` is a part of the order's id, its student or a coupon's code; case, spaces and dashes do
        not matter. Empty: all orders.
        """
        part = search.translate(_SEPARATORS).lower()

        def read(db: sqlite3.Connection) -> list[Order]:
            rows = db.execute(_NEWEST, {"student": student, "part": part, "limit": limit})
            return [_order(row) for row in rows]

        return await self._in_thread(read)

    async def _in_thread(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        return await asyncio.to_thread(self._run, work)

    def _run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS)) as db, db:
            db.executescript(_SCHEMA)
            return work(db)


def _order(row: tuple[str, str, int, str, str]) -> Order:
    order_id, student, placed_at, goods, redemption = row
    return Order(order_id, student, placed_at, orjson.loads(goods), orjson.loads(redemption))
