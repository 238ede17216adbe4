"""The access rules that are in force, in memory: who is blocked, which tokens are revoked.

One for each web process, made by the composition root and kept up to date by flows/access/follow_rules.py.
Asked for each tap and for each token, so a question costs a few look-ups in a dict and never a read of Redis
or the ledger.
"""

from collections.abc import Iterable
from typing import Final

from server.core.access.rules import BLOCKS, AccessRule, RuleKind
from server.core.identity import Identity

_FOR_EVER: Final = 2**63
# value -> (id of the rule, when it ends)
_Values = dict[str, tuple[str, int]]


class AccessRules:
    """`version` is that of the newest rule here. `revocations` counts the changes of revoked tokens, so that
    open sockets are looked through only after one. `blocks_somebody` is read before anything else."""

    def __init__(self) -> None:
        self.version = 0
        self.revocations = 0
        self.blocks_somebody = False
        self._values: dict[RuleKind, _Values] = {kind: {} for kind in RuleKind}
        self._made_before: dict[RuleKind, dict[str, int]] = {
            RuleKind.SUBJECT: {},
            RuleKind.MADE_BEFORE: {},
        }
        self._oldest_good = 0
        self._revokes_some = False

    def __len__(self) -> int:
        return sum(map(len, self._values.values()))

    def apply(self, rules: Iterable[AccessRule], now: int) -> None:
        """Take over changed rules. Repeatable; the order of rules of one version does not matter."""
        for rule in rules:
            self.version = max(self.version, rule.version)
            if rule.is_in_force(now):
                self._values[rule.kind][rule.value] = (rule.id, rule.until or _FOR_EVER)
                if rule.made_before is not None:
                    self._made_before[rule.kind][rule.value] = rule.made_before
                self.revocations += rule.kind not in BLOCKS
            else:
                self._forget(rule.kind, rule.value, rule.id)
        self._summarize()

    def clear(self) -> None:
        """Forget all rules, before all are read again."""
        for values in self._values.values():
            values.clear()
        for instants in self._made_before.values():
            instants.clear()
        self.version = 0
        self._summarize()

    def prune(self, now: int) -> None:
        """Forget the rules whose time is over."""
        for kind, values in self._values.items():
            over = [(value, one[0]) for value, one in values.items() if one[1] <= now]
            for value, rule_id in over:
                self._forget(kind, value, rule_id)
        self._summarize()

    def is_blocked(self, who: Identity, now: int) -> bool:
        """Return whether a block names the student, their person, their device or one of their tags."""
        values = self._values
        return (
            _names(values[RuleKind.STUDENT], who.subject, now)
            or _names(values[RuleKind.PERSON], who.person, now)
            or _names(values[RuleKind.DEVICE], who.device, now)
            or any(_names(values[RuleKind.TAG], tag, now) for tag in who.tags)
        )

    def revoked_by(self, who: Identity) -> str | None:
        """Return the claim by which the token is revoked (`jti`, `sub` or `iat`); None if it is good.

        The time of a revocation is not asked for: when it ends, no token that it names is left.
        """
        if not self._revokes_some:
            return None
        if who.token_id is not None and who.token_id in self._values[RuleKind.JTI]:
            return "jti"
        if who.made_at < self._made_before[RuleKind.SUBJECT].get(who.subject, 0):
            return "sub"
        return "iat" if who.made_at < self._oldest_good else None

    def _forget(self, kind: RuleKind, value: str, rule_id: str) -> None:
        """Forget a rule, unless another one has taken its place."""
        here = self._values[kind].get(value)
        if here is not None and here[0] == rule_id:
            del self._values[kind][value]
            self._made_before.get(kind, {}).pop(value, None)

    def _summarize(self) -> None:
        values = self._values
        self.blocks_somebody = any(values[kind] for kind in BLOCKS)
        self._oldest_good = max(self._made_before[RuleKind.MADE_BEFORE].values(), default=0)
        self._revokes_some = bool(
            values[RuleKind.JTI] or values[RuleKind.SUBJECT] or self._oldest_good
        )


def _names(values: _Values, value: str | None, now: int) -> bool:
    if not values or value is None:
        return False
    here = values.get(value)
    return here is not None and now < here[1]
