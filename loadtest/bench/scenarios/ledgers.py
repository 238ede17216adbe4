"""The cases of a scenario that runs on each ledger: SQLite with one `web` process and, if the machine has
PostgreSQL, that with two.

Used by the scenarios whose work ends in the ledger.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, NamedTuple, TypeVar

from loadtest.bench.scenario import Case, CaseResult, Facts, Round
from loadtest.clients.tokens import SignedTokens
from loadtest.targets.own_postgres import has_postgres, own_postgres
from loadtest.targets.own_server import OwnServer, own_server

SizeT = TypeVar("SizeT")
# (url, tokens, size): one run of the scenario against a server.
Run = Callable[[str, SignedTokens, SizeT], Coroutine[Any, Any, CaseResult]]


class _Work(NamedTuple):
    """`name` begins the names of the students, which differ from round to round."""

    name: str
    run: Run[Any]
    size: Any


def cases(
    name: str,
    run: Run[SizeT],
    size: SizeT,
    *,
    quick: SizeT,
    is_quick: bool,
    on_postgres: SizeT | None = None,
) -> list[Case]:
    """Return the cases, or a tiny one on SQLite where `is_quick` is true. `name` begins the names of the
    students. `on_postgres`: the size on PostgreSQL, where it is another.
    """
    facts: Facts = {"ledger": "SQLite", "`web` processes": 1}
    if is_quick:
        return [Case(facts, partial(_on_sqlite, _Work(name, run, quick)))]
    found = [Case(facts, partial(_on_sqlite, _Work(name, run, size)))]
    if has_postgres():
        facts = {"ledger": "PostgreSQL", "`web` processes": 2}
        work = _Work(name, run, size if on_postgres is None else on_postgres)
        found.append(Case(facts, partial(_on_postgres, work)))
    return found


def _on_sqlite(work: _Work, one: Round) -> CaseResult:
    return _measure(one.server(1), work, one)


def _on_postgres(work: _Work, one: Round) -> CaseResult:
    with own_postgres() as url:
        return _measure(own_server(2, url), work, one)


def _measure(server: AbstractContextManager[OwnServer], work: _Work, one: Round) -> CaseResult:
    with server as running:
        tokens = SignedTokens(running.secret, f"{work.name}-{one.number}")
        return asyncio.run(work.run(running.url, tokens, work.size))
