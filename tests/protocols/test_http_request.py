"""HTTP requests as frames: where one ends, and what we refuse to guess."""

from datetime import UTC, datetime

import pytest

from protocols import http_request
from protocols.errors import Malformed, Unframeable

GET = b"GET /?id=1 HTTP/1.1\r\nHost: tracker\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nid=1"
CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        GET,
        POST,
        b"\r\n" + GET,
        POST.replace(b"Content-Length", b"CONTENT-LENGTH"),
        CHUNKED + b"4\r\nid=1\r\n0\r\n\r\n",
        CHUNKED + b"2;name=value\r\nid\r\n2\r\n=1\r\n0\r\n\r\n",
        CHUNKED + b"0\r\nTrailer: x\r\nAnother: y\r\n\r\n",
    ],
)
def test_a_request_ends_where_its_body_does(request_: bytes):
    assert http_request.frame_size(request_, 0) == len(request_)
    assert http_request.frame_size(request_ + GET, 0) == len(request_)
    assert http_request.frame_size(GET + request_, len(GET)) == len(request_)
    for cut in range(len(request_)):
        size = http_request.frame_size(request_[:cut], 0)
        assert size is None or size == len(request_)


@pytest.mark.parametrize(
    "wire",
    [
        b"\x16\x03\x01",
        b"hello",
        b"get / HTTP/1.1",
        b"PROPFINDX / HTTP/1.1",
        b" GET / HTTP/1.1",
        b"\r\n\r\nGET /",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: +4\r\n\r\nid=1",
        b"POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nid=1",
        b"POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 4\r\n\r\n") + b"0\r\n\r\n",
        CHUNKED + b"-1\r\n",
        CHUNKED + b"0x4\r\nid=1\r\n",
        CHUNKED + b"\r\n",
        CHUNKED + b"4\r\nid=12345",
        CHUNKED + b"fffff\r\n",
        CHUNKED + b"f" * 64,
        CHUNKED + b"1\r\na\r\n" * 300,
        CHUNKED + b"0\r\n" + b"A: b\r\n" * 2000,
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 2000,
    ],
)
def test_what_has_no_clear_end_is_not_framed(wire: bytes):
    with pytest.raises(Unframeable):
        http_request.frame_size(wire, 0)


def test_the_longest_request_that_is_accepted_fits_a_frame():
    head = b"POST / HTTP/1.1\r\nContent-Length: 65536\r\nA: "
    request = head + b"b" * (http_request.MAX_HEAD - len(head) - 4) + b"\r\n\r\n"
    assert http_request.frame_size(request, 0) == http_request.MAX_FRAME


def test_a_request_is_read_with_its_body_out_of_the_chunks():
    request = http_request.read(CHUNKED + b"2\r\nid\r\n2\r\n=1\r\n0\r\n\r\n")
    assert request.method == "POST"
    assert request.path == "/"
    assert request.body == b"id=1"


def test_a_header_said_twice_is_joined():
    request = http_request.read(b"GET /a?b HTTP/1.1\r\nX: 1\r\nx: 2\r\nnonsense\r\n\r\n")
    assert request.headers == {"x": "1, 2"}
    assert (request.path, request.query) == ("/a", "b")


@pytest.mark.parametrize("line", [b"GET", b"GET /", b"GET / SIP/2.0", b"GET /a b HTTP/1.1"])
def test_a_request_line_that_is_none_is_refused_with_a_400(line: bytes):
    with pytest.raises(Malformed) as refused:
        http_request.read(line + b"\r\n\r\n")
    assert refused.value.answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("form", "read"),
    [
        ("a=1&b=2&a=3", [("a", "1"), ("b", "2"), ("a", "3")]),
        ("a=%32+3&b", [("a", "2 3"), ("b", "")]),
        ("a=%C3%A9&b=%E9&c=\xe9", [("a", "é"), ("b", "é"), ("c", "é")]),
        ("a=%&b=%zz&=1&&", [("a", "%"), ("b", "%zz")]),
        ("a=b=c", [("a", "b=c")]),
    ],
)
def test_a_form_is_read_in_order(form: str, read: list[tuple[str, str]]):
    assert http_request.pairs(form) == read


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1,2]", b'"x"', b"[" * 60_000, b'{"a":' * 17 + b"1" + b"}" * 17]
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes):
    with pytest.raises(Malformed):
        http_request.json_object(body)


@pytest.mark.parametrize(
    ("said", "at"),
    [
        (1795505415, datetime(2026, 11, 24, 7, 30, 15, tzinfo=UTC)),
        ("1795505415", datetime(2026, 11, 24, 7, 30, 15, tzinfo=UTC)),
        ("1795505415250", datetime(2026, 11, 24, 7, 30, 15, 250_000, tzinfo=UTC)),
        ("4102444800", datetime(2100, 1, 1, tzinfo=UTC)),
        ("2026-11-24T07:30:15Z", datetime(2026, 11, 24, 7, 30, 15, tzinfo=UTC)),
        ("2026-11-24T08:30:15 01:00", datetime(2026, 11, 24, 7, 30, 15, tzinfo=UTC)),
        ("2026-11-24 07:30:15", datetime(2026, 11, 24, 7, 30, 15, tzinfo=UTC)),
        ("2026-13-24T07:30:15Z", None),
        ("1e300", None),
        ("-1e300", None),
        ("nan", None),
        ("soon", None),
        (None, None),
        (True, None),
        ([], None),
    ],
)
def test_a_moment_is_read_however_it_is_written(said: object, at: datetime | None):
    assert http_request.instant(said) == at


def test_what_is_kept_as_other_can_be_stored():
    kept = http_request.scalars([("a\0", "b\0\ud800"), ("c", [1]), ("d", float("nan")), ("e", 1)])
    assert kept == {"a": "b?", "e": 1}


@pytest.mark.parametrize("name", ["", "  ", None, 1.5, True, "9" * 129, {}])
def test_a_unit_id_that_is_no_name_is_refused(name: object):
    with pytest.raises(Malformed):
        http_request.unit_id(name)
