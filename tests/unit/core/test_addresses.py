"""The address that a connection counts under, with and without proxies."""

import pytest

from server.core.addresses import TrustedProxies

OURS = TrustedProxies.of(["10.0.0.0/8", "::1"])


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "expected"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("::1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "nonsense", "nonsense"),
        ("", "203.0.113.9", ""),
    ],
)
def test_the_client_is_the_nearest_address_that_is_no_trusted_proxy(
    peer: str, forwarded_for: str, expected: str
) -> None:
    assert OURS.client(peer, forwarded_for) == expected


def test_a_proxy_that_is_not_named_is_not_believed() -> None:
    assert TrustedProxies().client("127.0.0.1", "203.0.113.9") == "127.0.0.1"


def test_a_star_trusts_every_hop_of_the_header() -> None:
    everybody = TrustedProxies.of(["*"])
    assert everybody.client("172.16.0.1", "203.0.113.9, 10.0.0.2") == "203.0.113.9"


def test_a_star_trusts_a_hop_that_no_named_network_has() -> None:
    both = TrustedProxies.of(["*", "10.0.0.0/8"])
    assert both.client("172.16.0.1", "203.0.113.9") == "203.0.113.9"


def test_a_network_may_be_named_by_an_address_within_it() -> None:
    assert TrustedProxies.of(["10.1.2.3/8"]) == TrustedProxies.of(["10.0.0.0/8"])


def test_a_text_that_is_not_an_address_is_refused() -> None:
    with pytest.raises(ValueError, match="proxy"):
        TrustedProxies.of(["proxy"])
