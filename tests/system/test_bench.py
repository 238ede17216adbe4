"""Every scenario of the benchmark, on tiny crowds: it runs, it finds nothing, it says something."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.bench.scenario_list import SCENARIOS
from tests.support.servers.stack import Programs

_ROOT = Path(__file__).parents[2]
_SECONDS = 100


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "loadtest", "bench", *arguments],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def test_every_scenario_runs_and_breaks_no_promise(tmp_path: Path) -> None:
    file = tmp_path / "out" / "bench.json"

    ended = bench("--quick", "--rounds", "1", "--json", str(file))

    assert ended.returncode == 0, ended.stdout + ended.stderr
    figures = json.loads(file.read_text())
    assert [row["name"] for row in figures["scenarios"]] == [one.name for one in SCENARIOS]
    medians = {row["name"]: row["cases"][0]["medians"] for row in figures["scenarios"]}
    assert medians["largest"]["joins_per_s"] > 0
    assert medians["rooms"]["push_us_each"] > 0
    assert medians["reconnect"]["back_last_ms"] > 0
    assert medians["reconnect"]["taps_during"] > 0
    assert medians["deaf"]["evicted"] == 5
    assert medians["desk"]["claims_per_s"] > 0
    assert figures["commit"] in ended.stdout


def test_a_scenario_that_only_its_name_starts_runs_and_breaks_no_promise() -> None:
    ended = bench("--only", "events", "--quick", "--rounds", "1")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "told/s" in ended.stdout


def test_scenario_that_is_not_there_is_refused() -> None:
    ended = bench("--only", "naps")

    assert ended.returncode == 2
    assert "no scenario naps" in ended.stdout


def test_tiny_figures_are_not_published(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    file.write_text('{"is_quick": true, "scenarios": []}')

    ended = bench("--publish", str(file))

    assert ended.returncode == 2
    assert "not for the README" in ended.stdout


@pytest.mark.skipif(not shutil.which("redis-benchmark"), reason="no redis-benchmark")
def test_desk_bench_says_one_line_for_each_that_is_asked(programs: Programs) -> None:
    program = programs.start(["desk-bench", "7", "redis-benchmark", "--seconds", "0.05"])

    assert program.wait(30) == 0, program.errors
    desk, benchmark = (json.loads(line) for line in program.output.splitlines())
    assert (desk["by"], desk["batch"]) == ("desk", 7)
    assert desk["claims"] % 7 == 0
    assert desk["claims_per_s"] > 0
    assert (benchmark["by"], benchmark["claims"]) == ("redis-benchmark", 1_000)
