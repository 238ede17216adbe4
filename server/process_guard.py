"""A child process that cannot outlive its parent, even one killed with SIGKILL.

Called by whoever starts processes (`desk.embedded`, `commands.supervisor`). A leaf.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def kill_child_on_parent_death() -> Callable[[], None] | None:
    """For `preexec_fn`. Linux only; elsewhere None: a killed parent then leaves its children to be
    ended by hand. SIGKILL, because a half-stopped child is still a child left behind, and every
    promise holds through it anyway.

    Must be called, and the child started, from a thread that lives as long as the process: the
    kernel watches the thread.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: loading a library after fork may deadlock
    parent = os.getpid()

    def arm() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died between fork and here
            os.kill(os.getpid(), signal.SIGKILL)

    return arm
