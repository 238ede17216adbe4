"""`python -m tests.benchmarks.statements [sqlite] [postgresql]`: how long a file of 1,000,000 lines takes.

Goal: 60 s and 150 MB. Each format is read as a client reads it, piece by piece; the memory is what this
process, and the program that writes XLSX, had at most during that file above what they had before.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Final

from sqlalchemy import func, select, text

from server.api.statements import statements
from server.flows.statements import read_statements
from server.flows.statements.read_statements import Span
from server.ledger.engine import Ledger
from server.ledger.tables import statement_lines
from server.sheets.programs import Programs
from tests.benchmarks.rigs import print_rounds
from tests.support.worker_rig import WorkerRig

_LINES: Final = 1_000_000
_SPAN: Final = Span("2026-01-01", "2026-12-31")
_AT_ONCE: Final = 50_000
_LOOKS_A_SECOND: Final = 20


async def _fill(ledger: Ledger) -> None:
    """Make lines in 100 days, as payments of one course with a coupon make them."""
    made = text(
        "WITH RECURSIVE n(i) AS (SELECT CAST(:first AS INTEGER) "
        "UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :end) "
        'INSERT INTO statement_lines (seq, part, date, kind, "order", line, course, currency, quantity, '
        "list_price, sale_price, code, coupon, template, version, campaign, batch, channel, room, "
        "instructor, share, paid, refunded, payment_ref) "
        "SELECT i, 0, '2026-0' || (1 + i / 112000) || '-' || (10 + (i / 10000) % 10), 'sale', "
        "'order-' || i, '1', 'course-7', 'CNY', 1, 19900, 19900, 'ABCD2345' || i, 'cpn_' || i, 'tpl_1', 1, "
        "'cmp_1', 'bat_1', 'live', 'math-7', 'tina', 1000, 18900, 0, 'wx-' || i FROM n"
    )
    for first in range(0, _LINES, _AT_ONCE):
        async with ledger.begin() as conn:
            await conn.execute(made, {"first": first, "end": first + _AT_ONCE})


async def _measure(rig: WorkerRig) -> str:
    ledger, programs = rig.ledger, Programs()
    async with ledger.read() as conn:
        there = await conn.scalar(select(func.count()).select_from(statement_lines))
    if not there:
        await _fill(ledger)
    said = []
    for name in ("ndjson", "csv", "xlsx"):
        lines = read_statements.all_lines(ledger, _SPAN)
        makers = {"ndjson": statements._ndjson, "csv": statements._csv}
        file = (
            programs.write_workbook(statements._rows(lines))
            if name == "xlsx"
            else makers[name](lines)
        )
        said.append(await _file(name, file))
    return f"{_LINES:,} lines: " + "; ".join(said)


async def _file(name: str, file: AsyncIterator[bytes]) -> str:
    before, begun, size = _memory(), perf_counter(), 0
    most = [before]
    watching = _watch(most)
    try:
        async for piece in file:
            size += len(piece)
    finally:
        watching()
    took = perf_counter() - begun
    more = (most[0] - before) / 1e6
    return f"{name} {took:.0f} s, {size / 1e6:.0f} MB long, at most {more:.0f} MB more memory"


def _watch(most: list[int]) -> Callable[[], None]:
    """Raise `most` to the memory that there is, some times a second, until the result is called."""
    loop = asyncio.get_running_loop()
    ended = False

    def look() -> None:
        most[0] = max(most[0], _memory())
        if not ended:
            loop.call_later(1 / _LOOKS_A_SECOND, look)

    def end() -> None:
        nonlocal ended
        ended = True

    look()
    return end


def _memory() -> int:
    """Return the bytes in memory of this process and of the programs that it runs, not of its servers."""
    return _resident("self") + sum(
        _resident(child) for child in _children() if b"server.sheets" in _command(child)
    )


def _children() -> list[str]:
    found: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):
            found += (task / "children").read_text().split()
    return found


def _command(process: str) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


def _resident(process: str) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    print_rounds(_measure, sys.argv[1:])
