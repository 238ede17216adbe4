from collections.abc import Generator

from server.core.checkout.work_budget import Effort, in_one_go


def _work(effort: Effort, steps: int) -> Generator[None, None, str]:
    for _ in range(steps):
        effort.spend(4)
        yield from effort.pause()
    return "done"


def test_a_slice_ends_when_it_is_full() -> None:
    effort = Effort(slice_size=10)
    work = _work(effort, 7)
    ends = [effort.total for _ in iter(lambda: next(work, True), True)]
    assert ends == [12, 24]


def test_in_one_go_there_is_no_pause() -> None:
    effort = Effort(slice_size=1)
    assert in_one_go(_work(effort, 3)) == "done"
    assert effort.total == 12
