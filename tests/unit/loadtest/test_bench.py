"""Rounds are interleaved, and the table says what the file says."""

from dataclasses import replace

from loadtest.bench import Case, Run, as_rows, cases_up_to, measure, render_table

RUN = Run(
    joins_per_s=3_000,
    push_p50_ms=40,
    push_p99_ms=80,
    claim_p99_ms=120,
    claim_span_ms=150,
    us_each=15,
    confirm_p99_ms=200,
    kb_each=8.25,
    findings=0,
)
SMALL, LARGE = Case(1_000), Case(5_000, rooms=10)


def test_every_round_runs_every_case() -> None:
    order: list[tuple[Case, int]] = []

    def run(case: Case, number: int) -> Run:
        order.append((case, number))
        return RUN

    runs = measure([SMALL, LARGE], 2, run)

    assert order == [(SMALL, 0), (LARGE, 0), (SMALL, 1), (LARGE, 1)]
    assert runs == {SMALL: [RUN, RUN], LARGE: [RUN, RUN]}


def test_one_bad_round_does_not_move_the_median_and_its_findings_stay() -> None:
    bad = replace(RUN, push_p99_ms=9_000, findings=2)

    (row,) = as_rows({LARGE: [RUN, bad, RUN]})

    assert row["medians"]["push_p99_ms"] == 80
    assert row["findings"] == 2
    assert row["in_room"] == 500
    assert row["stock"] == 250


def test_no_case_is_larger_than_asked_for() -> None:
    assert max(case.students for case in cases_up_to(2_000)) == 2_000
    assert {case.rooms for case in cases_up_to(10_000)} == {1, 10, 100}


def test_table_names_figures_machine_and_command() -> None:
    table = render_table(
        {
            "machine": "a desk",
            "versions": {"python": "3.11.7"},
            "commit": "abc",
            "command": "make bench",
            "rounds": 3,
            "cases": as_rows({SMALL: [RUN]}),
        }
    )

    assert "| 1,000 | 1 | 3,000 | 40 / 80 | 120 | 150 | 15 | 200 | 8.2 |" in table
    assert "3 interleaved rounds" in table
    assert "a desk; Python 3.11.7; commit abc; `make bench`" in table
