"""How a child tells whoever started it that it is up: one byte through a pipe.

`supervisor.py` makes the pipe, `web` and `worker` write to it. A pipe, because it also ends when the child
does, and nobody else can hold it: a port that answers may be answered by the one that is to be replaced.
"""

import asyncio
import os
from contextlib import suppress

_UP = b"1"


class UpSign:
    """The parent's end. `fd` goes to the child (`pass_fds`); `handed_over` once it has been started."""

    def __init__(self) -> None:
        self._reading, self.fd = os.pipe()
        os.set_blocking(self._reading, False)
        self._is_open = True

    def handed_over(self) -> None:
        """Ours of the child's end is closed: then the pipe ends with the child."""
        os.close(self.fd)

    async def is_up(self, within_s: float) -> bool:
        """False: it ended, or was not up by then. To be asked once."""
        loop = asyncio.get_running_loop()
        heard = asyncio.Event()
        loop.add_reader(self._reading, heard.set)
        try:
            async with asyncio.timeout(within_s):
                await heard.wait()
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


def tell_up(fd: int | None) -> None:
    """The child's end. None: nobody asked."""
    if fd is None:
        return
    with suppress(BrokenPipeError):  # nobody listens any more
        os.write(fd, _UP)
    os.close(fd)
