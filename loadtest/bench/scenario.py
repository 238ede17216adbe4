"""What a scenario of the bench is: some cases to compare, and how their figures are shown.

Made by the files of the single scenarios; run by `rounds`, rendered by `tables`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from loadtest.targets.own_server import OwnServer

Facts = Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class Round:
    """`server`: a server with so many `web` processes, for as long as the block lasts."""

    number: int
    server: Callable[[int], AbstractContextManager[OwnServer]]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One run of one case. `findings`: promises that were broken; none is allowed."""

    values: Mapping[str, float]
    findings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """`facts`: what sets it apart, by the words of its column. `run` raises RunError, ServerError,
    TokenError or the SDK's ApiError where it cannot be held."""

    facts: Facts
    run: Callable[[Round], CaseResult]


@dataclass(frozen=True, slots=True)
class Column:
    """`names`: of figures, shown with a stroke between them; `form` as in `format`."""

    title: str
    names: Sequence[str]
    form: str = ",.0f"


@dataclass(frozen=True, slots=True)
class Scenario:
    """`name`: for `--only`. `note`: what is measured, for who reads the table. `cases`: all of them, or
    a few tiny ones where it is asked whether they are to be quick. `runs_once`: held in the first round
    only."""

    name: str
    title: str
    note: str
    cases: Callable[[bool], Sequence[Case]]
    columns: Sequence[Column]
    runs_once: bool = False
