"""Both SDKs find a statement sound as the server sealed it, and not after any change of it."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from client_sdk.python.statements import verify_statement
from server.core.instants import to_text
from server.core.statements.days import NOTHING_BEFORE, DaySum, as_json
from server.core.statements.lines import LineKind, StatementLine

ROOT = Path(__file__).parents[2]
DATES = ("2026-03-01", "2026-03-02", "2026-03-03")
Json = dict[str, Any]
Change = Callable[[list[Any], list[Json]], object]


def sealed() -> tuple[list[Json], list[bytes]]:
    """Return three sealed days, the second without a line, and one that is open."""
    days: list[Json] = []
    lines: list[bytes] = []
    before = NOTHING_BEFORE
    for number, date in enumerate(DATES):
        of_day = [
            StatementLine(date, LineKind.SALE, f"o-{number}-{n}", "CNY", share=n, paid=100 - n)
            for n in range(0 if number == 1 else 3)
        ]
        summed = DaySum(date, before)
        summed.add(of_day)
        lines += map(as_json, of_day)
        totals = {currency: asdict(sums) for currency, sums in summed.totals.items()}
        days.append(
            {
                "date": date,
                "is_sealed": True,
                "sealed_at": to_text(1_000),
                "lines": summed.lines,
                "totals": totals,
                "sha256": summed.seal,
                "prev_sha256": before,
            }
        )
        before = summed.seal
    unsealed = dict.fromkeys(("sealed_at", "lines", "totals", "sha256", "prev_sha256"))
    days.append({"date": "2026-03-04", "is_sealed": False, **unsealed})
    return days, lines


LINES_CHANGED = "the lines are not those that were sealed"
CHANGES: dict[str, tuple[Change, list[str]]] = {
    "as sealed": (lambda _days, _lines: None, []),
    "a line left out": (
        lambda _days, lines: lines.pop(0),
        [
            f"2026-03-01: 2 lines, sealed with 3, {LINES_CHANGED}, "
            "the totals are not those of the lines"
        ],
    ),
    "lines in another order": (
        lambda _days, lines: lines.insert(0, lines.pop(1)),
        [f"2026-03-01: {LINES_CHANGED}"],
    ),
    "another amount": (
        lambda _days, lines: lines[0].update(paid=101),
        [f"2026-03-01: {LINES_CHANGED}, the totals are not those of the lines"],
    ),
    "other totals": (
        lambda days, _lines: days[0]["totals"]["CNY"].update(paid=1),
        ["2026-03-01: the totals are not those of the lines"],
    ),
    "a day left out": (
        lambda days, _lines: days.pop(1),
        ["2026-03-03: it does not follow the day before"],
    ),
    "a day that was sealed anew": (
        lambda days, _lines: days[1].update(sha256="0" * 64),
        [f"2026-03-02: {LINES_CHANGED}", "2026-03-03: it does not follow the day before"],
    ),
}


def changed(change: Change) -> tuple[list[Any], list[str]]:
    days, lines = copy.deepcopy(sealed())
    read = [json.loads(line) for line in lines]
    change(days, read)
    return days, [json.dumps(line, separators=(",", ":")) for line in read]


@pytest.mark.parametrize("name", CHANGES)
def test_python_tells_what_was_changed(name: str) -> None:
    change, wrong = CHANGES[name]
    days, lines = changed(change)
    assert verify_statement(days, [line.encode() for line in lines]) == wrong


def test_javascript_says_the_same(tmp_path: Path) -> None:
    cases = {name: changed(change) for name, (change, _) in CHANGES.items()}
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    script = f"""
      import {{ readFileSync }} from "node:fs";
      import {{ verifyStatement }} from "{ROOT}/client_sdk/javascript/statements.js";
      const cases = JSON.parse(readFileSync("{tmp_path}/cases.json", "utf8"));
      const said = {{}};
      for (const [name, [days, lines]] of Object.entries(cases))
        said[name] = await verifyStatement(days, lines);
      console.log(JSON.stringify(said));
    """
    told = subprocess.run(
        ["node", "--input-type=module", "-e", script], capture_output=True, check=True, text=True
    )
    assert json.loads(told.stdout) == {name: wrong for name, (_, wrong) in CHANGES.items()}


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [("as sealed", 0, "sound: 3 sealed days"), ("another amount", 1, "not sound: 2026-03-01")],
)
def test_the_command_says_so(tmp_path: Path, name: str, status: int, said: str) -> None:
    days, lines = changed(CHANGES[name][0])
    (tmp_path / "days.json").write_text(json.dumps({"days": days}))
    (tmp_path / "lines.ndjson").write_text("".join(f"{line}\n" for line in lines))
    told = subprocess.run(
        [sys.executable, "-m", "client_sdk", "verify-statement", "days.json", "lines.ndjson"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout[: len(said)]) == (status, said)


def test_what_is_no_statement_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "days.json").write_text("[]")
    told = subprocess.run(
        [sys.executable, "-m", "client_sdk", "verify-statement", "days.json", "none.ndjson"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 2
