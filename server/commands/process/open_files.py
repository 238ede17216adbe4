"""How many files this process may have open: each connection is one.

Called once by the composition of a web process. Knows nothing of what the files are.
"""

import resource

from server.gateway.connection_limiter import MAX_SOCKETS, SPARE

_OWN_FILES = 200  # Redis, ledger, logs, pages being read


def most_sockets() -> int:
    """At most MAX_SOCKETS, and no more than the machine lets this process have once it has asked for
    what it may: many start a process with 1,024 files and allow it a hundred times that."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return MAX_SOCKETS
    return max(1, min(MAX_SOCKETS, hard - SPARE - _OWN_FILES))
