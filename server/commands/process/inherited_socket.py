"""A listening socket that the supervisor owns and its child inherits.

Connections wait in the accept queue of a listening socket. When the last process closes the socket, the
kernel resets all of them. Therefore the supervisor keeps the socket open while it replaces a child, and no
connection is refused meanwhile. When a child dies, its socket is closed at once: the other processes on the
port can accept those clients before the child is restarted.
"""

import socket

from server.commands.process.listening import listen
from server.configuration.settings import Settings


class ListeningSocket:
    """A socket on the service's port, opened when `fd` is first read, and again after `give_up`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._socket: socket.socket | None = None

    @property
    def fd(self) -> int:
        """The file descriptor for the child. Raises CommandError where the port cannot be bound."""
        if self._socket is None:
            # Bound but not listening: no connection waits before a child is there to accept it.
            self._socket = listen(self._settings, shared=True)
        return self._socket.fileno()

    def give_up(self) -> None:
        """Close the socket; the kernel resets the connections in its queue."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
