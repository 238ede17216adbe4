"""The commands of `python -m server`: one module for each, and what they share.

`process/` has the composition roots, the only places that create the parts and connect them, and the
modules that run, supervise and observe a process.
"""


class CommandError(Exception):
    """The command cannot continue. `lines` tell the operator why, one reason each.

    `status` is the exit status: 1 means that a supervisor may try again later, 2 that a retry is useless.
    """

    def __init__(self, *lines: str, status: int = 2) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
        self.status = status
