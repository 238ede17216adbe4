"""Days follow the school's clock; a seal changes with each line, their order, the day and the seal before."""

from dataclasses import replace
from hashlib import sha256
from zoneinfo import ZoneInfo

import orjson
import pytest

from server.core.instants import from_text
from server.core.statements.days import (
    COLUMNS,
    NOTHING_BEFORE,
    DaySum,
    DayTotals,
    as_json,
    day_of,
    days_between,
    last_day_to_seal,
    next_day,
)
from server.core.statements.lines import CouponUse, LineKind, StatementLine

SHANGHAI = ZoneInfo("Asia/Shanghai")
USE = CouponUse("A-1", "cpn_1", "tpl_1", 2, "bat_1", "live", "cmp_1", "drp_1", "math-7", "tina")
LINE = StatementLine("2026-03-01", LineKind.SALE, "o-1", "CNY", use=USE, share=3, paid=97)
OTHER = StatementLine("2026-03-01", LineKind.REFUND, "o-1", "USD", refunded=5)


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-03-01T15:59:59.999Z", "2026-03-01"),
        ("2026-03-01T16:00:00.000Z", "2026-03-02"),
    ],
)
def test_a_day_begins_at_midnight_of_the_school(at: str, day: str) -> None:
    assert day_of(from_text(at), SHANGHAI) == day


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2026-03-02T17:59:59.999Z", "2026-03-01"),  # 01:59 of the third
        ("2026-03-02T18:00:00.000Z", "2026-03-02"),
    ],
)
def test_a_day_may_be_sealed_from_two_o_clock_of_the_next(now: str, last: str) -> None:
    assert last_day_to_seal(from_text(now), SHANGHAI) == last


def test_days_follow_one_another_without_a_gap() -> None:
    assert days_between("2026-02-27", "2026-03-01") == ["2026-02-27", "2026-02-28", "2026-03-01"]
    assert days_between("2026-03-02", "2026-03-01") == []
    assert next_day("2026-02-28") == "2026-03-01"


def test_a_seal_is_the_hash_of_the_seal_before_the_day_and_its_lines() -> None:
    summed = DaySum("2026-03-01", NOTHING_BEFORE)
    summed.add([LINE])
    summed.add([OTHER])

    text = (
        f"{NOTHING_BEFORE}\n2026-03-01\n".encode() + as_json(LINE) + b"\n" + as_json(OTHER) + b"\n"
    )
    assert summed.seal == sha256(text).hexdigest()
    assert summed.lines == 2
    assert summed.totals == {"CNY": DayTotals(3, 97, 0), "USD": DayTotals(0, 0, 5)}


def test_nothing_of_a_day_can_change_without_its_seal() -> None:
    def seal(*lines: StatementLine, day: str = "2026-03-01", before: str = NOTHING_BEFORE) -> str:
        summed = DaySum(day, before)
        summed.add(lines)
        return summed.seal

    seals = [
        seal(LINE, OTHER),
        seal(OTHER, LINE),
        seal(LINE),
        seal(LINE, OTHER, day="2026-03-02"),
        seal(LINE, OTHER, before="1" * 64),
        seal(replace(LINE, paid=98), OTHER),
        seal(replace(LINE, use=replace(USE, room="math-8")), OTHER),
    ]
    assert len(set(seals)) == len(seals)


def test_a_line_as_json_has_every_column_in_its_order() -> None:
    found = orjson.loads(as_json(LINE))
    assert tuple(found) == COLUMNS
    assert (found["code"], found["version"], found["instructor"]) == ("A-1", 2, "tina")
    assert orjson.loads(as_json(OTHER))["code"] is None
