"""What `python -m server ...` does: one file per command, and what they share.

The composition root: the only place that makes things and hands them to each other.
"""


class CommandError(Exception):
    """Cannot go on; `lines` tell the operator why, one thing each. `status` is the exit status:
    2 = refused, asking again changes nothing; 1 = not now, a supervisor may try again."""

    def __init__(self, *lines: str, status: int = 2) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
        self.status = status
