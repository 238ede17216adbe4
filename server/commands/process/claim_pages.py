"""The previews of links for the claim page, from the cards that the API keeps in memory.

Called by composition.py: pages know no database.
"""

from server.api.http.dependencies import ApiDependencies
from server.core.texts import is_slug
from server.desk import DeskUnavailableError
from server.flows.stores import Stores
from server.ledger.database_errors import LedgerUnavailableError
from server.pages.claim_pages import LinkPreview, LinkPreviews


def link_previews(parts: ApiDependencies) -> LinkPreviews:
    """Return a function from the slug of a link to its preview; None for an unknown link."""
    stores = Stores(parts.ledger, parts.drop_desk, parts.feed)

    async def preview(slug: str) -> LinkPreview | None:
        if not is_slug(slug):
            return None
        try:
            kept = await parts.link_cards.to_show(stores, slug, parts.clock())
        except (DeskUnavailableError, LedgerUnavailableError):
            # The page tells by itself that the server does not answer.
            return LinkPreview(slug, "Classdrop", "", f"{parts.pages_url}/c/{slug}")
        if kept is None:
            return None
        drop = kept.card.drop
        text = drop.message or drop.description
        image = drop.style.get("image", "")
        return LinkPreview(slug, drop.name, text, f"{parts.pages_url}/c/{slug}", image)

    return preview
