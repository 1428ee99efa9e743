"""Checksums by their catalogue names (reveng CRC catalogue). Pure functions of bytes.

The CRCs come from fastcrc (Rust): 0.1 µs for a hundred bytes, where a table in
Python takes 6.
"""

from functools import reduce
from operator import xor

from fastcrc.crc16 import arc as crc16_arc
from fastcrc.crc16 import ibm_3740 as crc16_ibm_3740
from fastcrc.crc16 import ibm_sdlc as crc16_x25
from fastcrc.crc16 import kermit as crc16_kermit
from fastcrc.crc16 import modbus as crc16_modbus
from fastcrc.crc16 import xmodem as crc16_xmodem
from fastcrc.crc32 import iso_hdlc as crc32

__all__ = [
    "crc16_arc",
    "crc16_ibm_3740",
    "crc16_kermit",
    "crc16_modbus",
    "crc16_x25",
    "crc16_xmodem",
    "crc32",
    "sum8",
    "xor8",
]


def xor8(data: bytes) -> int:
    """All bytes exclusive-or'ed together: 0 to 255."""
    return reduce(xor, data, 0)


def sum8(data: bytes) -> int:
    """All bytes added, the low eight bits: 0 to 255."""
    return sum(data) & 0xFF
