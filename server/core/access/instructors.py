"""Stops of instructors: one who is stopped opens nothing, until an operator resumes them.

Made by flows/access/instructors.py, checked by the flows that let coupons go out. What students have stays
theirs.
"""

from dataclasses import dataclass

from server.core.refusals import Code, Refused


@dataclass(frozen=True, slots=True)
class InstructorStop:
    """The stop of an instructor as it is now. The other fields are those of the last change; 0 and empty
    where there was none."""

    instructor: str
    stopped: bool = False
    reason: str = ""
    changed_by: str = ""
    changed_at: int = 0


def stopped(instructor: str, reason: str) -> Refused:
    """Return the refusal of whatever this instructor would open."""
    facts = {"instructor": instructor, "reason": reason}
    return Refused(Code.INSTRUCTOR_STOPPED, "an operator has stopped this instructor", facts)
