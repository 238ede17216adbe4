"""`python -m loadtest compare`: two runs of a storm side by side, as one HTML file.

Called by the command line. Reads the files that `--json` wrote; draws nothing, so it loads no plotting.
"""

import html
import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any, Final

from loadtest.gates import STATISTICS

_DELAYS: Final = ("join", "push", "claim", "confirm")
_NOT_RUN: Final = 2
_Run = Mapping[str, Any]
_PAGE: Final = Template("""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Two storms</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
div { overflow-x: auto } table { border-collapse: collapse; white-space: nowrap }
td, th { padding: .25rem 1rem .25rem 0; text-align: right; font-variant-numeric: tabular-nums }
td:first-child, th:first-child { text-align: left } .good { color: #1a7f4b } .bad { color: #b3261e }
</style>
<h1>Two storms</h1>
$verdicts
<div><table><tr><th>delay, ms</th><th>first</th><th>second</th><th>change</th></tr>$rows</table></div>
</html>
""")


def compare_command(args: Namespace) -> int:
    """Write the page; return 1 where a promise did not hold in the second run."""
    try:
        first, second = (json.loads(path.read_text("utf-8")) for path in (args.first, args.second))
        page = render(first, second)
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stdout.write(f"no file of a storm: {error!r}\n")
        return _NOT_RUN
    path: Path = args.html
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    sys.stdout.write(f"report: {path}\n")
    return 1 if second["failures"] else 0


def render(first: _Run, second: _Run) -> str:
    """Return the page: the verdict of each run, then their delays with the change in percent."""
    rows = [
        _row(f"{delay}, {name}", first["figures"][delay][name], second["figures"][delay][name])
        for delay in _DELAYS
        for name in STATISTICS
    ]
    verdicts = _verdict("First", first) + _verdict("Second", second)
    return _PAGE.substitute(verdicts=verdicts, rows="".join(rows))


def _verdict(which: str, run: _Run) -> str:
    plan, failures = run["plan"], run["failures"]
    size = f"{plan['students']:,} students, {plan['stock']:,} coupons"
    said = "Not as it should be:" if failures else "Every promise held."
    items = "".join(f"<li>{html.escape(one)}</li>" for one in failures)
    listed = f"<ul>{items}</ul>" if failures else ""
    return f'<p class="{"bad" if failures else "good"}">{which} ({size}): {said}</p>{listed}'


def _row(name: str, before: float, after: float) -> str:
    change = f"{(after - before) / before:+.0%}" if before else ""
    cells = f"<td>{name}</td><td>{before:,.1f}</td><td>{after:,.1f}</td><td>{change}</td>"
    return f"<tr>{cells}</tr>"
