"""Whose address a connection counts under, where proxies stand in between.

Used by the gateway for limits on strangers: behind a proxy everybody would share one address, and one
flood would shut the door for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Whose `X-Forwarded-For` is believed. Without any, nobody's."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    trusts_everybody: bool = False

    @classmethod
    def of(cls, words: Sequence[str]) -> "TrustedProxies":
        """`*`, addresses and networks. ValueError for anything else."""
        named = [word for word in words if word != EVERYBODY]
        networks = tuple(ip_network(word, strict=False) for word in named)
        return cls(networks, EVERYBODY in words)

    def client(self, peer: str, forwarded_for: str) -> str:
        """The nearest address that is none of ours, from the peer back along the header. What a
        stranger wrote into the header stands behind the first one that is not trusted."""
        hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
        address = peer
        while hops and self.trusts(address):
            address = hops.pop()
        return address

    def trusts(self, address: str) -> bool:
        if self.trusts_everybody or not self.networks:
            return self.trusts_everybody
        try:
            known = ip_address(address)
        except ValueError:
            return False
        return any(known in network for network in self.networks)
