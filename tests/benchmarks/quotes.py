"""`python -m tests.benchmarks.quotes [--cases N] [--lines N] [--coupons N]`: how long a quote takes.

Quotes the orders of `tests/support/builders/wallets.py` one after the other on one core, each with the
best ticked, all in this process: no ledger, no HTTP. Prints one line of JSON: the median and the 99th
percentile, the longest slice, all in ms of a core (what else the machine does is not counted), and how
many answers were not exact.
"""

import argparse
import gc
import json
import sys
from dataclasses import asdict, dataclass
from time import thread_time

from server.core.checkout.quoting.quote_request import BestSelection, QuoteRequest
from server.core.checkout.quoting.quotes import Quote, quoting
from server.core.checkout.quoting.work_budget import WorkBudget
from tests.support.builders.money import NOW
from tests.support.builders.wallets import COUPONS, LINES, Case, a_case


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of a core, and line visits (server/core/checkout/quoting/work_budget.py)."""

    took: float
    slices: tuple[float, ...]
    visits: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Figures:
    cases: int
    lines: int
    coupons: int
    p50_ms: float
    p99_ms: float
    longest_ms: float
    longest_slice_ms: float
    most_visits: int
    us_a_visit: float
    not_exact: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000)
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--coupons", type=int, default=COUPONS)
    asked = parser.parse_args()
    cases = [a_case(seed, asked.lines, asked.coupons) for seed in range(asked.cases)]
    timed(cases[0])  # the first one pays for imports and caches
    gc.collect()
    figures = figures_of([timed(case) for case in cases], asked.lines, asked.coupons)
    sys.stdout.write(json.dumps(asdict(figures)) + "\n")


def timed(case: Case) -> Timing:
    work = WorkBudget()
    steps = quoting(QuoteRequest(case.order, case.wallet, BestSelection.BEST, NOW), work)
    slices: list[float] = []
    while True:
        began = thread_time()
        try:
            next(steps)
        except StopIteration as done:
            quote: Quote = done.value
            slices.append((thread_time() - began) * 1e3)
            return Timing(sum(slices), tuple(slices), work.total, quote.best.exact)
        slices.append((thread_time() - began) * 1e3)


def figures_of(timings: list[Timing], lines: int, coupons: int) -> Figures:
    took = sorted(timing.took for timing in timings)
    return Figures(
        cases=len(timings),
        lines=lines,
        coupons=coupons,
        p50_ms=round(took[len(took) // 2], 2),
        p99_ms=round(took[len(took) * 99 // 100], 2),
        longest_ms=round(took[-1], 2),
        longest_slice_ms=round(max(max(timing.slices) for timing in timings), 2),
        most_visits=max(timing.visits for timing in timings),
        us_a_visit=round(sum(took) * 1e3 / sum(timing.visits for timing in timings), 2),
        not_exact=sum(not timing.exact for timing in timings),
    )


if __name__ == "__main__":
    main()
