"""Locust users: devices on raw sockets, and operators at their desks.

    python -m loadtests.house -- locust -f loadtests/locustfile.py --headless -u 60 -r 20 -t 60s

Against a house that runs already, set LOAD_ADDRESS, LOAD_DEVICES (host:port of Teltonika),
LOAD_UNITS, LOAD_SIGN_IN, LOAD_PASSWORD and LOAD_TOKEN; unit numbers are those of
``loadtests.population``. For rates beyond a few hundred frames a second use loadtests.ingest:
one gevent process is full long before the gateways are.
"""

import itertools
import json
import os
import random
import socket
import time

import gevent
from locust import HttpUser, User, between, constant_throughput, events, task
from locust.exception import StopUser
from websockets.sync.client import ClientConnection, connect

from loadtests import frames
from loadtests.population import unit_id

ADDRESS = os.environ.get("LOAD_ADDRESS", "http://127.0.0.1:8080")
DEVICES = os.environ.get("LOAD_DEVICES", "127.0.0.1:5027")
UNITS = int(os.environ.get("LOAD_UNITS", "500"))
SIGN_IN = os.environ.get("LOAD_SIGN_IN", "")
PASSWORD = os.environ.get("LOAD_PASSWORD", "")
TOKEN = os.environ.get("LOAD_TOKEN", "")

_numbers = itertools.count()
_ANSWER_WITHIN_S = 30.0


class TeltonikaUser(User):
    """A tracker that sends a record every second, and now and then a cry for help."""

    weight = 5
    wait_time = constant_throughput(1.0)

    def on_start(self) -> None:
        """Connect, and say who we are."""
        number = next(_numbers)
        if number >= UNITS:
            raise StopUser
        self._lat, self._lon = 508_500_000 + number * 997, 43_500_000 + number * 1_009
        self._socket = _connected()
        name = unit_id(number).encode()
        self._exchange("sign in", len(name).to_bytes(2, "big") + name, b"\1")

    def on_stop(self) -> None:
        """Hang up."""
        if hasattr(self, "_socket"):
            self._socket.close()

    @task(50)
    def report(self) -> None:
        """An ordinary position, acknowledged once it is stored."""
        self._say("position", frames.ORDINARY)

    @task(1)
    def cry(self) -> None:
        """The button is pressed."""
        self._say("SOS", frames.SOS)

    def _say(self, name: str, template: frames.Template) -> None:
        self._lon += 137
        at_ms = int(time.time() * 1000)
        frame = template.frame(at_ms=at_ms, lat_e7=self._lat, lon_e7=self._lon)
        self._exchange(name, frame, b"\0\0\0\1")

    def _exchange(self, name: str, frame: bytes, wanted: bytes) -> None:
        began = time.perf_counter()
        error: Exception | None = None
        try:
            self._socket.sendall(frame)
            answer = b""
            while len(answer) < len(wanted):
                more = self._socket.recv(len(wanted) - len(answer))
                if not more:
                    raise ConnectionError("the gateway hung up")
                answer += more
            if answer != wanted:
                error = ValueError(f"answered {answer.hex()}")
        except OSError as lost:
            error = lost
        events.request.fire(  # type: ignore[no-untyped-call]
            request_type="TCP",
            name=f"teltonika {name}",
            response_time=(time.perf_counter() - began) * 1000,
            response_length=len(wanted),
            exception=error,
        )
        if error is not None:
            raise StopUser


class Operator(HttpUser):
    """Somebody at a desk: signs in, keeps the live channel open, and looks things up."""

    weight = 1
    host = ADDRESS
    wait_time = between(0.5, 2.0)

    def on_start(self) -> None:
        """Sign in and open the live channel."""
        self._assets: list[str] = []
        credentials = {"sign_in": SIGN_IN, "password": PASSWORD}
        with self.client.post("/api/v1/sessions", json=credentials, catch_response=True) as said:
            if not said.ok:
                said.failure(f"signing in: {said.status_code}")
                raise StopUser
        self._live = gevent.spawn(_watch)

    def on_stop(self) -> None:
        """Go home."""
        if hasattr(self, "_live"):
            self._live.kill(block=False)

    @task(3)
    def assets(self) -> None:
        """A page of the assets."""
        said = self.client.get("/api/v1/assets?limit=50", name="assets")
        if said.ok:
            self._assets = [asset["id"] for asset in said.json()["items"]]

    @task(3)
    def alarms(self) -> None:
        """The alarm list."""
        self.client.get("/api/v1/alarms?limit=50", name="alarms")

    @task(2)
    def card(self) -> None:
        """Who is this, and where?"""
        if self._assets:
            chosen = random.choice(self._assets)
            self.client.get(f"/api/v1/assets/{chosen}/card", name="card")

    @task(1)
    def within(self) -> None:
        """Whoever is in this part of the map."""
        box = "west=4.2&south=50.7&east=4.6&north=51.0"
        self.client.get(f"/api/v1/positions?{box}", name="positions within")


def _watch() -> None:
    """Read the live channel; every alarm on it is an event of the report."""
    address = ADDRESS.replace("http", "ws", 1)
    began = time.perf_counter()
    with _desk(address) as channel:
        for frame in channel:
            kind = "positions" if isinstance(frame, bytes) else str(json.loads(frame)["type"])
            wait_ms = (time.perf_counter() - began) * 1000 if kind == "hello" else 0.0
            events.request.fire(  # type: ignore[no-untyped-call]
                request_type="LIVE",
                name=kind,
                response_time=wait_ms,
                response_length=len(frame),
                exception=None,
            )


def _desk(address: str) -> ClientConnection:
    return connect(
        f"{address}/api/v1/live",
        additional_headers={"Authorization": f"Bearer {TOKEN}"},
        max_size=None,
    )


def _connected() -> socket.socket:
    host, _, port = DEVICES.rpartition(":")
    made = socket.create_connection((host, int(port)), timeout=_ANSWER_WITHIN_S)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
