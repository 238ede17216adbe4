"""Writes an offer as its student gets it: the frames `offer` and `offer_withdrawn`.

Called by flows/offers. The API answers the same fields.
"""

from server.contract_json import template_to_json
from server.core.instants import to_text
from server.core.offers.offers import Offer
from server.core.promotions.templates import Template


def offer_frame(offer: Offer, template: Template) -> dict[str, object]:
    """Return an `offer` frame. It may come twice; clients know the offer by its id."""
    fields: dict[str, object] = {
        "id": offer.id,
        "room": offer.room,
        "batch_id": offer.batch_id,
        "student": offer.student,
        "state": offer.state.value,
        "message": offer.message,
        "expires_at": to_text(offer.expires_at),
        "created_at": to_text(offer.created_at),
        "template": {
            name: value for name, value in template_to_json(template).items() if value is not None
        },
    }
    if offer.course is not None:
        fields["course"] = offer.course
    return {"type": "offer", "offer": fields}


def withdrawn_frame(offer: Offer) -> dict[str, object]:
    """Return an `offer_withdrawn` frame: the offer is open no more, for the reason in `state`."""
    return {"type": "offer_withdrawn", "offer_id": offer.id, "state": offer.state.value}
