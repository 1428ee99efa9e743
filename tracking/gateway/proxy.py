"""The PROXY protocol, version 2: a balancer says whom a connection really comes from.

See: HAProxy, "The PROXY protocol", section 2.2. Sixteen bytes, then addresses, then the
device's own bytes.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from struct import unpack_from

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_HEADER = 16
_LONGEST = 536


class NotProxied(ValueError):
    """The connection does not begin with a version 2 header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a connection comes from, and the size of the header.

    ``address`` is "" when the balancer connects for itself, to see whether we are there.
    """

    address: str
    size: int


def read_header(data: bytes) -> Origin | None:
    """The origin; None: more bytes are needed. Raises NotProxied."""
    if not data.startswith(SIGNATURE[: len(data)]):
        raise NotProxied("no PROXY protocol v2 header; does the balancer send one?")
    if len(data) < _HEADER:
        return None
    version_command, family, size = unpack_from("!BBH", data, 12)
    if version_command >> 4 != 2 or size > _LONGEST:
        raise NotProxied("a PROXY header, but not of version 2 or of an impossible size")
    end = _HEADER + size
    if len(data) < end:
        return None
    address = ""
    if version_command & 0x0F == 1:
        width = {1: 4, 2: 16}.get(family >> 4)
        if width is not None and size >= width * 2 + 4:
            address = str(ip_address(data[_HEADER : _HEADER + width]))
    return Origin(address=address, size=end)
