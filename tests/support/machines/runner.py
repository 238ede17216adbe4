"""Runs a Hypothesis machine against a real Redis: one event loop and one client for all its examples.

Hypothesis is synchronous, so a step waits for its calls (`stage.run`); each example has a prefix of its
own. In the suite the examples are few and always the same. `TEST_EXAMPLES=3000` tries that many, others
in every run:

    TEST_EXAMPLES=3000 python -m pytest tests/integration/desk/test_desk_model.py --timeout 3600
"""

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from server.desk import DeskUnavailableError
from server.desk.redis.connection import connect
from server.desk.redis.nodes import Nodes
from server.desk.scripts import loader
from tests.support.servers.redis_server import RedisServer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unavailable:
    """That a call could not be answered, as something that can be compared."""


UNAVAILABLE = Unavailable()


@dataclass(frozen=True, slots=True)
class Stage:
    runner: asyncio.Runner
    redis: Nodes

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(call)

    def answer(self, call: Awaitable[T]) -> T | Unavailable:
        return self.run(_answer(call))

    def new_prefix(self) -> str:
        return f"m{uuid.uuid4().hex[:10]}"

    def keys(self, prefix: str) -> list[bytes]:
        found: list[bytes] = self.run(_keys(self.redis, prefix))
        return found

    def forget(self, prefix: str) -> None:
        """Delete all keys of this prefix and the scripts, as `FLUSHALL` does."""
        self.run(_forget(self.redis, prefix))


async def _answer(call: Awaitable[T]) -> T | Unavailable:
    try:
        return await call
    except DeskUnavailableError:
        return UNAVAILABLE


def expected(call: Callable[[], T]) -> T | Unavailable:
    """The same of a model."""
    try:
        return call()
    except DeskUnavailableError:
        return UNAVAILABLE


async def _keys(redis: Nodes, prefix: str) -> list[bytes]:
    found: Any = await redis.keys(f"{prefix}:*")
    return list(found)


async def _forget(redis: Nodes, prefix: str) -> None:
    keys = await _keys(redis, prefix)
    if keys:
        await redis.unlink(*keys)
    await redis.script_flush()


@contextmanager
def stage_on(server: RedisServer) -> Iterator[Stage]:
    with asyncio.Runner() as runner:
        redis = connect(server.url)
        try:
            yield Stage(runner, redis)
        finally:
            runner.run(redis.aclose())


def run_machine(machine: Callable[[], RuleBasedStateMachine], examples: int, steps: int) -> None:
    """Raises what the machine raised, at its shortest."""
    asked = os.environ.get("TEST_EXAMPLES")
    number = int(asked) if asked else examples
    phases = (Phase.generate, Phase.shrink)
    _run(machine, _settings(number, steps, phases, is_same=not asked))


@dataclass(frozen=True, slots=True)
class Mutant:
    """A script with one thing broken, which a machine has to notice."""

    name: str
    script: str
    text: str
    instead: str

    def __str__(self) -> str:
        return self.name

    def put_in_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Change a script until the test ends."""
        path = files("server.desk.scripts") / f"{self.script}.lua"
        whole = path.read_text("utf-8")
        assert whole.count(self.text) == 1, f"{self.script}.lua has changed: mend the mutant"
        broken = whole.replace(self.text, self.instead)
        source = loader._source

        def mutated(name: str) -> str:
            return source(name).replace(whole, broken)

        monkeypatch.setattr(loader, "_source", mutated)

    def must_be_found(
        self, machine: Callable[[], RuleBasedStateMachine], examples: int, steps: int
    ) -> None:
        with pytest.raises(AssertionError):
            _run(machine, _settings(examples, steps, (Phase.generate,), is_same=True))


def _run(machine: Callable[[], RuleBasedStateMachine], how: settings) -> None:
    # It takes whatever makes a machine.
    run_state_machine_as_test(machine, settings=how)  # type: ignore[arg-type]


def _settings(examples: int, steps: int, phases: tuple[Phase, ...], *, is_same: bool) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=phases,
        derandomize=is_same,
        deadline=None,  # a slow machine is no wrong answer
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
