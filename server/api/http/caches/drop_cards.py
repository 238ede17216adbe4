"""A cache of the cards of drops, for students who come by a ticket.

Used by `api/links/tickets`. A hall that scans the screen asks for one card within some seconds: it is read
again when it is older than CARD_GOOD_FOR_MS, once for all who ask meanwhile. Only a ticket that we signed
leads here, so nobody can ask for drops that do not exist.
"""

from collections import OrderedDict

from server.flows.links.drop_cards import DropCard, read_drop_card
from server.flows.stores import Stores
from server.single_flight import SingleFlight

CARD_GOOD_FOR_MS = 1_000
MAX_DROPS = 256


class DropCards:
    """The cards that were asked for last: MAX_DROPS of them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[DropCard, int]] = (
            OrderedDict()
        )  # with the ms of its reading
        self._reading: SingleFlight[str, DropCard | None] = SingleFlight()

    async def to_show(self, stores: Stores, drop_id: str, now: int) -> DropCard | None:
        """Return the card as it is now, or was within the last second; None where there is none.

        Raises DeskUnavailableError or LedgerUnavailableError where a store does not answer."""
        card, read_at = self._kept.get(drop_id, (None, 0))
        if card is not None and 0 <= now - read_at < CARD_GOOD_FOR_MS:
            return card
        return await self._reading.run(drop_id, lambda: self._read(stores, drop_id, now))

    async def _read(self, stores: Stores, drop_id: str, now: int) -> DropCard | None:
        card = await read_drop_card(stores, drop_id, now)
        if card is not None:
            self._kept[drop_id] = (card, now)
            self._kept.move_to_end(drop_id)
            if len(self._kept) > MAX_DROPS:
                self._kept.popitem(last=False)
        return card
