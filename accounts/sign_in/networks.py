"""The networks that a client's address belongs to, as far as one guesser can be expected to own them."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network


@dataclass(frozen=True, slots=True)
class Networks:
    """`own` is one customer's: an IPv4 address, or the /64 that a provider hands out; `wide` is an IPv4 /24."""

    own: str
    wide: str | None


def networks_of(address: str | None) -> Networks | None:
    """None for what is no address, such as a command line's."""
    try:
        found = ip_address((address or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return Networks(own=str(ip_network(f"{found}/64", strict=False)), wide=None)
        found = found.ipv4_mapped
    return Networks(own=str(found), wide=str(ip_network(f"{found}/24", strict=False)))
