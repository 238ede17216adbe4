"""Two runs stand side by side: their verdicts first, then each delay with its change."""

import json
from pathlib import Path
from typing import Any

import pytest

from loadtest.__main__ import main
from loadtest.storm.compare import render


def a_run(ms: float, *failures: str) -> dict[str, Any]:
    spread = {"count": 4, "p50": ms, "p90": ms, "p99": ms, "max": ms}
    figures = dict.fromkeys(("join", "push", "claim", "confirm"), spread)
    plan = {"students": 4_000, "stock": 100}
    return {"plan": plan, "figures": figures, "failures": list(failures)}


def test_verdicts_come_before_figures_and_changes_are_in_percent() -> None:
    page = render(a_run(10.0), a_run(15.0, "lost: <one>"))

    assert "First (4,000 students, 100 coupons): Every promise held." in page
    assert "Second (4,000 students, 100 coupons): Not as it should be:" in page
    assert page.index("<li>lost: &lt;one&gt;</li>") < page.index("<table>")
    assert "<td>push, p99</td><td>10.0</td><td>15.0</td><td>+50%</td>" in page


@pytest.mark.parametrize(("failures", "status"), [([], 0), (["lost: one"], 1)])
def test_command_writes_one_file_and_says_how_the_second_run_was(
    tmp_path: Path, failures: list[str], status: int
) -> None:
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    paths[0].write_text(json.dumps(a_run(0.0)), "utf-8")
    paths[1].write_text(json.dumps(a_run(1.0, *failures)), "utf-8")

    assert main(["compare", *map(str, paths), "--html", str(tmp_path / "c.html")]) == status
    assert "<h1>Two storms</h1>" in (tmp_path / "c.html").read_text("utf-8")


def test_a_file_that_is_no_run_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("{}", "utf-8")

    assert main(["compare", str(path), str(path), "--html", str(tmp_path / "c.html")]) == 2
