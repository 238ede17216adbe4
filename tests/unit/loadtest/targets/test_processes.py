"""The kernel's facts about our own process and about a child."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from loadtest.targets.processes import (
    cpu_seconds,
    environment_of,
    find_web_processes,
    process_tree,
    rss_kb,
    tree_rss_kb,
)

US = os.getpid()
NOBODY = 2**22 + 1  # above the kernel's greatest


@pytest.fixture
def child() -> Iterator[int]:
    """Start a child that prints a line, then waits for the end of its input. Its arguments are those of a
    `web` process."""
    with subprocess.Popen(
        [sys.executable, "-c", "print(); input()", "web"],
        env={"COLOUR": "blue=green"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.communicate(b"\n")


def test_family_is_a_process_and_all_below_it(child: int) -> None:
    assert process_tree(child) == [child]
    assert {US, child} <= set(process_tree(US))
    assert tree_rss_kb(US) >= rss_kb(US) + rss_kb(child)


def test_web_processes_are_told_by_their_words(child: int) -> None:
    assert child in find_web_processes(US)
    assert find_web_processes(child) == []


def test_environment_is_what_a_process_was_given(child: int) -> None:
    assert environment_of(child)["COLOUR"] == "blue=green"


def test_cpu_time_and_memory_are_those_of_a_python() -> None:
    assert cpu_seconds(US) >= 0.01
    assert rss_kb(US) > 1_000


def test_who_is_gone_has_nothing() -> None:
    assert (cpu_seconds(NOBODY), rss_kb(NOBODY), environment_of(NOBODY)) == (0.0, 0, {})
