"""Revocations: tokens that are refused although they have not expired.

Used by flows/access/revocations.py on what an operator sent, and by tokens.py. A token says when it was made
(`iat`) in whole seconds. So a revocation of a subject counts up to the end of its second: a token of the same
second is refused, and the answer says from when on new tokens are good. A token without `iat` counts as made
long ago.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from server.core.access.rules import MAX_VALUE, RuleKind
from server.core.promotions.template_rules import metadata_violations, text_violations
from server.core.violations import Violation

_SECOND_MS = 1_000


@dataclass(frozen=True, slots=True)
class RevocationForm:
    """A revocation as an operator sends it: exactly one of the three. `made_before` is in ms."""

    jti: str | None = None
    sub: str | None = None
    made_before: int | None = None
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> RuleKind:
        """The kind of a form that is good."""
        if self.jti is not None:
            return RuleKind.JTI
        return RuleKind.SUBJECT if self.sub is not None else RuleKind.MADE_BEFORE


def violations(form: RevocationForm, now: int) -> list[Violation]:
    """Return everything that is wrong with the form."""
    named = [name for name in ("jti", "sub", "made_before") if getattr(form, name) is not None]
    if not named:
        return [Violation("jti", "missing")]
    if len(named) > 1:
        return [Violation(name, "only_one") for name in named[1:]]
    return [*_named(form, now), *metadata_violations("metadata", form.metadata)]


def _named(form: RevocationForm, now: int) -> Iterator[Violation]:
    if form.jti is not None:
        yield from text_violations("jti", form.jti, MAX_VALUE)
    if form.sub is not None:
        yield from text_violations("sub", form.sub, MAX_VALUE)
    # Beyond the present second it would refuse tokens that nobody has made yet.
    if form.made_before is not None and form.made_before > end_of_second(now):
        yield Violation("made_before", "too_large")


def good_again_at(form: RevocationForm, now: int) -> int | None:
    """Return the instant from which new tokens are good, in ms; None for a revocation of one token."""
    if form.jti is not None:
        return None
    return end_of_second(now) if form.made_before is None else form.made_before


def end_of_second(now: int) -> int:
    """Return the first ms of the next second."""
    return (now // _SECOND_MS + 1) * _SECOND_MS
