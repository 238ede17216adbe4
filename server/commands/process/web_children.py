"""The web processes behind one port, as children of a supervisor. Called by `run` and `web`.

A file of its own, because `run` serves nobody and imports nothing that does.
"""

from collections.abc import Mapping, Sequence

from server.commands.process.inherited_socket import ListeningSocket
from server.commands.process.supervisor import Child, role
from server.settings import Settings


def web_children(
    settings: Settings,
    environment: Mapping[str, str] | None = None,
    keep_open: Sequence[int] = (),
    arguments: Sequence[str] = (),
) -> list[Child]:
    """The processes behind the port, for a supervisor."""
    return [
        role(
            f"web-{number}",
            ("web", "--number", str(number), *arguments),
            environment,
            keep_open,
            ListeningSocket(settings),
        )
        for number in range(settings.processes)
    ]
