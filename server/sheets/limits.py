"""Bound what this process may take. Called first by the programs of this package."""

import os
import resource
from typing import Final

MAX_MEMORY: Final = 1024**3  # bytes of address space; 100,000 rows of ten columns take a quarter
MAX_CPU_SECONDS: Final = 30  # where a program names no other
_NICE: Final = 10  # students' taps go first


def bound_this_process(cpu_seconds: int = MAX_CPU_SECONDS) -> None:
    """Lower this process's limits: memory, CPU and priority. It writes no dump when it ends by one."""
    for limit, bound in (
        (resource.RLIMIT_AS, MAX_MEMORY),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(limit)
        lowest = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(limit, (lowest, lowest))
    os.nice(_NICE)
