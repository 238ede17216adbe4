"""The address that a connection counts under when there are proxies between the client and us.

Used by the gateway for limits on clients that have no token. Behind a proxy all clients would share the
proxy's address, and one flood would shut out everybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """The peers whose `X-Forwarded-For` is believed; without any, no peer's is."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    trusts_everybody: bool = False

    @classmethod
    def of(cls, words: Sequence[str]) -> "TrustedProxies":
        """Read `*`, addresses and networks. Raises ValueError for anything else."""
        named = [word for word in words if word != EVERYBODY]
        networks = tuple(ip_network(word, strict=False) for word in named)
        return cls(networks, EVERYBODY in words)

    def client(self, peer: str, forwarded_for: str) -> str:
        """Return the nearest address that is no proxy of ours, from the peer back along the header. What a
        stranger wrote into the header stands behind the first address that is not trusted."""
        hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
        address = peer
        # The header grows to the right: each proxy appends the address that it saw.
        while hops and self.trusts(address):
            address = hops.pop()
        return address

    def trusts(self, address: str) -> bool:
        """Return whether `address` is a proxy of ours; false for a text that is no address."""
        if self.trusts_everybody or not self.networks:
            return self.trusts_everybody
        try:
            known = ip_address(address)
        except ValueError:
            return False
        return any(known in network for network in self.networks)
