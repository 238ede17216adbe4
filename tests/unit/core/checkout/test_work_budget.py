from collections.abc import Generator

from server.core.checkout.quoting.work_budget import WorkBudget, run_to_completion


def _steps(work: WorkBudget, steps: int) -> Generator[None, None, str]:
    for _ in range(steps):
        work.charge(4)
        yield from work.yield_if_full()
    return "done"


def test_a_slice_ends_when_it_is_full() -> None:
    work = WorkBudget(slice_size=10)
    steps = _steps(work, 7)
    ends = [work.total for _ in iter(lambda: next(steps, True), True)]
    assert ends == [12, 24]


def test_a_slice_is_full_at_its_size() -> None:
    work = WorkBudget(slice_size=8)
    steps = _steps(work, 5)
    assert [work.total for _ in iter(lambda: next(steps, True), True)] == [8, 16]


def test_run_to_completion_makes_no_pause() -> None:
    work = WorkBudget(slice_size=1)
    assert run_to_completion(_steps(work, 3)) == "done"
    assert work.total == 12
