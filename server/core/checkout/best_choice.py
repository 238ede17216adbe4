"""The best coupons for an order: the allowed combination that saves most.

Called by quotes. Branch and bound over kinds (coupons of one template version are one kind: of those the
one that ends first goes first). Kinds are tried in their order of application, so that every
combination is met once. What a coupon saves never grows when another came before it, so what the
kinds still to come save on the bill as it stands bounds what they can add; a branch that cannot beat the
best so far is left. A budget of effort ends the search early, and says so.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from server.core.checkout.discounts import (
    NO_SAVING,
    PricingContext,
    Saving,
    Terms,
    Totals,
    apply,
    has_effect,
    saving_on,
    shortfall,
)
from server.core.checkout.reasons import Reason
from server.core.checkout.stacking import (
    MAX_APPLIED,
    Candidate,
    application_step_of,
    stacking_conflict,
)
from server.core.checkout.work_budget import APPLYING, WorkBudget
from server.core.coupons.coupons import Coupon

# In line visits (work_budget.py): a tenth of a second of a core, in slices; ten times what the published
# wallets need (tests/support/builders/wallets.py).
SEARCH_BUDGET: Final = 250_000
_LOOKING: Final = 20  # what a look costs besides its lines


@dataclass(frozen=True, slots=True)
class Kind:
    """Coupons of one template version that may be used now, the one that ends first first."""

    terms: Terms
    coupons: tuple[Coupon, ...]

    @property
    def most(self) -> int:
        """How many of them may go on one order."""
        template = self.terms.template
        if not template.stacking.allows(template.stacking):
            return 1
        left = self.terms.uses_left
        limit = MAX_APPLIED if left is None else min(left, MAX_APPLIED)
        return min(limit, len(self.coupons))


@dataclass(frozen=True, slots=True)
class Choice:
    """`chosen` in order of application. `is_exact`: nothing in this wallet saves more."""

    chosen: tuple[Candidate, ...]
    saving: Saving
    is_exact: bool


NO_CHOICE: Final = Choice((), NO_SAVING, True)


class Rank(NamedTuple):
    """What makes one choice better, the smaller the better: more saved now; then more credited later or
    given; then fewer coupons; then those that end first; then codes, so that there is one answer.
    """

    less_now: int
    less_later: int
    coupons: int
    use_by: tuple[int, ...]
    codes: tuple[str, ...]


class _Look(NamedTuple):
    now: int
    later: int
    kind: int


class _Branch(NamedTuple):
    """Kinds chosen so far by number, and what may still be added: one bit for each kind."""

    bill: Totals
    saved: Saving
    chosen: tuple[int, ...]
    allowed: int


def best_choice(
    till: PricingContext, kinds: Sequence[Kind], effort: WorkBudget, budget: int = SEARCH_BUDGET
) -> Generator[None, None, Choice]:
    """Yields when a slice of `effort` is full. Needs kinds that can be used alone."""
    search = _Search(
        till, sorted(kinds, key=lambda kind: application_step_of(kind.terms.template)), effort
    )
    search.stop_at = effort.total + budget
    yield from search.extend(_Branch(till.bill(), NO_SAVING, (), (1 << len(kinds)) - 1))
    return search.choice()


class _Search:
    def __init__(self, till: PricingContext, kinds: Sequence[Kind], effort: WorkBudget) -> None:
        self._till = till
        self._kinds = kinds
        self._effort = effort
        self._together = [_together(kinds, at) for at in range(len(kinds))]
        self._versions = [_versions(kinds, at) for at in range(len(kinds))]
        self._most = [kind.most for kind in kinds]
        self._floor = sum(till.floors)
        self._best: tuple[int, ...] = ()
        self._rank = Rank(0, 0, 0, (), ())
        self._is_exact = True
        self.stop_at = 0

    def choice(self) -> Choice:
        saving = Saving(-self._rank.less_now, -self._rank.less_later)
        return Choice(tuple(self._candidates(self._best)), saving, self._is_exact)

    def extend(self, branch: _Branch) -> Generator[None, None, None]:
        """Everything that begins with this branch and is longer."""
        looks = yield from self._looks(branch)
        for look in looks:
            self._note(branch, look)
        if len(branch.chosen) + 1 >= MAX_APPLIED:
            return
        room = sum(branch.bill.net) - self._floor
        for look in looks:
            yield from self._effort.pause()
            longer = self._longer(branch, look)
            if not self._may_beat(longer, looks, branch.saved.now + room):
                continue
            if self._effort.total >= self.stop_at:
                self._is_exact = False
                return
            yield from self.extend(self._taken(branch.bill, longer))

    def _looks(self, branch: _Branch) -> Generator[None, None, list[_Look]]:
        """What each kind that may come next saves on this bill, the most first."""
        looks = []
        left = branch.allowed
        while left:
            at = (left & -left).bit_length() - 1
            left &= left - 1
            terms = self._kinds[at].terms
            yield from self._effort.pause()
            self._effort.spend(len(terms.lines) + _LOOKING)
            if any(shortfall(self._till, terms, branch.bill)):
                continue
            saving = saving_on(self._till, terms, branch.bill)
            if has_effect(terms, saving):
                looks.append(_Look(saving.now, saving.later, at))
        looks.sort(reverse=True)
        return looks

    def _note(self, branch: _Branch, look: _Look) -> None:
        """Remembers branch and look as the best so far, where they are."""
        less_now = -branch.saved.now - look.now
        less_later = -branch.saved.later - look.later
        if (less_now, less_later) > self._rank[:2]:
            return
        chosen = (*branch.chosen, look.kind)
        coupons = [each.coupon for each in self._candidates(chosen)]
        rank = Rank(
            less_now,
            less_later,
            len(chosen),
            tuple(sorted(coupon.use_by for coupon in coupons)),
            tuple(coupon.code for coupon in coupons),
        )
        if rank < self._rank:
            self._best, self._rank = chosen, rank

    def _longer(self, branch: _Branch, look: _Look) -> _Branch:
        """The branch with this kind, its bill still to be computed. Nothing that comes before the kind in
        the order of application may follow it."""
        chosen = (*branch.chosen, look.kind)
        may_repeat = chosen.count(look.kind) < self._most[look.kind]
        later = -1 << (look.kind if may_repeat else look.kind + 1)
        saved = Saving(branch.saved.now + look.now, branch.saved.later + look.later)
        allowed = branch.allowed & self._together[look.kind] & later & ~self._used_up(chosen)
        return _Branch(branch.bill, saved, chosen, allowed)

    def _used_up(self, chosen: tuple[int, ...]) -> int:
        """One bit for each version of the last kind's template that the order may have no more of."""
        on_order = [self._kinds[at].terms for at in chosen]
        bits = 0
        for at in self._versions[chosen[-1]]:
            if stacking_conflict(self._kinds[at].terms, on_order) is Reason.LIMIT_REACHED:
                bits |= 1 << at
        return bits

    def _may_beat(self, longer: _Branch, looks: Sequence[_Look], most: int) -> bool:
        """Whether anything longer than this could be the best: counting for each kind to come what it
        would save right now, and in all no more than there is to save."""
        if not longer.allowed:
            return False
        self._effort.spend(len(looks) // 4)  # a bit tested is a fraction of a line visited
        now, later = self._most_to_come(longer, looks)
        less_now = -min(longer.saved.now + now, most)
        bound = Rank(less_now, -longer.saved.later - later, len(longer.chosen) + 1, (), ())
        return bound < self._rank

    def _most_to_come(self, longer: _Branch, looks: Sequence[_Look]) -> tuple[int, int]:
        slots = MAX_APPLIED - len(longer.chosen)
        now, laters = 0, []
        for look in looks:
            if not longer.allowed >> look.kind & 1:
                continue
            copies = self._most[look.kind] - longer.chosen.count(look.kind)
            used = min(copies, slots)
            slots -= used
            now += used * look.now
            laters.append(copies * look.later)
        laters.sort(reverse=True)
        return now, sum(laters[:MAX_APPLIED])

    def _taken(self, bill: Totals, longer: _Branch) -> _Branch:
        terms = self._kinds[longer.chosen[-1]].terms
        self._effort.spend(APPLYING * len(bill.net))
        return longer._replace(bill=apply(self._till, terms, bill).bill)

    def _candidates(self, chosen: Sequence[int]) -> list[Candidate]:
        return [
            Candidate(self._kinds[at].coupons[chosen[:place].count(at)], self._kinds[at].terms)
            for place, at in enumerate(chosen)
        ]


def _together(kinds: Sequence[Kind], at: int) -> int:
    """One bit for each kind that may share an order with this one."""
    stacking = kinds[at].terms.template.stacking
    bits = 0
    for other, kind in enumerate(kinds):
        if stacking.allows(kind.terms.template.stacking):
            bits |= 1 << other
    return bits


def _versions(kinds: Sequence[Kind], at: int) -> list[int]:
    """The kinds of its template, itself among them: what one uses of a limit the others cannot."""
    template_id = kinds[at].terms.template.id
    return [other for other, kind in enumerate(kinds) if kind.terms.template.id == template_id]
