"""Renders a storm as one HTML file that needs no network: a table, the verdict and three plots.

Called by the storm command. plotly's script is written into the page.
"""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

import plotly.graph_objects as go

from loadtest.gates import STATISTICS
from loadtest.storm.classroom import StormRun
from loadtest.storm.results import Arrival, Results, outcome_line

_MOST_POINTS: Final = 4_000  # of one curve: more than a screen has pixels in a row
_COLOURS: Final = {"won": "#1a7f4b", "sold_out": "#b9b9b9"}
_OTHER: Final = "#c2571a"
_CURVE_COLOURS: Final = ("#3b5bdb", "#1a7f4b", "#c2571a")
_MEANINGS: Final = {
    "join": "planned moment to welcome",
    "push": "the teacher's press to the card",
    "claim": "planned tap to answer",
    "confirm": "won to confirmed",
}
_FACTS: Final = {"load_before": "load before", "kb_each": "KB a student, in the server"}
_PAGE: Final = Template("""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Storm: $title</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { font-size: 1.25rem; margin: 2rem 0 0 } p { margin: .25rem 0 1rem }
.wide { overflow-x: auto } table { border-collapse: collapse; white-space: nowrap }
td, th { padding: .25rem 1rem .25rem 0; text-align: right; font-variant-numeric: tabular-nums }
td:first-child, th:first-child, td:last-child, th:last-child { text-align: left }
td:last-child, dt, h2 + p { color: #555 } .good { color: #1a7f4b } .bad { color: #b3261e }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem }
@media (max-width: 34rem) { table { font-size: .85rem } td, th { padding-right: .5rem } }
dt { max-width: 7rem } dd { margin: 0; overflow-wrap: anywhere }
</style>
<h1>$title</h1>
<p class="$verdict_class">$verdict</p>
$failures
<div class="wide">$table</div>
<p>$outcomes</p>
$plots
<h2>Where</h2>
<dl>$facts</dl>
</html>
""")


def write_report(
    run: StormRun, facts: Mapping[str, object], failures: Sequence[str], path: Path
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(run, facts, failures), encoding="utf-8")


def render(run: StormRun, facts: Mapping[str, object], failures: Sequence[str]) -> str:
    """Return the page. `failures`: broken promises and gates that were exceeded."""
    plan = run.plan
    items = "".join(f"<li>{html.escape(failure)}</li>" for failure in failures)
    verdict = "Every promise held." if not failures else "Not as it should be:"
    return _PAGE.substitute(
        title=f"{plan.students:,} students, {plan.stock:,} coupons",
        verdict_class="bad" if failures else "good",
        verdict=verdict,
        failures=f"<ul>{items}</ul>" if failures else "",
        table=_table(run.results),
        outcomes=html.escape(outcome_line(run.results)),
        plots=_plots(run),
        facts="".join(_fact(name, value) for name, value in facts.items()),
    )


def _table(results: Results) -> str:
    names = ("delay, ms", "samples", *STATISTICS, "from … to")
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = []
    for name, spread in results.spreads.items():
        cells = "".join(f"<td>{getattr(spread, one):,.1f}</td>" for one in STATISTICS)
        cells = f"<td>{name}</td><td>{spread.count:,}</td>{cells}<td>{_MEANINGS[name]}</td>"
        rows.append(f"<tr>{cells}</tr>")
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _fact(name: str, value: object) -> str:
    if isinstance(value, Mapping):
        value = ", ".join(f"{one} {which}" for one, which in value.items())
    return f"<dt>{html.escape(_FACTS.get(name, name))}</dt><dd>{html.escape(str(value))}</dd>"


@dataclass(frozen=True, slots=True)
class _Picture:
    title: str
    text: str
    figure: go.Figure


def _plots(run: StormRun) -> str:
    arrivals, stock = run.arrivals, run.plan.stock
    pictures = (_delivery(arrivals), _claims(arrivals, stock), _winners(arrivals))
    return "".join(
        f"<h2>{one.title}</h2><p>{one.text}</p>{_html(one.figure, is_first=number == 0)}"
        for number, one in enumerate(pictures)
    )


def _html(figure: go.Figure, *, is_first: bool) -> str:
    """Return the plot as HTML. The first plot brings plotly's script for all of them."""
    figure.update_layout(
        template="plotly_white",
        height=380,
        margin={"l": 60, "r": 12, "t": 40, "b": 50},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "itemsizing": "constant"},
    )
    config = {"responsive": True, "displaylogo": False, "displayModeBar": False}
    page: str = figure.to_html(full_html=False, include_plotlyjs=is_first, config=config)
    return page


