"""docs/protocols.md says what is true now."""

import pytest

import protocols
from tests.protocols.document import DOCUMENT, renewed


def test_the_document_is_current():
    said = DOCUMENT.read_text(encoding="utf-8")
    assert renewed(said) == said, "run: python -m tests.protocols.document"


@pytest.mark.parametrize("name", protocols.names())
def test_a_codec_says_what_it_is(name: str):
    codec = protocols.get(name)
    assert codec.name == name
    assert codec.title
    assert len(codec.tells) > 20
