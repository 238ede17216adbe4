"""Verify a school's statement on one's own computer: that no sealed day was changed since.

Used by `python -m client_sdk verify-statement`. Needs what the API gives and nothing else: the sealed days
(`statement_days`) and the lines as NDJSON (`statement_file`). Twin of `javascript/statements.js`.

    seal of a day = SHA-256(seal of the day before, LF, date, LF, then each line and LF)
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256

from client_sdk.python.shapes import StatementDay


def verify_statement(days: Sequence[StatementDay], lines: Iterable[bytes]) -> list[str]:
    """Return what is wrong, one text for each day that is; empty where every sealed day is sound.

    `lines`: those of all these days, as they were received, without their line feeds. `days` may begin in
    the middle of the chain: then the first one's `prev_sha256` is believed.
    """
    by_date: defaultdict[str, list[bytes]] = defaultdict(list)
    for line in lines:
        by_date[json.loads(line)["date"]].append(line)
    wrong, before = [], None
    for day in days:
        if not day["is_sealed"]:
            continue
        faults = [*_faults(day, by_date.pop(day["date"], [])), *_broken_chain(day, before)]
        if faults:
            wrong.append(f"{day['date']}: {', '.join(faults)}")
        before = day["sha256"]
    return wrong


def _faults(day: StatementDay, lines: Sequence[bytes]) -> Iterable[str]:
    digest = sha256(f"{day['prev_sha256']}\n{day['date']}\n".encode())
    totals: defaultdict[str, dict[str, int]] = defaultdict(
        lambda: {"share": 0, "paid": 0, "refunded": 0}
    )
    for line in lines:
        digest.update(line + b"\n")
        read = json.loads(line)
        for name in ("share", "paid", "refunded"):
            totals[read["currency"]][name] += read[name]
    if len(lines) != day["lines"]:
        yield f"{len(lines)} lines, sealed with {day['lines']}"
    if digest.hexdigest() != day["sha256"]:
        yield "the lines are not those that were sealed"
    if dict(totals) != day["totals"]:
        yield "the totals are not those of the lines"


def _broken_chain(day: StatementDay, before: str | None) -> Iterable[str]:
    if before is not None and day["prev_sha256"] != before:
        yield "it does not follow the day before"
