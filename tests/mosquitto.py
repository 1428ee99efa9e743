"""A real MQTT broker, with a password and an access list as docs/mqtt.md tells to set them."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiomqtt
import orjson
import pytest

from tests.devices import until
from tests.gateways import count
from tracking.bus import NOTIFY_FLEET
from tracking.database import Pool
from tracking.gateway.server import Gateway

JANE, BOX = "jane/phone", "356938035643809"
PROGRAM = shutil.which("mosquitto") or "/usr/sbin/mosquitto"

_CONFIG = """
listener {port} 127.0.0.1
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/access
persistence true
persistence_location {folder}/
autosave_interval 1
max_queued_messages 0
"""
_ACCESS = """
user vigil
topic read owntracks/#
topic read devices/#
topic readwrite vigil/gateways/+

pattern write owntracks/%u/#
pattern write devices/%u/json
"""


@dataclass
class Mosquitto:
    """A broker in a folder of its own. Every user's password is his name backwards."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def settings(self) -> dict[str, Any]:
        """The gateway's settings for it."""
        return {
            "mqtt_url": f"mqtt://127.0.0.1:{self.port}",
            "mqtt_user": "vigil",
            "mqtt_password": "vigil"[::-1],
        }

    async def also_over_tls(self) -> dict[str, Any]:
        """Listen with a certificate for localhost, too; the settings for that."""
        certificate, key = self.folder / "certificate.pem", self.folder / "key.pem"
        await asyncio.to_thread(_certify, certificate, key)
        port = _free_port()
        with (self.folder / "config").open("a") as config:
            config.write(f"listener {port} 127.0.0.1\ncertfile {certificate}\nkeyfile {key}\n")
        await self.stop()
        await self.start()
        return {"mqtt_url": f"mqtts://localhost:{port}", "mqtt_ca": certificate}

    async def start(self) -> None:
        """Start it, the first time or again with what it had kept, and wait until it listens."""
        self.process = self._started()
        await until(self._listens)

    async def stop(self, *, kill: bool = False) -> None:
        """End it in good order, so that it writes down what it keeps; or not."""
        process, self.process = self.process, None
        if process is not None:
            process.kill() if kill else process.terminate()
            await asyncio.to_thread(process.wait, 20)

    def _started(self) -> "subprocess.Popen[bytes]":
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [PROGRAM, "-c", str(self.folder / "config")], stdout=log, stderr=log
            )

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @asynccontextmanager
    async def phone(self, user: str) -> "AsyncIterator[Phone]":
        """Somebody who publishes."""
        client = aiomqtt.Client("127.0.0.1", self.port, username=user, password=user[::-1])
        async with client:
            yield Phone(client)


@dataclass
class Phone:
    """A client of the broker that we did not write."""

    client: aiomqtt.Client

    async def publish(self, topic: str, said: object, *, retain: bool = False) -> None:
        """Publish with QoS 1, and wait until the broker has it."""
        payload = said if isinstance(said, bytes) else orjson.dumps(said)
        await self.client.publish(topic, payload, qos=1, retain=retain)


@asynccontextmanager
async def mosquitto(folder: Path, *users: str) -> AsyncIterator[Mosquitto]:
    """A broker that these may sign in to, and the gateways as ``vigil``."""
    broker = Mosquitto(folder, _configured(folder, users))
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop(kill=True)


def _configured(folder: Path, users: Sequence[str]) -> int:
    """Everything the broker reads; the free port that it will listen on."""
    if not Path(PROGRAM).exists():
        pytest.fail("mosquitto is not installed: `./vigil test` installs it")
    for user in ("vigil", *users):
        made = [] if (folder / "passwords").exists() else ["-c"]
        subprocess.run(
            ["mosquitto_passwd", *made, "-b", str(folder / "passwords"), user, user[::-1]],
            check=True,
            capture_output=True,
        )
    port = _free_port()
    config = _CONFIG.format(port=port, folder=folder)
    if os.geteuid() == 0:
        config += "user root\n"  # it would drop to an account that may not enter here
    (folder / "config").write_text(config)
    (folder / "access").write_text(_ACCESS)
    (folder / "access").chmod(0o600)
    return port


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _certify(certificate: Path, key: Path) -> None:
    """A certificate for localhost, good for a day."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip


def location(at: datetime, **more: object) -> dict[str, object]:
    return {"_type": "location", "tst": int(at.timestamp()), "lat": 50.85, "lon": 4.35, **more}


def record(at: datetime, step: int = 0, **more: object) -> dict[str, object]:
    return {"time": at.isoformat(), "lat": 50.85, "lon": 4.35 + step / 1000, **more}


async def set_up(pool: Pool, unit_id: str, settings: dict[str, object]) -> None:
    await pool.execute("UPDATE devices SET settings = $2 WHERE unit_id = $1", unit_id, settings)
    await pool.execute("SELECT pg_notify($1, $2)", NOTIFY_FLEET, unit_id)


async def until_connected(*gateways: Gateway) -> None:
    await until(lambda: all(one.intake.figures.mqtt == "connected" for one in gateways))


async def until_hears(pool: Pool, name: str) -> None:
    """The same of a gateway that is a process of its own."""

    async def hears() -> bool:
        said = "name = $1 AND figures->>'mqtt' = 'connected'"
        return await count(pool, "gateways", said, name) == 1

    await until(hears)


async def until_stored(pool: Pool, positions: int) -> None:
    async def stored() -> bool:
        return await count(pool, "positions") >= positions

    await until(stored)
    assert await count(pool, "positions") == positions
