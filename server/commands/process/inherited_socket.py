"""The listening socket of one place behind the port, held by the supervisor and lent to its child.

Connections wait in the queue of a socket, and a queue whose last holder closes it is reset, half-open
connections included. So a child that is replaced leaves its queue to the next one: nobody who knocks
meanwhile is turned away. The queue of a child that died is given up at once, because the others behind
the port can take those students in before it is back.
"""

import socket

from server.commands.process.listening import listen
from server.settings import Settings


class ListeningSocket:
    """`fd` is what a child listens on. Opened when it is first asked for, and again after `give_up`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._socket: socket.socket | None = None

    @property
    def fd(self) -> int:
        """Raises CommandError where the port cannot be had."""
        if self._socket is None:
            # Bound only: nobody is let into the queue before a child listens.
            self._socket = listen(self._settings, shared=True)
        return self._socket.fileno()

    def give_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
