"""The README's tables of settings, metrics and results are those of the code."""

import json
import re
from pathlib import Path

from loadtest.bench.command import PUBLISHED
from loadtest.bench.tables import BEGIN, END, render_tables
from server.observability.metrics import Metrics
from tests.support.rendered import settings_table

README = (Path(__file__).parents[3] / "README.md").read_text()


def test_settings_table_is_the_rendered_one() -> None:
    _, _, after = README.partition("settings_table -->\n")
    table, _, _ = after.partition("<!-- /settings -->")

    assert table == settings_table()


def test_tables_of_figures_are_those_of_the_run_that_is_kept() -> None:
    figures = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    _, _, after = README.partition(BEGIN)
    tables, _, _ = after.partition(END)

    assert tables == render_tables(figures)


def test_every_metric_it_names_is_there() -> None:
    named = set(re.findall(r"classdrop_[a-z_]+[a-z]", README))
    families = {family.name for family in Metrics().registry.collect()}

    assert {name.removesuffix("_total") for name in named} <= families
    assert named
