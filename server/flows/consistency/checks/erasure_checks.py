"""Check that no erased student is back, and erase again who is: what has to follow a restore.

Called by commands/doctor.py beside the other checks, with the keys of the hashes. A copy of the database that
is older than an erasure has the id and lacks the line of the list; Redis keeps the list too, so that one of
the two has it unless both were restored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from server.core.students.erasure import hashes_of, key_name
from server.desk.student_eraser import StudentEraser
from server.flows.consistency.findings import Finding, FindingKind, Repair
from server.flows.stores import Stores
from server.flows.students.erase import erase_again, remembered_erasures
from server.ledger.engine import Ledger
from server.ledger.students.erased_ids import traces
from server.ledger.students.erasures import Erasure


@dataclass(frozen=True, slots=True)
class ErasureChecks:
    """`keys`: those of the installation's secrets; an erasure whose key is not among them cannot be told."""

    stores: Stores
    eraser: StudentEraser
    keys: Sequence[bytes]

    @property
    def _ledger(self) -> Ledger:
        return self.stores.ledger

    async def find(self) -> list[Finding]:
        """Return a finding for each erased student who is back, and one for erasures that cannot be told."""
        known = await remembered_erasures(self._ledger, self.eraser)
        names = {key_name(key) for key in self.keys}
        untold = sum(each.key_name not in names for each in known)
        found = [_untold(untold)] if untold else []
        back = await self._back(known)
        return [*found, *(_back(each.pseudonym) for each in back.values())]

    async def repair(self) -> list[Repair]:
        """Erase again everybody who is back. Repeatable."""
        back = await self._back(await remembered_erasures(self._ledger, self.eraser))
        for student, erasure in back.items():
            await erase_again(self.stores, self.eraser, student, erasure)
        return [Repair(f"erased again, as {each.pseudonym}") for each in back.values()]

    async def _back(self, known: Sequence[Erasure]) -> dict[str, Erasure]:
        """Return student -> erasure, of erased students with rows from before their erasure."""
        by_hash = {each.student_hash: each for each in known if each.done_at is not None}
        back: dict[str, Erasure] = {}
        if not by_hash:
            return back
        async for page in traces(self._ledger):
            for student, since in page.items():
                for hashed in hashes_of(self.keys, student).values():
                    erasure = by_hash.get(hashed)
                    if erasure is not None and since < (erasure.done_at or 0):
                        back[student] = erasure
        return back


def _back(pseudonym: str) -> Finding:
    return Finding(
        FindingKind.ERASED_STUDENT_BACK,
        f"a student who was erased is back, in rows from before that (now {pseudonym}): an older copy of the "
        "database was restored",
        "--repair erases the student again",
        student=pseudonym,
    )


def _untold(count: int) -> Finding:
    return Finding(
        FindingKind.ERASURES_UNTOLD,
        f"{count} erasures were written down with a secret that is not in CLASSDROP_SECRET: whether those "
        "students are back cannot be told",
        "keep the older secret in the list, behind the one that signs",
    )
