"""A cache of links, for their pages and for claims.

Used by `api/links` and, through the composition root, by the claim page. A link that is shared is read by a
hundred thousand people and claimed by as many: neither may cost a read of the ledger each. What a claim needs
never changes, and is kept. What a visitor sees is read again when it is older than CARD_GOOD_FOR_MS, once for
all who ask meanwhile; where a store does not answer, the last card is shown for as long.
"""

from collections import OrderedDict
from dataclasses import dataclass

import orjson

from server.core import instants
from server.core.links.links import LinkState
from server.desk import DeskUnavailableError
from server.flows.links.link_views import LinkCard, read_card
from server.flows.stores import Stores
from server.frames import wire
from server.ledger.database_errors import LedgerUnavailableError
from server.single_flight import SingleFlight

CARD_GOOD_FOR_MS = 1_000
MAX_LINKS = 1_024
MAX_MISSES = 4_096


@dataclass(frozen=True, slots=True)
class KeptCard:
    """A card with its JSON, as it was at `read_at` (ms)."""

    card: LinkCard
    json: bytes
    read_at: int


class LinkCards:
    """The links that were asked for last: MAX_LINKS found, MAX_MISSES not found."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, KeptCard] = OrderedDict()
        # Id or slug -> when it may be looked up again, in ms.
        self._missing: OrderedDict[str, int] = OrderedDict()
        self._reading: SingleFlight[str, KeptCard | None] = SingleFlight()

    async def to_claim(self, stores: Stores, link: str, now: int) -> LinkCard | None:
        """Return the link with this id or slug as it was once: good for what never changes."""
        kept = self._found.get(link)
        if kept is not None:
            return kept.card
        kept = await self._read(stores, link, now)
        return kept.card if kept is not None else None

    async def to_show(self, stores: Stores, link: str, now: int) -> KeptCard | None:
        """Return the link with this id or slug as it is now, or was within the last second."""
        kept = self._found.get(link)
        if kept is not None and 0 <= now - kept.read_at < CARD_GOOD_FOR_MS:
            return kept
        try:
            return await self._read(stores, link, now)
        except (DeskUnavailableError, LedgerUnavailableError):
            if kept is None:
                raise
            return kept

    def forget(self, link_id: str) -> None:
        """Forget a link that was just changed by this process."""
        for name, kept in list(self._found.items()):
            if kept.card.link.id == link_id:
                self._found.pop(name)

    async def _read(self, stores: Stores, link: str, now: int) -> KeptCard | None:
        if now < self._missing.get(link, now):
            return None
        return await self._reading.run(link, lambda: self._look_up(stores, link, now))

    async def _look_up(self, stores: Stores, link: str, now: int) -> KeptCard | None:
        card = await read_card(stores, link, now)
        if card is None:
            self._found.pop(link, None)
            self._missing[link] = now + CARD_GOOD_FOR_MS
            if len(self._missing) > MAX_MISSES:
                self._missing.popitem(last=False)
            return None
        kept = KeptCard(card, orjson.dumps(card_fields(card)), now)
        self._missing.pop(link, None)
        self._found[link] = kept
        self._found.move_to_end(link)
        if len(self._found) > MAX_LINKS:
            self._found.popitem(last=False)
        return kept


def card_fields(card: LinkCard) -> dict[str, object]:
    """Return the JSON of GET /v1/links/{id}/card: nothing that only operators may know."""
    fields: dict[str, object] = {
        "slug": card.link.slug,
        "state": card.state.value,
        "opens_at": instants.to_text(card.link.opens_at),
        "closes_at": instants.to_text(card.link.closes_at),
        "drop": wire.public_drop(card.drop, card.drop_state, card.remaining),
    }
    if card.state is LinkState.ENDED and card.reason is not None:
        fields["reason"] = card.reason
    return fields
