"""What every request and answer carries: who really asked, a request id, security headers."""

import logging
import re
import time
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeAlias
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tracking.settings import Settings
from tracking.web.problems import mistake

_log = logging.getLogger(__name__)

Network: TypeAlias = IPv4Network | IPv6Network

MOST_BODY_BYTES = 1_048_576
"""No request of ours needs more than this, but for files."""

MOST_FILE_BYTES = 8 * 1_048_576
_FILES = frozenset({"/api/v1/zones/import"})
"""Where larger files come in; their routes ask who it is before they read them."""

_REQUEST_ID = re.compile(r"[0-9A-Za-z-]{8,64}")

# Workers come from blobs too: the map draws in workers that it makes itself.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

_ALWAYS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # "no-referrer" would also blank the Origin of our own forms, which signing in checks.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Set on every answer that does not say otherwise itself."""


class Envelope:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._trusted = tuple(ip_network(said, strict=False) for said in settings.trusted_proxies)
        self._headers = dict(_ALWAYS)
        if settings.secure_cookies:
            self._headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        by_proxy = _trusts(self._trusted, _peer(scope))
        scope = {**scope, **(_as_seen_by_proxy(scope, headers, self._trusted) if by_proxy else {})}
        said = headers.get("x-request-id", "") if by_proxy else ""
        scope["vigil.request_id"] = said if _REQUEST_ID.fullmatch(said) else uuid4().hex
        started = time.perf_counter()

        answered = False

        async def send_with_headers(message: Message) -> None:
            nonlocal answered
            answered = True
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                answer = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    answer.setdefault(name, value)
                answer["X-Request-ID"] = scope["vigil.request_id"]
                _note(scope, message["status"], time.perf_counter() - started)
            await send(message)

        if scope["type"] == "http":
            most = MOST_FILE_BYTES if scope["path"] in _FILES else MOST_BODY_BYTES
            receive = _at_most(most, receive)
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            if answered:
                raise
            connection = HTTPConnection(scope)
            await mistake(connection, error)(scope, receive, send_with_headers)


def _as_seen_by_proxy(scope: Scope, headers: Headers, trusted: Iterable[Network]) -> Scope:
    """The client's address and scheme as a proxy that we trust tells them.

    X-Forwarded-For is read from the right, and the first address that is not a proxy of ours is
    the client: everything left of it is what the client itself claimed.
    """
    seen: Scope = {}
    trusted = tuple(trusted)
    for said in reversed(",".join(headers.getlist("x-forwarded-for")).split(",")):
        address = said.strip()
        if not _is_address(address):
            break
        seen["client"] = (address, 0)
        if not _trusts(trusted, address):
            break
    scheme = headers.get("x-forwarded-proto", "").strip().lower()
    if scheme in ("http", "https"):
        websocket = scope["type"] == "websocket"
        seen["scheme"] = {"http": "ws", "https": "wss"}[scheme] if websocket else scheme
    return seen


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _is_address(said: str) -> bool:
    try:
        ip_address(said)
    except ValueError:
        return False
    return True


def _trusts(trusted: Iterable[Network], said: str) -> bool:
    return _is_address(said) and any(ip_address(said) in network for network in trusted)


def _at_most(most: int, receive: Receive) -> Receive:
    heard = 0

    async def receive_some() -> Message:
        nonlocal heard
        message = await receive()
        heard += len(message.get("body", b""))
        if heard > most:
            raise HTTPException(413, f"A request has at most {most} bytes.")
        return message

    return receive_some


def _note(scope: Scope, status: int, took_s: float) -> None:
    """One line in the log for each answer; the operation, not the path, which may name things."""
    level = logging.DEBUG if status < 400 else logging.INFO if status < 500 else logging.WARNING
    _log.log(
        level,
        "answered",
        extra={
            "request_id": scope["vigil.request_id"],
            "method": scope.get("method", "WEBSOCKET"),
            "operation": getattr(scope.get("endpoint"), "__name__", ""),
            "status": status,
            "took_ms": round(took_s * 1000, 1),
        },
    )
