"""The web processes that share the port, as children of a supervisor. Called by `run` and `web`.

A module of its own, because `run` serves nothing itself and must not import what serves.
"""

from collections.abc import Mapping, Sequence

from server.commands.process.inherited_socket import ListeningSocket
from server.commands.process.supervisor import Child, role_child
from server.configuration.settings import Settings


def web_children(
    settings: Settings,
    environment: Mapping[str, str] | None = None,
    keep_open: Sequence[int] = (),
    arguments: Sequence[str] = (),
) -> list[Child]:
    """Return one child for each web process."""
    return [
        role_child(
            f"web-{number}",
            ("web", "--number", str(number), *arguments),
            environment,
            keep_open,
            ListeningSocket(settings),
        )
        for number in range(settings.processes)
    ]
