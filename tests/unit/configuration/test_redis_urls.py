"""Addresses of Redis as they are handed out, and how those that cannot be used are refused."""

import pytest

from server.configuration.redis_urls import (
    ClusterAddress,
    SentinelAddress,
    cluster_address,
    redis_url,
    sentinel_address,
)

WRONG_REDIS = {
    "redis://u:hunter2/tail@h": "@, before the host",
    "redis://:hunter2#tail@h": "#",
    "redis://:hunter2@h:tail": "host:port",
    "redis://:hunter2@h/abc": "number of a database",
    "redis://:hunter2@h/-1": "number of a database",
    "redis://:hunter2@h/1/2": "number of a database",
    "redis://:hunter2@h/1?db=2": "once",
    "redis://:hunter2@a,b": "hosts",
    "redis://:hunter2@h?family=0": "family",
    "redis://:hunter2@h?ssl_cert_reqs=none": "ssl_cert_reqs",
    "rediss://:hunter2@h?ssl_cert_reqs=never": "ssl_cert_reqs",
    "redis://:hunter2@h?socket_timeout=1": "socket_timeout",
    "redis+sentinel://:hunter2@a,b": "name of a primary",
    "redis+sentinel://:hunter2@a:0/school": "host:port",
    "redis+sentinel://:hunter2@a/school?ssl_cert_reqs=none": "ssl_cert_reqs",
    "redis://:hunter2@h?sentinel_password=tail": "sentinel_password",
    "redis+cluster://:hunter2@a,b/1": "no database",
    "redis+cluster://:hunter2@a,b?db=2": "no database",
    "redis+cluster://:hunter2@a?ssl_cert_reqs=none": "ssl_cert_reqs",
    "rediss+cluster://:hunter2@a:0": "host:port",
    "unix://?db=1": "socket",
    "unix:///s?db=x": "db",
}


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        "redis://default:p%40ss@h:6379/15",
        "rediss://:p@h:6380?ssl_cert_reqs=none&protocol=3",
        "rediss://h?ssl_ca_certs=/etc/ca.pem&ssl_check_hostname=false",
        "unix:///run/redis.sock?db=1",
        "redis://[::1]:6379/0",
        "redis+cluster://a:7000,b:7001",
        "redis+cluster://u:p@a/0",
        "rediss+cluster://u:p@a:7000,[::1]:7001?ssl_ca_certs=/etc/ca.pem",
        "redis+sentinel://u:p@a:26380,[::1]/school?db=2&sentinel_password=x",
    ],
)
def test_address_of_redis_is_taken(url: str) -> None:
    assert redis_url(url) == url


@pytest.mark.parametrize("url", WRONG_REDIS)
def test_redis_that_cannot_be_meant_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=WRONG_REDIS[url]) as refused:
        redis_url(url)

    assert "hunter2" not in str(refused.value)
    assert "tail" not in str(refused.value)


def test_sentinels_are_told_apart_from_the_server_that_they_know() -> None:
    found = sentinel_address(
        "redis+sentinel://u:p%40@a:26380,[::1]/school?db=2&sentinel_password=x&protocol=3"
    )
    assert found == SentinelAddress(
        (("a", 26380), ("::1", 26379)),
        "school",
        {"password": "x"},
        "redis://u:p%40@sentinel?db=2&protocol=3",
    )
    assert sentinel_address("redis://h/2") is None


def test_nodes_of_a_cluster_share_all_but_their_hosts() -> None:
    found = cluster_address("rediss+cluster://u:p%40@a:7000,[::1]?ssl_cert_reqs=none")
    assert found == ClusterAddress(
        (("a", 7000), ("::1", 6379)), "rediss", "u:p%40@", "?ssl_cert_reqs=none"
    )
    assert found.url_of("b", 7) == "rediss://u:p%40@b:7?ssl_cert_reqs=none"
    assert found.url_of("::2", 7) == "rediss://u:p%40@[::2]:7?ssl_cert_reqs=none"
    assert cluster_address("redis://h") is None
