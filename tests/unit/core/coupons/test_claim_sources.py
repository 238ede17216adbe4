from server.core.coupons.claim_sources import CLAIM_SOURCES, QR_MARK, link_of, link_room, source_of
from server.core.room_names import is_room_name


def test_the_room_of_a_link_is_none_that_a_token_can_name() -> None:
    room = link_room("lnk_1")
    assert not is_room_name(room)
    assert (link_of(room), link_of("math-7")) == ("lnk_1", None)


def test_a_claim_tells_its_source() -> None:
    assert source_of("math-7", "r1") == "claim"
    assert source_of(link_room("lnk_1"), "r1") == "link"
    assert source_of("math-7", QR_MARK + "r1") == "qr"
    assert CLAIM_SOURCES == ("claim", "link", "qr")
