"""Make child processes end with their parent, even when the parent is killed with SIGKILL.

Called by `desk.redis.embedded` and `commands.process.supervisor`, which start processes. A leaf.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def kill_child_on_parent_death() -> Callable[[], None] | None:
    """Return a function for `preexec_fn` that lets the kernel kill the child when its parent ends.

    Only on Linux; elsewhere None, and the children of a killed parent keep running. The signal is SIGKILL,
    because a child could ignore another one, and no promise depends on a clean stop.

    Call this, and start the child, from a thread that lives as long as the process: the kernel watches the
    thread that started the child.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(
        None
    ).prctl  # loaded before the fork, because loading a library after it may deadlock
    parent = os.getpid()

    def arm() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before prctl took effect
            os.kill(os.getpid(), signal.SIGKILL)

    return arm
