"""A pipe through which a child process reports that it is ready, with one byte.

`supervisor.py` makes the pipe; `web` and `worker` write to it. A pipe is closed when the child ends, and no
other process can write to it. A port would be no proof: the process to be replaced listens on it too.
"""

import asyncio
import os
from contextlib import suppress

_UP = b"1"


class ReadinessPipe:
    """The parent's end. Pass `fd` to the child (`pass_fds`), then call `close_child_end`."""

    def __init__(self) -> None:
        self._reading, self.fd = os.pipe()
        os.set_blocking(self._reading, False)
        self._is_open = True

    def close_child_end(self) -> None:
        """Close our copy of the child's end, so that the pipe is closed when the child ends."""
        os.close(self.fd)

    async def is_up(self, within_s: float) -> bool:
        """Return whether the child became ready within that time. Call once; it closes the pipe."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self._reading, readable.set)
        try:
            async with asyncio.timeout(within_s):
                await readable.wait()
            return os.read(self._reading, 1) == _UP
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(self._reading)
            self.close()

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            os.close(self._reading)


def report_ready(fd: int | None) -> None:
    """Report through the child's end that this process is ready. None: there is no supervisor."""
    if fd is None:
        return
    with suppress(BrokenPipeError):  # the parent does not wait any more
        os.write(fd, _UP)
    os.close(fd)
