"""The shape of a scenario of the bench: cases to compare, and how their results are shown.

Each scenario's file creates one; `rounds` runs it and `tables` renders it.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from loadtest.targets.own_server import OwnServer

Facts = Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class Round:
    """One round. `server` starts a server with that many `web` processes for the block."""

    number: int
    server: Callable[[int], AbstractContextManager[OwnServer]]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The results of one run of one case. `findings`: promises that did not hold; there should be none."""

    values: Mapping[str, float]
    findings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `facts`: what distinguishes it, by the title of its column.

    `run` raises RunError, ServerError, TokenError or the SDK's ApiError if it cannot be run.
    """

    facts: Facts
    run: Callable[[Round], CaseResult]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table. `names`: values, shown with a slash between them; `form`: as in `format`."""

    title: str
    names: Sequence[str]
    form: str = ",.0f"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario.

    name: the one that `--only` takes.
    note: a sentence for the reader of the table.
    cases: returns all cases, or a few tiny ones if its argument (quick) is true.
    runs_once: runs in the first round only, because it takes long.
    """

    name: str
    title: str
    note: str
    cases: Callable[[bool], Sequence[Case]]
    columns: Sequence[Column]
    runs_once: bool = False
