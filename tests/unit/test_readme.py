"""What the README says about settings and metrics is what the code has."""

import re
from pathlib import Path

from server.settings import settings_table
from server.telemetry import Metrics

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_settings_table_is_the_rendered_one() -> None:
    _, _, after = README.partition("settings_table -->\n")
    table, _, _ = after.partition("<!-- /settings -->")

    assert table == settings_table()


def test_every_metric_it_names_is_there() -> None:
    named = set(re.findall(r"classdrop_[a-z_]+[a-z]", README))
    families = {family.name for family in Metrics().registry.collect()}

    assert {name.removesuffix("_total") for name in named} <= families
    assert named
