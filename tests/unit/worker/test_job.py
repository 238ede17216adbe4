"""A job looks less often while it finds nothing to do."""

from server.worker.jobs.job import Job


async def _run() -> int:
    return 0


def test_a_round_that_found_something_is_followed_soon() -> None:
    job = Job("number_events", 0.05, "flows.events.number_events", _run, idle_s=0.2)
    assert job.pause_s(found=3) == 0.05


def test_a_round_that_found_nothing_is_followed_later() -> None:
    job = Job("number_events", 0.05, "flows.events.number_events", _run, idle_s=0.2)
    assert job.pause_s(found=0) == 0.2


def test_a_job_without_an_idle_pause_keeps_its_interval() -> None:
    assert Job("trim_outbox", 5.0, "desk.claims.outbox", _run).pause_s(found=None) == 5.0
