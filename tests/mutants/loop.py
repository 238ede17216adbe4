"""Run collected tests once for each mutant, in a child that is forked after the collection.

Called by `__main__.py`. Collecting and loading pytest takes a second; a forked child pays only for the tests
that it runs, until the first one fails.
"""

import os
import pickle
import resource
from collections.abc import Callable, Sequence

import hypothesis
import pytest
from _pytest.main import pytest_runtestloop

from tests.mutants.mutations import Mutant

_CPU_SECONDS = 60
_OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-W", "ignore", "--no-header")

PutInPlace = Callable[[Mutant], bool]


def survivors(
    mutants: Sequence[Mutant], tests: Sequence[str], put_in_place: PutInPlace
) -> list[Mutant]:
    """The mutants with which all of `tests` pass. Collects in a child, so that this process stays clean.

    Raises RuntimeError where the tests cannot be collected.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        loop = _Loop(mutants, put_in_place)
        _silence()
        pytest.main([*_OPTIONS, *tests], plugins=[loop])
        with os.fdopen(writing, "wb") as out:
            pickle.dump(loop.survived, out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as results:
        data = results.read()
    os.waitpid(child, 0)
    survived = pickle.loads(data) if data else None
    if survived is None:
        raise RuntimeError(f"no tests collected: {' '.join(tests)}")
    return [mutants[number] for number in survived]


class _Loop:
    """A pytest plugin in the place of the loop over the tests.

    `survived` stays None where pytest ends before that loop."""

    def __init__(self, mutants: Sequence[Mutant], put_in_place: PutInPlace) -> None:
        self._mutants = mutants
        self._put_in_place = put_in_place
        self.survived: list[int] | None = None

    def pytest_sessionstart(self) -> None:
        """Let properties draw the same examples for each mutant, and not look for the smallest failure."""
        hypothesis.settings.register_profile(
            "mutants",
            hypothesis.settings.get_profile("classdrop"),
            derandomize=True,
            phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
        )
        hypothesis.settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.items and not session.testsfailed:
            numbers = range(len(self._mutants))
            self.survived = [n for n in numbers if not self._is_killed(session, self._mutants[n])]
        return True

    def _is_killed(self, session: pytest.Session, mutant: Mutant) -> bool:
        child = os.fork()
        if child == 0:
            # A mutant that loops for ever is killed. Not by an alarm: pytest-timeout has the only one.
            resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
            os._exit(self._run(session, mutant))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0

    def _run(self, session: pytest.Session, mutant: Mutant) -> int:
        try:
            if not self._put_in_place(mutant):
                return 1
            pytest_runtestloop(session)
        except BaseException:
            return 1
        return int(session.testsfailed > 0)


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
