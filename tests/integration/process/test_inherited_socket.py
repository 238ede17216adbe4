"""The queue of a listening socket: whoever waits in it outlives the process that is replaced."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from server.commands.process.inherited_socket import ListeningSocket
from server.commands.process.listening import listen
from server.configuration.settings import Settings, read_settings
from tests.support.servers.stack import free_port

KNOCKERS = 40


@pytest.fixture
def settings() -> Settings:
    return read_settings({"CLASSDROP_PORT": str(free_port())})


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def knock(stack: ExitStack, settings: Settings) -> list[socket.socket]:
    """A client that waits in the queue and has sent something."""
    knockers = []
    for _ in range(KNOCKERS):
        one = stack.enter_context(socket.create_connection(("127.0.0.1", settings.port), 5))
        one.sendall(b"hello")
        knockers.append(one)
    return knockers


def lent(listening_socket: ListeningSocket) -> socket.socket:
    """Return the socket as a child inherits it."""
    child = socket.socket(fileno=os.dup(listening_socket.fd))
    child.listen(256)
    return child


def served(listening: socket.socket, how_many: int) -> int:
    """Count the connections that can be accepted and have sent their bytes."""
    listening.settimeout(5)
    heard = 0
    for _ in range(how_many):
        with closing(listening.accept()[0]) as one:
            heard += one.recv(5) == b"hello"
            one.sendall(b"welcome")
    return heard


def was_turned_away(one: socket.socket) -> bool:
    one.settimeout(5)
    try:
        return one.recv(7) != b"welcome"
    except ConnectionResetError:
        return True


def test_who_waits_when_a_child_leaves_is_let_in_by_the_next(
    settings: Settings, stack: ExitStack
) -> None:
    listening_socket = ListeningSocket(settings)
    stack.callback(listening_socket.give_up)
    leaving = lent(listening_socket)
    knockers = knock(stack, settings)
    leaving.close()
    following = stack.enter_context(lent(listening_socket))

    assert served(following, KNOCKERS) == KNOCKERS
    assert not any(was_turned_away(one) for one in knockers)


def test_control_a_queue_nobody_holds_is_lost(settings: Settings, stack: ExitStack) -> None:
    """Each process with a socket of its own on the shared port, as it would be without doors."""
    leaving = listen(settings, shared=True)
    following = stack.enter_context(listen(settings, shared=True))
    for one in (leaving, following):
        one.listen(256)
    knockers = knock(stack, settings)
    leaving.close()

    following.setblocking(False)
    let_in = 0
    try:
        while True:
            with closing(following.accept()[0]) as one:
                one.sendall(b"welcome")
                let_in += 1
    except BlockingIOError:
        pass
    assert 0 < let_in < KNOCKERS
    assert sum(was_turned_away(one) for one in knockers) == KNOCKERS - let_in


def test_a_door_that_was_given_up_leaves_everybody_to_the_others(
    settings: Settings, stack: ExitStack
) -> None:
    """The socket of a child that died is closed: no client waits for the restart."""
    dead, alive = ListeningSocket(settings), ListeningSocket(settings)
    stack.callback(alive.give_up)
    lent(dead).close()
    living = stack.enter_context(lent(alive))
    dead.give_up()
    knockers = knock(stack, settings)

    assert served(living, KNOCKERS) == KNOCKERS
    assert not any(was_turned_away(one) for one in knockers)


def test_nobody_is_let_into_a_queue_before_a_child_listens(settings: Settings) -> None:
    listening_socket = ListeningSocket(settings)
    assert listening_socket.fd > 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", settings.port), 5)
    listening_socket.give_up()
