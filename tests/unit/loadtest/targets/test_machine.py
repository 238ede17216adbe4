"""Limits of the tester's own machine are reported before the run starts."""

from loadtest.targets.machine import Limits, disk_sync_ms, find_problems, loopback_sources

LIMITS = Limits(open_files=20_000, ports=28_000, cores=2, memory_mb=None, load=0.0)


def test_nineteen_thousand_students_fit_into_a_process() -> None:
    assert find_problems(LIMITS, 19_000, 1, sources=4) == []


def test_more_than_the_open_files_need_more_processes() -> None:
    (problem,) = find_problems(LIMITS, 40_000, 1, sources=4)

    assert "use --processes 3" in problem
    assert find_problems(LIMITS, 40_000, 3, sources=4) == []


def test_more_connections_than_ports_are_refused() -> None:
    (problem,) = find_problems(LIMITS, 30_000, 2, sources=0)

    assert "ip_local_port_range" in problem


def test_loopback_has_as_many_sources_as_the_crowd_needs() -> None:
    assert loopback_sources("127.0.0.1", 10) == [f"127.0.0.{n}" for n in (2, 3, 4, 5)]
    assert len(loopback_sources("127.0.0.1", 100_000)) == 10


def test_sync_to_disk_takes_time() -> None:
    delays = disk_sync_ms()

    assert 0 <= delays["p50"] <= delays["p99"]


def test_other_hosts_are_reached_from_the_address_the_kernel_picks() -> None:
    assert loopback_sources("192.0.2.1", 10) == []
    assert loopback_sources("school.example", 10) == []
