"""The figures of the README: storms of several sizes, interleaved, medians of the rounds.

Called by `bench_command` and tests. Each storm has a server of its own, fresh, so that no run pays
for the one before; rounds are interleaved, so that a slow minute of the machine hits every case
alike. What differs by less than the machine's noise is no difference.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from loadtest.storm import Storm

SIZES: Final = (1_000, 2_000, 5_000, 10_000)
ROOMS: Final = (10, 100)  # one room is the same as the size itself
ROOMS_STUDENTS: Final = 10_000
STOCK: Final = 500
SETTLED_JOINS_PER_S: Final = 0.0  # all at once: what the server can take in


@dataclass(frozen=True, slots=True)
class Case:
    """`students` in all, spread over `rooms`; the drop goes to one of them."""

    students: int
    rooms: int = 1

    @property
    def in_room(self) -> int:
        return len(range(0, self.students, self.rooms))

    @property
    def stock(self) -> int:
        return min(STOCK, max(1, self.in_room // 2))


@dataclass(frozen=True, slots=True)
class Run:
    """What one storm gave; the median of several has the same form. `us_each`: the claims' span
    shared among those who tapped."""

    joins_per_s: float
    push_p50_ms: float
    push_p99_ms: float
    claim_p99_ms: float
    claim_span_ms: float
    us_each: float
    confirm_p99_ms: float
    kb_each: float
    findings: int

    @classmethod
    def of(cls, storm: Storm, kb_each: float) -> "Run":
        figures = storm.figures
        return cls(
            joins_per_s=figures.joins_per_s,
            push_p50_ms=figures.push.p50,
            push_p99_ms=figures.push.p99,
            claim_p99_ms=figures.claim.p99,
            claim_span_ms=figures.claim_span_ms,
            us_each=figures.claim_span_ms * 1000 / max(1, figures.claim.count),
            confirm_p99_ms=figures.confirm.p99,
            kb_each=kb_each,
            findings=len(storm.findings),
        )


def cases_up_to(most: int) -> list[Case]:
    """All that need no more than `most` students."""
    sizes = [Case(size) for size in SIZES if size <= most]
    spread_over = min(most, ROOMS_STUDENTS)
    return [*sizes, *(Case(spread_over, rooms) for rooms in ROOMS)]


def measure(
    cases: Sequence[Case], rounds: int, run: Callable[[Case, int], Run]
) -> dict[Case, list[Run]]:
    """`run` is called with the case and the round: round by round, every case once."""
    runs: dict[Case, list[Run]] = {case: [] for case in cases}
    for number in range(rounds):
        for case in cases:
            runs[case].append(run(case, number))
    return runs


def as_rows(runs: Mapping[Case, Sequence[Run]]) -> list[dict[str, Any]]:
    """For JSON: each case with its medians and every run. Findings are added up: none is allowed."""
    return [
        {
            **asdict(case),
            "in_room": case.in_room,
            "stock": case.stock,
            "findings": sum(run.findings for run in each),
            "medians": {
                name: round(statistics.median(getattr(run, name) for run in each), 2)
                for name in asdict(each[0])
                if name != "findings"
            },
            "runs": [asdict(run) for run in each],
        }
        for case, each in runs.items()
    ]


_COLUMNS: Final = (
    ("joins/s", "joins_per_s", ",.0f"),
    ("card p50 / p99, ms", ("push_p50_ms", "push_p99_ms"), ",.0f"),
    ("claim p99, ms", "claim_p99_ms", ",.0f"),
    ("all answered, ms", "claim_span_ms", ",.0f"),
    ("µs a student", "us_each", ",.0f"),
    ("confirmed p99, ms", "confirm_p99_ms", ",.0f"),
    ("KB a student", "kb_each", ",.1f"),
)


def render_table(bench: Mapping[str, Any]) -> str:
    """Markdown, from what `bench --json` wrote."""
    titles = ["students", "rooms", *(title for title, _, _ in _COLUMNS)]
    lines = [_row(titles), _row(["---:"] * len(titles))]
    for row in bench["cases"]:
        cells = [f"{row['students']:,}", f"{row['rooms']:,}"]
        cells += [_cell(row["medians"], names, form) for _, names, form in _COLUMNS]
        lines.append(_row(cells))
    lines.append("")
    lines.append(
        f"Medians of {bench['rounds']} interleaved rounds, stock {STOCK} at most, tester and server "
        f"on the same machine: {bench['machine']}; Python {bench['versions']['python']}; commit "
        f"{bench['commit']}; `{bench['command']}`."
    )
    return "\n".join(lines) + "\n"


def _cell(medians: Mapping[str, float], names: str | tuple[str, ...], form: str) -> str:
    each = (names,) if isinstance(names, str) else names
    return " / ".join(format(medians[name], form) for name in each)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
