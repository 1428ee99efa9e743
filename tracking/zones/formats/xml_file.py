"""XML files that come from anywhere: no entity, no document type, nothing that is fetched."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from tracking.zones.feature import Unreadable

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

DEEPEST = 60

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def tree_of(content: bytes, *, root: str) -> "Element":
    """The root element, whose local name must be ``root``. Raises Unreadable."""
    try:
        found: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise Unreadable("This XML has a document type or entities, which we do not read.") from (
            error
        )
    except (ParseError, ValueError, LookupError) as error:
        raise Unreadable(f"This is not XML: {error}.") from error
    if local(found) != root:
        raise Unreadable(f"This is XML and not {root.upper()}.")
    return found


def local(element: "Element") -> str:
    """The name of an element without its namespace, which differs from maker to maker."""
    return str(element.tag).rpartition("}")[2]


def children(element: "Element", *names: str) -> Iterator["Element"]:
    """The children with one of these names."""
    return (each for each in element if local(each) in names)


def everywhere(element: "Element", *names: str) -> Iterator["Element"]:
    """Whatever within it has one of these names."""
    return (each for each in element.iter() if local(each) in names)


def text_of(element: "Element", name: str) -> str:
    """The text of a child; "" where there is none."""
    found = next(children(element, name), None)
    return "" if found is None else "".join(found.itertext()).strip()


def safe(said: object) -> str:
    """A text without the characters that XML cannot hold."""
    return _NOT_XML.sub("", str(said))
