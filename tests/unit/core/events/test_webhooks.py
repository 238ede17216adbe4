"""Calls that failed are made again for three days, and only to receivers that are allowed."""

from dataclasses import replace

import pytest

from server.core.events.webhooks import (
    RETRY_MS,
    Webhook,
    WebhookState,
    is_public,
    next_try_at,
    url_fault,
)

WEBHOOK = Webhook(
    id="whk_1",
    url="https://school.example/hook",
    types=None,
    batch=False,
    state=WebhookState.ACTIVE,
    reason=None,
    secret="whsec_new",
    old_secret=None,
    old_secret_until=None,
    position=0,
    sending_until=None,
    failures=0,
    failing_since=None,
    next_try_at=0,
    paused_at=None,
    metadata={},
    created_by="olga",
    created_at=1,
)


class TestTheNextTry:
    def test_waits_grow_for_three_days_and_then_end(self) -> None:
        waits = [next_try_at(n, 0, 0.0, None) for n in range(1, len(RETRY_MS) + 1)]
        assert waits == list(RETRY_MS)
        assert sum(RETRY_MS) > 3 * 86_400_000
        assert next_try_at(len(RETRY_MS) + 1, 0, 0.0, None) is None

    def test_chance_makes_a_wait_up_to_a_fifth_longer(self) -> None:
        assert next_try_at(1, 1_000, 1.0, None) == 7_000

    @pytest.mark.parametrize(
        ("wish_ms", "at"), [(1_000, 5_000), (60_000, 60_000), (10**12, 86_400_000)]
    )
    def test_a_wish_only_makes_it_longer_and_at_most_a_day(self, wish_ms: int, at: int) -> None:
        assert next_try_at(1, 0, 0.0, wish_ms) == at


class TestAddresses:
    @pytest.mark.parametrize(
        ("url", "fault"),
        [
            ("https://school.example/hook?key=1", None),
            ("https://8.8.8.8:8443/", None),
            ("http://school.example/", "https_required"),
            ("https://localhost/", "private_address"),
            ("https://shop.localhost./", "private_address"),
            ("https://db.internal/", "private_address"),
            ("https://127.0.0.1/", "private_address"),
            ("https://10.1.2.3/", "private_address"),
            ("https://169.254.169.254/latest", "private_address"),
            ("https://[::1]/", "private_address"),
            ("https://[::ffff:192.168.0.1]/", "private_address"),
            ("https://127.1/", "private_address"),
            ("https://0x7f000001/", "private_address"),
            ("https://2130706433/", "private_address"),
            ("https://0/", "private_address"),
            ("https://school example/", "not_a_url"),
            ("https://school.example/a b", "not_a_url"),
            ("https://school.example/\x01", "not_a_url"),
            ("https://school.example:0/", "not_a_url"),
            ("https://user@school.example/", "not_a_url"),
            ("https://school.example:99999/", "not_a_url"),
            ("https://[::1/", "not_a_url"),
            ("https://schüle.example/", "not_a_url"),
            ("https://school.example/#x", "not_a_url"),
            ("ftp://school.example/", "not_a_url"),
            ("https://", "not_a_url"),
            ("school.example", "not_a_url"),
        ],
    )
    def test_of_the_open_internet(self, url: str, fault: str | None) -> None:
        assert url_fault(url, allows_private=False) == fault

    @pytest.mark.parametrize("url", ["http://127.0.0.1:9000/", "https://localhost/", "http://a/"])
    def test_of_the_schools_own_network_where_that_is_allowed(self, url: str) -> None:
        assert url_fault(url, allows_private=True) is None

    def test_even_there_a_form_is_a_form(self) -> None:
        assert url_fault("file:///etc/passwd", allows_private=True) == "not_a_url"

    @pytest.mark.parametrize(
        ("address", "public"),
        [
            ("8.8.8.8", True),
            ("100.64.0.1", False),
            ("224.0.0.1", False),
            ("0.0.0.0", False),
            ("2606:4700::1111", True),
            ("fe80::1", False),
            ("fd00::1", False),
            ("2002:a00:1::", False),  # 6to4 of 10.0.0.1
            ("64:ff9b::7f00:1", False),  # NAT64 of 127.0.0.1
            ("64:ff9b::808:808", True),
            ("::ffff:8.8.8.8", True),
        ],
    )
    def test_what_an_ipv6_address_carries_decides(self, address: str, public: bool) -> None:
        assert is_public(address) is public


class TestSecrets:
    def test_the_old_one_signs_until_its_time(self) -> None:
        rotated = replace(WEBHOOK, old_secret="whsec_old", old_secret_until=100)
        assert WEBHOOK.secrets(1) == ("whsec_new",)
        assert rotated.secrets(99) == ("whsec_new", "whsec_old")
        assert rotated.secrets(100) == ("whsec_new",)

    def test_none_is_in_the_repr(self) -> None:
        assert "whsec_" not in repr(replace(WEBHOOK, old_secret="whsec_old", old_secret_until=1))
