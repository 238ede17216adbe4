"""Raise the limit of open files, and derive the number of sockets from it.

Called once by the composition of a web process. Each connection is an open file.
"""

import resource

from server.gateway.sockets.connection_limiter import MAX_SOCKETS, SPARE

_OWN_FILES = 200  # Redis, ledger, logs, files of pages


def max_sockets() -> int:
    """Raise the soft limit to the hard one, and return how many sockets fit, at most MAX_SOCKETS.

    Many systems start a process with a soft limit of 1,024 files and allow a hundred times as many.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return MAX_SOCKETS
    return max(1, min(MAX_SOCKETS, hard - SPARE - _OWN_FILES))
