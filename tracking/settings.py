"""Every setting of every process, in one place, each with a default that works.

Settings come from the environment (``VIGIL_…``; ``DATABASE_URL`` and ``REDIS_URL``
also without the prefix). ``docs/operations.md`` lists them; a test holds it to this file.
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PROJECT = Path(__file__).resolve().parents[1]


class Settings(BaseSettings):
    """One frozen set of settings; ``settings()`` reads the environment once."""

    model_config = SettingsConfigDict(env_prefix="VIGIL_", frozen=True, extra="ignore")

    state_dir: Path = Field(
        PROJECT / ".vigil",
        description="Where the private database, Redis, journals, logs and pid files live.",
    )
    database_url: str = Field(
        "",
        validation_alias=AliasChoices("VIGIL_DATABASE_URL", "DATABASE_URL"),
        description="PostgreSQL as its owner (migrations). Empty: a private cluster is started.",
    )
    database_app_url: str = Field(
        "",
        description="PostgreSQL as role vigil_app (row-level security). Empty: derived.",
    )
    database_ingest_url: str = Field(
        "",
        description="PostgreSQL as role vigil_ingest (gateway, timekeeper). Empty: derived.",
    )
    redis_url: str = Field(
        "",
        validation_alias=AliasChoices("VIGIL_REDIS_URL", "REDIS_URL"),
        description="Redis. Empty: a private one is started.",
    )
    redis_prefix: str = Field(
        "vigil:",
        description="Begins every channel name; give each installation on one Redis its own.",
    )

    host: str = Field("127.0.0.1", description="Address that the web server listens on.")
    port: int = Field(8080, description="Port of the web server; 0 takes a free one.")
    device_host: str = Field("0.0.0.0", description="Address that device ports listen on.")  # noqa: S104 - devices come from outside
    device_ports: Annotated[dict[str, int], NoDecode] = Field(
        {},
        description=(
            "Ports by protocol, as gt06=5023,watch=5093. Unnamed protocols keep the field's usual "
            "port; 0 takes a free one; -1 switches a protocol off."
        ),
    )
    device_port_offset: int = Field(
        0, description="Added to every usual device port, so that two checkouts never collide."
    )
    proxy_protocol: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(),
        description="Protocols whose port expects a PROXY protocol v2 header, comma-separated.",
    )
    tls_protocols: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(), description="Protocols whose port speaks TLS, comma-separated."
    )
    tls_certificate: Path | None = Field(None, description="PEM certificate chain for TLS ports.")
    tls_key: Path | None = Field(None, description="PEM private key for TLS ports.")
    trusted_proxies: Annotated[frozenset[str], NoDecode] = Field(
        frozenset({"127.0.0.1", "::1"}),
        description="Addresses whose PROXY protocol or X-Forwarded-For headers are believed.",
    )

    mqtt_url: str = Field(
        "",
        description=(
            "The MQTT broker that devices publish to, as mqtt://host or mqtts://host:8883. "
            "Empty: none."
        ),
    )
    mqtt_user: str = Field("", description="Who we are to the broker.")
    mqtt_password: str = Field("", repr=False, description="And how it knows.")
    mqtt_ca: Path | None = Field(
        None, description="PEM certificate of the broker's authority, if it is not a public one."
    )
    mqtt_topics: Annotated[dict[str, str], NoDecode] = Field(
        {"owntracks/#": "owntracks", "devices/{unit}/json": "json_mqtt"},
        description=(
            "Topic filters and what is spoken there, as owntracks/#=owntracks; the level {unit} "
            "names the unit."
        ),
    )
    mqtt_name: str = Field(
        "vigil",
        description="Begins our names at the broker; give each installation on one its own.",
    )
    mqtt_shared: bool = Field(
        default=False,
        description=(
            "Gateways share what is published (MQTT 5), rather than one hearing all and the others "
            "standing by. Only for a broker that keeps shared subscriptions when it restarts."
        ),
    )

    gateways: int = Field(2, ge=1, description="Gateway processes that `vigil up` starts.")
    api_processes: int = Field(1, ge=1, description="API processes that `vigil up` starts.")
    simulate_devices: bool = Field(
        default=True, description="Whether `vigil up` starts simulated devices (not with --empty)."
    )

    sign_in_deadline_s: float = Field(
        30.0, gt=0, description="A connection that has not said who it is by then is closed."
    )
    read_timeout_s: float = Field(
        0.0, ge=0, description="Silence after which a connection is closed; 0: as the codec says."
    )
    connections_per_address: int = Field(
        10_000, ge=1, description="Open device connections from one address."
    )
    frames_per_second_per_unit: int = Field(
        200, ge=1, description="Frames a second from one unit before its socket is not read."
    )
    frames_per_second_per_unknown_unit: int = Field(
        5, ge=1, description="The same for a unit that nobody registered."
    )
    new_connections_per_second_per_address: int = Field(
        5_000, ge=1, description="Connections a second accepted from one address."
    )
    pending_frames: int = Field(
        20_000, ge=100, description="Frames waiting for a commit before sockets are not read."
    )
    batch_rows: int = Field(5_000, ge=1, description="Rows in one commit, at most.")
    linger_ms: float = Field(
        20.0, ge=0, description="Longest wait for more rows before a commit, under load."
    )
    provisional_after_ms: float = Field(
        400.0,
        ge=0,
        description="A life-safety record not committed by then is journalled and rings anyway.",
    )
    drain_s: float = Field(
        10.0, ge=0, description="Time that a stopping gateway gives what it has heard to be kept."
    )
    quarantine_frames_per_unit: int = Field(
        1_000, ge=1, description="Frames kept from one unit that nobody registered."
    )

    positions_retention_days: int = Field(
        400, ge=2, description="Days that positions are kept, and events; whole days are dropped."
    )
    frames_retention_days: int = Field(
        30, ge=2, description="Days that the raw bytes of frames are kept."
    )
    quarantine_retention_days: int = Field(
        90,
        ge=1,
        description="Days that unreadable frames, misdated positions and previews are kept.",
    )
    oldest_device_time: str = Field(
        "2015-01-01", description="Device clocks before this day are filed apart as misdated."
    )
    future_tolerance_h: float = Field(
        24.0, gt=0, description="Device clocks further ahead than this are filed apart."
    )
    late_after_s: float = Field(
        300.0, gt=0, description="An alarm whose device time is older than this is labelled LATE."
    )

    reporting_time_s: int = Field(
        90_000,
        gt=0,
        description="[K] Silence that raises an alarm for a device without its own (25 h).",
    )
    category_times_s: Annotated[dict[str, int], NoDecode] = Field(
        {
            "SP1": 2_764_800, "SP2": 90_000, "SP3": 1_800, "SP4": 180, "SP5": 90, "SP6": 20,
            "DP1": 90_000, "DP2": 1_800, "DP3": 180, "DP4": 90,
        },
        description=(
            "[K] Reporting time in seconds of each category of EN 50136-1 (of the primary path), "
            "as SP4=180,DP4=90."
        ),
    )  # fmt: skip
    silence_grace_s: float = Field(
        300.0, ge=0, description="Time that devices get to report after we were away ourselves."
    )
    outage_patience_s: float = Field(
        900.0,
        ge=0,
        description=(
            "How long trackers that fell silent together, by an outage of the network, are told "
            "of in one alarm before each has its own."
        ),
    )
    repeat_window_s: float = Field(
        1_800.0, gt=0, description="Repeats of one cause within this time join the open alarm."
    )
    low_battery_pct: float = Field(
        15.0, ge=0, le=100, description="Battery level at or below which we raise low battery."
    )
    low_battery_clear_pct: float = Field(
        25.0, ge=0, le=100, description="Level at which a low battery counts as recovered."
    )

    session_idle_h: float = Field(12.0, gt=0, description="A desk unused for so long signs out.")
    session_lifetime_h: float = Field(24.0, gt=0, description="A session ends after this at most.")
    secure_cookies: bool = Field(
        default=False, description="Mark cookies Secure (set it when HTTPS ends before us)."
    )
    sign_in_failures: int = Field(
        10,
        ge=1,
        description="Failed sign-ins of one account or address in 15 minutes before a wait.",
    )

    break_promise: Literal["", "ack-first", "no-dedupe"] = Field(
        "", description="Breaks a promise on purpose, so that the tests of it can be tested."
    )

    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    log_json: bool = Field(default=False, description="Logs as JSON lines instead of text.")

    @field_validator("device_ports", "category_times_s", "mqtt_topics", mode="before")
    @classmethod
    def _ports(cls, said: object) -> object:
        if not isinstance(said, str):
            return said
        pairs = (pair.partition("=") for pair in said.split(",") if pair.strip())
        return {name.strip(): port.strip() for name, _, port in pairs}

    @field_validator("proxy_protocol", "tls_protocols", "trusted_proxies", mode="before")
    @classmethod
    def _names(cls, said: object) -> object:
        if not isinstance(said, str):
            return said
        return frozenset(name.strip() for name in said.split(",") if name.strip())

    @property
    def journal_dir(self) -> Path:
        """Where life-safety records wait when PostgreSQL is away."""
        return self.state_dir / "journal"


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
