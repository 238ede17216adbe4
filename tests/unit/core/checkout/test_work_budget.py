from collections.abc import Generator

from server.core.checkout.work_budget import WorkBudget, run_to_completion


def _work(effort: WorkBudget, steps: int) -> Generator[None, None, str]:
    for _ in range(steps):
        effort.spend(4)
        yield from effort.pause()
    return "done"


def test_a_slice_ends_when_it_is_full() -> None:
    effort = WorkBudget(slice_size=10)
    work = _work(effort, 7)
    ends = [effort.total for _ in iter(lambda: next(work, True), True)]
    assert ends == [12, 24]


def test_in_one_go_there_is_no_pause() -> None:
    effort = WorkBudget(slice_size=1)
    assert run_to_completion(_work(effort, 3)) == "done"
    assert effort.total == 12
