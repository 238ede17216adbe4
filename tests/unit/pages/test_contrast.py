"""The colours of the pages, light and dark: every text has enough contrast to its background (WCAG AA)."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

TEXT_PAIRS = (
    *(("ink", ground) for ground in ("surface", "ground", "wait-wash", "good-wash")),
    *(("soft", ground) for ground in ("surface", "ground")),
    *(("accent", ground) for ground in ("surface", "ground", "accent-wash")),
    ("on-accent", "accent"),
    *((word, ground) for word in ("good", "wait", "bad") for ground in ("surface", "ground")),
    *((word, f"{word}-wash") for word in ("good", "wait", "bad")),
    ("surface", "good"),
    ("bar-soft", "bar-ground"),
    ("classdrop-on-ticket", "classdrop-ticket"),
)
EDGE_PAIRS = (("edge", "surface"), ("edge", "ground"), ("accent", "track"))


def schemes() -> dict[str, dict[str, str]]:
    css = (files("server.pages") / "static" / "shared" / "page.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\n\s*\}", css, re.DOTALL)[:2]
    found = {
        name: dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", text))
        for name, text in (("light", light), ("dark", dark))
    }
    # The ticket uses the accent's colours if it has none of its own.
    found["light"].setdefault("classdrop-ticket", found["light"]["accent"])
    found["light"].setdefault("classdrop-on-ticket", found["light"]["on-accent"])
    return found


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(scheme: str) -> None:
    colours = schemes()[scheme]
    ratios = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in TEXT_PAIRS}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_edge_of_a_control_can_be_seen(scheme: str) -> None:
    colours = schemes()[scheme]
    ratios = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in EDGE_PAIRS}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 3} == {}


def test_dark_changes_every_colour_that_light_has() -> None:
    light, dark = schemes().values()
    assert set(light) == set(dark)


def test_no_style_has_a_colour_of_its_own() -> None:
    """A colour outside of the variables would stay light in the dark scheme. The undo bar is dark in both."""
    sheets = sorted(Path(str(files("server.pages"))).glob("static/*/*.css"))
    assert len(sheets) > 5
    for item in sheets:
        rules = re.sub(
            r":root \{.*?\n\s*\}|\.takeback[^{]*\{[^}]*\}", "", item.read_text(), flags=re.DOTALL
        )
        assert re.findall(r"#[0-9a-f]{3,6}\b(?=[;\s,)])", rules) == [], item.name
