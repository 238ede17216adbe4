"""Check the seals of closed drops: compute each anew from the ledger's claims, and compare.

Called by doctor.py. Looks at every seal there is, one after the other: 10,000 claims take some 0.2 s.
"""

import asyncio
from typing import Final

from server.core.drops.seal_audit import Names, differences
from server.core.students.erasure import is_pseudonym
from server.flows.consistency.findings import PERSON, Finding, FindingKind
from server.ledger.consistency import seal_audit
from server.ledger.engine import Ledger

_AT_ONCE: Final = 500  # keys of seals in one read
_NAMED: Final = 5  # differences of one seal


async def check_seals(ledger: Ledger) -> list[Finding]:
    """Return the seals that differ from the ledger: a claim was changed, added or taken away since."""
    found: list[Finding] = []
    async with ledger.read() as conn:
        merged = await seal_audit.merged_names(conn)

    names = Names(lambda student: merged.get(student, ()), is_pseudonym)
    after: seal_audit.Key = ("", 0)
    while True:
        async with ledger.read() as conn:
            keys = await seal_audit.keys_after(conn, after, _AT_ONCE)
        if not keys:
            return found
        after = keys[-1]
        for key in keys:
            async with ledger.read() as conn:
                evidence = await seal_audit.evidence_of(conn, key)
            if evidence is not None:
                said = await asyncio.to_thread(differences, evidence, names)
                found += _findings(key, said)


def _findings(key: seal_audit.Key, said: list[str]) -> list[Finding]:
    if not said:
        return []
    more = f" (and {len(said) - _NAMED} more)" if len(said) > _NAMED else ""
    what = f"seal {key[1]} of drop {key[0]}: {'; '.join(said[:_NAMED])}{more}"
    return [Finding(FindingKind.SEAL_DIFFERS, what, PERSON, drop=key[0])]
