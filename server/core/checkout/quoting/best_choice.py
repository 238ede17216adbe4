"""Best choice: the allowed combination of a wallet's coupons that saves most on an order.

Called by quotes. The search is branch and bound over kinds: coupons of one template version are one kind,
and of these the one that ends first is used first. Kinds are tried in their order of application, so that
each combination is met once. A coupon never saves more when others came before it. So what the remaining
kinds save on the totals as they stand bounds what they can add, and a branch that cannot beat the best so
far is left. A budget of work ends the search early; the choice then is not `exact`.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from server.core.checkout.quoting.discounts import (
    NO_SAVING,
    Saving,
    apply,
    has_effect,
    saving_on,
    shortfall,
)
from server.core.checkout.quoting.reasons import Reason
from server.core.checkout.quoting.stacking import (
    MAX_APPLIED,
    Candidate,
    application_step_of,
    stacking_conflict,
)
from server.core.checkout.quoting.work_budget import APPLYING, WorkBudget
from server.core.checkout.terms import PricingContext, Terms, Totals
from server.core.coupons.coupons import Coupon

# In line visits (work_budget.py): about 0.1 s of a core, in slices. Ten times what the published wallets
# need (tests/support/builders/wallets.py).
SEARCH_BUDGET: Final = 250_000
_PER_CANDIDATE: Final = 20  # line visits that a candidate costs besides its lines


@dataclass(frozen=True, slots=True)
class Kind:
    """Coupons of one template version that may be used now, the one that ends first at the front."""

    terms: Terms
    coupons: tuple[Coupon, ...]

    @property
    def most(self) -> int:
        """The number of them that may be on one order."""
        template = self.terms.template
        if not template.stacking.allows(template.stacking):
            return 1
        left = self.terms.uses_left
        limit = MAX_APPLIED if left is None else min(left, MAX_APPLIED)
        return min(limit, len(self.coupons))


@dataclass(frozen=True, slots=True)
class Choice:
    """The coupons to apply, in order of application. `is_exact`: no other choice from this wallet saves
    more."""

    chosen: tuple[Candidate, ...]
    saving: Saving
    is_exact: bool


NO_CHOICE: Final = Choice((), NO_SAVING, True)


class ChoiceRank(NamedTuple):
    """The key by which choices are compared; the smallest is the best. More saved now wins, then more
    credited later or given, then fewer coupons, then coupons that end first, then codes, so that the result
    is unique."""

    less_now: int
    less_later: int
    coupons: int
    use_by: tuple[int, ...]
    codes: tuple[str, ...]


class _Candidate(NamedTuple):
    """A kind that may come next, and what one coupon of it would save."""

    now: int
    later: int
    kind: int


class _Branch(NamedTuple):
    """The kinds chosen so far, by number, and the kinds that may still be added: one bit for each."""

    totals: Totals
    saved: Saving
    chosen: tuple[int, ...]
    allowed: int


def best_choice(
    pricing: PricingContext, kinds: Sequence[Kind], work: WorkBudget, budget: int = SEARCH_BUDGET
) -> Generator[None, None, Choice]:
    """Search for the best choice, and yield whenever a slice of `work` is full. The kinds must be usable
    alone."""
    search = _Search(
        pricing, sorted(kinds, key=lambda kind: application_step_of(kind.terms.template)), work
    )
    search.stop_at = work.total + budget
    yield from search.extend(_Branch(pricing.undiscounted(), NO_SAVING, (), (1 << len(kinds)) - 1))
    return search.choice()


class _Search:
    """The state of one search: the best choice so far, and tables of bits over the kinds."""

    def __init__(self, pricing: PricingContext, kinds: Sequence[Kind], work: WorkBudget) -> None:
        self._pricing = pricing
        self._kinds = kinds
        self._work = work
        self._combinable_with = [_combinable_with(kinds, at) for at in range(len(kinds))]
        self._versions_of_template = [_versions_of_template(kinds, at) for at in range(len(kinds))]
        self._most = [kind.most for kind in kinds]
        self._floor = sum(pricing.floors)
        self._best: tuple[int, ...] = ()
        self._rank = ChoiceRank(0, 0, 0, (), ())  # of no coupon at all
        self._is_exact = True
        self.stop_at = 0

    def choice(self) -> Choice:
        saving = Saving(-self._rank.less_now, -self._rank.less_later)
        return Choice(tuple(self._coupons_of(self._best)), saving, self._is_exact)

    def extend(self, branch: _Branch) -> Generator[None, None, None]:
        """Try every choice that begins with this branch and is longer."""
        candidates = yield from self._next_candidates(branch)
        for candidate in candidates:
            self._remember_if_best(branch, candidate)
        if len(branch.chosen) + 1 >= MAX_APPLIED:
            return
        # No combination takes off more than what is still above the floor prices.
        room = sum(branch.totals.net) - self._floor
        for candidate in candidates:
            yield from self._work.yield_if_full()
            longer = self._extended(branch, candidate)
            if not self._may_beat(longer, candidates, branch.saved.now + room):
                continue
            # Checked only where the search would go deeper, so that a search that ends by itself is exact.
            if self._work.total >= self.stop_at:
                self._is_exact = False
                return
            yield from self.extend(self._applied(branch.totals, longer))

    def _next_candidates(self, branch: _Branch) -> Generator[None, None, list[_Candidate]]:
        """Compute what each kind that may come next saves on these totals; the one that saves most is
        first."""
        candidates = []
        left = branch.allowed
        while left:
            at = (left & -left).bit_length() - 1  # the lowest bit that is set
            left &= left - 1
            terms = self._kinds[at].terms
            yield from self._work.yield_if_full()
            self._work.charge(len(terms.lines) + _PER_CANDIDATE)
            # A threshold counted after discounts may be missed now although it was reached alone.
            if any(shortfall(self._pricing, terms, branch.totals)):
                continue
            saving = saving_on(self._pricing, terms, branch.totals)
            if has_effect(terms, saving):
                candidates.append(_Candidate(saving.now, saving.later, at))
        candidates.sort(reverse=True)
        return candidates

    def _remember_if_best(self, branch: _Branch, candidate: _Candidate) -> None:
        """Compare branch plus candidate with the best so far. Dates and codes are read only if the savings
        are no worse."""
        less_now = -branch.saved.now - candidate.now
        less_later = -branch.saved.later - candidate.later
        if (less_now, less_later) > self._rank[:2]:
            return
        chosen = (*branch.chosen, candidate.kind)
        coupons = [each.coupon for each in self._coupons_of(chosen)]
        rank = ChoiceRank(
            less_now,
            less_later,
            len(chosen),
            tuple(sorted(coupon.use_by for coupon in coupons)),
            tuple(coupon.code for coupon in coupons),
        )
        if rank < self._rank:
            self._best, self._rank = chosen, rank

    def _extended(self, branch: _Branch, candidate: _Candidate) -> _Branch:
        """Return the branch with this kind, its totals still to be computed. No kind that comes earlier in
        the order of application may follow it."""
        chosen = (*branch.chosen, candidate.kind)
        may_repeat = chosen.count(candidate.kind) < self._most[candidate.kind]
        # A mask of the kinds from this one on, or after it if the wallet has no more coupons of it.
        later = -1 << (candidate.kind if may_repeat else candidate.kind + 1)
        saved = Saving(branch.saved.now + candidate.now, branch.saved.later + candidate.later)
        allowed = (
            branch.allowed & self._combinable_with[candidate.kind] & later & ~self._used_up(chosen)
        )
        return _Branch(branch.totals, saved, chosen, allowed)

    def _used_up(self, chosen: tuple[int, ...]) -> int:
        """Return one bit for each version of the last kind's template that the order may have no more of."""
        on_order = [self._kinds[at].terms for at in chosen]
        bits = 0
        for at in self._versions_of_template[chosen[-1]]:
            if stacking_conflict(self._kinds[at].terms, on_order) is Reason.LIMIT_REACHED:
                bits |= 1 << at
        return bits

    def _may_beat(self, longer: _Branch, candidates: Sequence[_Candidate], most: int) -> bool:
        """Return whether anything longer than this could be the best. The bound counts for each remaining
        kind what it would save right now, and in all no more than there is to save."""
        if not longer.allowed:
            return False
        # Testing a bit costs about a quarter of a line visit.
        self._work.charge(len(candidates) // 4)
        now, later = self._most_to_come(longer, candidates)
        less_now = -min(longer.saved.now + now, most)
        bound = ChoiceRank(less_now, -longer.saved.later - later, len(longer.chosen) + 1, (), ())
        return bound < self._rank

    def _most_to_come(self, longer: _Branch, candidates: Sequence[_Candidate]) -> tuple[int, int]:
        """Return the most that the remaining slots can save, now and later."""
        slots = MAX_APPLIED - len(longer.chosen)
        now, laters = 0, []
        # Candidates come by what they save now, so the first to fill the slots give the most.
        for candidate in candidates:
            if not longer.allowed >> candidate.kind & 1:
                continue
            copies = self._most[candidate.kind] - longer.chosen.count(candidate.kind)
            used = min(copies, slots)
            slots -= used
            now += used * candidate.now
            laters.append(copies * candidate.later)
        # What is credited later is bounded on its own: the kinds that credit most may be other ones.
        laters.sort(reverse=True)
        return now, sum(laters[:MAX_APPLIED])

    def _applied(self, totals: Totals, longer: _Branch) -> _Branch:
        terms = self._kinds[longer.chosen[-1]].terms
        self._work.charge(APPLYING * len(totals.net))
        return longer._replace(totals=apply(self._pricing, terms, totals).totals)

    def _coupons_of(self, chosen: Sequence[int]) -> list[Candidate]:
        return [
            # The first use of a kind takes its first coupon, the second use its second, and so on.
            Candidate(self._kinds[at].coupons[chosen[:place].count(at)], self._kinds[at].terms)
            for place, at in enumerate(chosen)
        ]


def _combinable_with(kinds: Sequence[Kind], at: int) -> int:
    """Return one bit for each kind that may be on an order with this one."""
    stacking = kinds[at].terms.template.stacking
    bits = 0
    for other, kind in enumerate(kinds):
        if stacking.allows(kind.terms.template.stacking):
            bits |= 1 << other
    return bits


def _versions_of_template(kinds: Sequence[Kind], at: int) -> list[int]:
    """Return the kinds of the same template, this one among them: they use the same limit."""
    template_id = kinds[at].terms.template.id
    return [other for other, kind in enumerate(kinds) if kind.terms.template.id == template_id]
