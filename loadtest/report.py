"""A storm as one HTML file that needs no network: the table, the verdict and three pictures.

Called by the command. plotly brings its own script file along; it is written into the page.
"""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Final

import plotly.graph_objects as go

from loadtest.figures import Arrival, Figures, outcome_line
from loadtest.gates import STATISTICS
from loadtest.storm import Storm

_MOST_POINTS: Final = 4_000  # of a curve: more than a screen is wide
_COLOURS: Final = {"won": "#1a7f4b", "sold_out": "#b9b9b9"}
_OTHER: Final = "#c2571a"
_PAGE: Final = Template("""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Classdrop storm</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse } td, th { padding: .25rem 1rem .25rem 0; text-align: right }
td:first-child, th:first-child { text-align: left } .good { color: #1a7f4b } .bad { color: #b3261e }
dt { float: left; clear: left; width: 8rem; color: #555 } dd { margin-left: 8rem }
</style>
<h1>$title</h1>
<p class="$verdict_class">$verdict</p>
$findings
$table
<p>$outcomes</p>
$plots
<h2>Where</h2>
<dl>$facts</dl>
</html>
""")


def write_report(storm: Storm, facts: Mapping[str, object], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(storm, facts), encoding="utf-8")


def render(storm: Storm, facts: Mapping[str, object]) -> str:
    plan, findings = storm.plan, storm.findings
    items = "".join(f"<li>{html.escape(str(finding))}</li>" for finding in findings)
    verdict = "Every promise held." if not findings else "Promises were broken:"
    return _PAGE.substitute(
        title=f"{plan.students:,} students, {plan.stock:,} coupons",
        verdict_class="bad" if findings else "good",
        verdict=verdict,
        findings=f"<ul>{items}</ul>" if findings else "",
        table=_table(storm.figures),
        outcomes=html.escape(outcome_line(storm.figures)),
        plots=_plots(storm.arrivals),
        facts="".join(_fact(name, value) for name, value in facts.items()),
    )


def _table(figures: Figures) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("delay, ms", "samples", *STATISTICS))
    rows = []
    for name, spread in figures.spreads.items():
        cells = "".join(f"<td>{getattr(spread, one):,.1f}</td>" for one in STATISTICS)
        rows.append(f"<tr><td>{name}</td><td>{spread.count:,}</td>{cells}</tr>")
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _fact(name: str, value: object) -> str:
    if isinstance(value, Mapping):
        value = ", ".join(f"{one} {which}" for one, which in value.items())
    return f"<dt>{html.escape(name)}</dt><dd>{html.escape(str(value))}</dd>"


def _plots(arrivals: Sequence[Arrival]) -> str:
    figures = (_delivery(arrivals), _claims(arrivals), _winners(arrivals))
    return "".join(
        figure.to_html(full_html=False, include_plotlyjs=number == 0)
        for number, figure in enumerate(figures)
    )


def _delivery(arrivals: Sequence[Arrival]) -> go.Figure:
    reached = [one.pushed_ms for one in arrivals if one.pushed_ms is not None]
    return _figure("Delivery", "students who have the card", [_curve("the card", reached)])


def _claims(arrivals: Sequence[Arrival]) -> go.Figure:
    answered = [one.answered_ms for one in arrivals if one.answered_ms is not None]
    won = [one.answered_ms for one in arrivals if one.outcome == "won" and one.answered_ms]
    confirmed = [one.confirmed_ms for one in arrivals if one.confirmed_ms is not None]
    curves = [
        _curve("answered", answered),
        _curve("won", won),
        _curve("confirmed", confirmed),
    ]
    return _figure("Claims", "students", curves)


def _winners(arrivals: Sequence[Arrival]) -> go.Figure:
    """By the order in which the card came: is being early what decides?"""
    ranked: dict[str, tuple[list[int], list[float]]] = {}
    for rank, one in enumerate(arrivals):
        if one.answered_ms is not None and one.outcome is not None:
            ranks, moments = ranked.setdefault(one.outcome, ([], []))
            ranks.append(rank)
            moments.append(one.answered_ms)
    dots = [
        go.Scattergl(
            x=ranks,
            y=moments,
            name=outcome,
            mode="markers",
            marker={"size": 3, "color": _COLOURS.get(outcome, _OTHER)},
        )
        for outcome, (ranks, moments) in ranked.items()
    ]
    figure = go.Figure(dots)
    figure.update_layout(title="Who won, by arrival", template="plotly_white", height=420)
    figure.update_xaxes(title="students, in the order in which the card reached them")
    figure.update_yaxes(title="answer, ms after the press")
    return figure


def _curve(name: str, samples_ms: Sequence[float]) -> go.Scatter:
    """How many had come by when; thinned evenly, the first and the last kept."""
    ordered = sorted(samples_ms)
    step = max(1, len(ordered) // _MOST_POINTS)
    kept = [*range(0, len(ordered), step), *([len(ordered) - 1] if ordered else [])]
    return go.Scatter(
        x=[ordered[index] for index in kept],
        y=[index + 1 for index in kept],
        name=name,
        mode="lines",
        line={"shape": "hv"},
    )


def _figure(title: str, counted: str, curves: Sequence[go.Scatter]) -> go.Figure:
    figure = go.Figure(list(curves))
    figure.update_layout(title=title, template="plotly_white", height=420, showlegend=True)
    figure.update_xaxes(title="ms after the press", rangemode="tozero")
    figure.update_yaxes(title=counted, rangemode="tozero")
    return figure