def _delivery(arrivals: Sequence[Arrival]) -> _Picture:
    reached = [one.pushed_ms for one in arrivals if one.pushed_ms is not None]
    curve = _Curve("the card", reached, 1)
    figure = _growth([curve], curve.last_ms, "students who have the card")
    figure.update_layout(showlegend=False)
    return _Picture("Delivery", "How many students have the card, and when.", figure)


def _claims(arrivals: Sequence[Arrival], stock: int) -> _Picture:
    """Plot percentages, because few students win and many ask: in absolute numbers the winners would be
    invisible."""
    answered = [one.answered_ms for one in arrivals if one.answered_ms is not None]
    won = [one.answered_ms for one in arrivals if one.outcome == "won" and one.answered_ms]
    confirmed = [one.confirmed_ms for one in arrivals if one.confirmed_ms is not None]
    curves = [
        _Curve(f"answered, of {len(arrivals):,} students", answered, 100 / len(arrivals)),
        _Curve(f"won, of {stock:,} coupons", won, 100 / stock),
        _Curve(f"confirmed, of {stock:,} coupons", confirmed, 100 / stock),
    ]
    until_ms = max(curve.last_ms for curve in curves)
    figure = _growth(curves, until_ms, "share, %")
    return _Picture("Claims", "How many students have their answer, and coupons an owner.", figure)


def _winners(arrivals: Sequence[Arrival]) -> _Picture:
    """Plot the answers by the order in which the card arrived, to show whether being early decides who
    wins."""
    ranked: dict[str, list[tuple[int, float]]] = {}
    for rank, one in enumerate(arrivals, 1):
        if one.answered_ms is not None and one.outcome is not None:
            ranked.setdefault(one.outcome, []).append((rank, one.answered_ms))
    # The winners are drawn last, so that other dots do not hide them.
    outcomes = sorted(ranked, key=lambda outcome: (outcome == "won", outcome))
    figure = go.Figure([_dots(outcome, ranked[outcome]) for outcome in outcomes])
    figure.update_layout(showlegend=True)
    figure.update_xaxes(title="students, in the order of arrival")
    figure.update_yaxes(title="answer, ms after the press", rangemode="tozero")
    text = "Each dot is a student: how early the card came, and how soon the answer."
    return _Picture("Who won, by arrival", text, figure)


def _dots(outcome: str, ranked: Sequence[tuple[int, float]]) -> go.Scatter:
    shown = [ranked[index] for index in _thinned(len(ranked))]
    return go.Scatter(
        x=[rank for rank, _ in shown],
        y=[moment for _, moment in shown],
        name=outcome.replace("_", " "),
        mode="markers",
        marker={"size": 5, "color": _COLOURS.get(outcome, _OTHER)},
    )


class _Curve:
    """The number of samples up to each moment, multiplied by `unit`."""

    def __init__(self, name: str, samples_ms: Sequence[float], unit: float) -> None:
        self.name = name
        self._ordered = sorted(samples_ms)
        self._unit = unit

    @property
    def last_ms(self) -> float:
        return self._ordered[-1] if self._ordered else 0.0

    def drawn(self, until_ms: float, colour: str) -> go.Scatter:
        """Return the line from 0 to `until_ms`, also after its last sample."""
        kept = _thinned(len(self._ordered))
        return go.Scatter(
            x=[0.0, *(self._ordered[index] for index in kept), until_ms],
            y=[0.0, *((index + 1) * self._unit for index in kept), len(self._ordered) * self._unit],
            name=self.name,
            mode="lines",
            line={"shape": "hv", "color": colour},
        )


def _growth(curves: Sequence[_Curve], until_ms: float, counted: str) -> go.Figure:
    colours = zip(curves, _CURVE_COLOURS, strict=False)
    figure = go.Figure([curve.drawn(until_ms, colour) for curve, colour in colours])
    figure.update_layout(showlegend=True)
    figure.update_xaxes(title="ms after the press", rangemode="tozero")
    figure.update_yaxes(title=counted, rangemode="tozero")
    return figure


def _thinned(count: int) -> Sequence[int]:
    """Return at most `_MOST_POINTS` indexes, evenly spaced; the first and the last are always kept."""
    step = max(1, math.ceil(count / _MOST_POINTS))
    return [*range(0, count - 1, step), count - 1] if count else []
