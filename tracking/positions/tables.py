"""Tables of whereabouts. Partitions by day are made ahead and dropped whole.

A stored position never changes. Common readings are typed columns; ``other`` holds the rest
and is absent when there is none.
"""

from geoalchemy2 import Geometry
from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.schema import SchemaItem

from tracking.database import metadata


def _point() -> Column[object]:
    return Column("geom", Geometry("POINT", srid=4326, spatial_index=False), nullable=False)


def _position_columns() -> list[SchemaItem]:
    """What one position says; the same columns wherever positions are filed."""
    return [
        Column("asset_id", Uuid, nullable=False),
        Column("device_id", Uuid, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("fingerprint", BigInteger, nullable=False),
        Column("received_at", DateTime(timezone=True), nullable=False),
        _point(),
        Column("speed_kmh", REAL),
        Column("course_deg", REAL),
        Column("altitude_m", REAL),
        Column("accuracy_m", REAL),
        Column("valid", Boolean, nullable=False),
        Column("buffered", Boolean, nullable=False),
        Column("satellites", SmallInteger),
        Column("hdop", REAL),
        Column("ignition", Boolean),
        Column("motion", Boolean),
        Column("immobilised", Boolean),
        Column("charging", Boolean),
        Column("battery_pct", REAL),
        Column("battery_v", REAL),
        Column("power_v", REAL),
        Column("odometer_m", Double),
        Column("rssi", SmallInteger),
        Column("driver_id", Text),
        Column("signals", ARRAY(Text)),
        Column("other", JSONB),
    ]


positions = Table(
    "positions",
    metadata,
    *_position_columns(),
    PrimaryKeyConstraint("asset_id", "at", "fingerprint"),
    postgresql_partition_by="RANGE (at)",
)

misdated_positions = Table(
    "misdated_positions",
    metadata,
    *_position_columns(),
    PrimaryKeyConstraint("asset_id", "at", "fingerprint"),
    Index("misdated_positions_received", "received_at"),
)

last_positions = Table(
    "last_positions",
    metadata,
    Column("asset_id", Uuid, ForeignKey("assets.id"), primary_key=True),
    Column("device_id", Uuid, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    _point(),
    Column("speed_kmh", REAL),
    Column("course_deg", REAL),
    Column("altitude_m", REAL),
    Column("accuracy_m", REAL),
    Column("valid", Boolean, nullable=False),
    Column("buffered", Boolean, nullable=False),
    Column("satellites", SmallInteger),
    Column("ignition", Boolean),
    Column("motion", Boolean),
    Column("immobilised", Boolean),
    Column("battery_pct", REAL),
    Column("power_v", REAL),
    postgresql_with={"fillfactor": 50},
)

frames = Table(
    "frames",
    metadata,
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("unit_id", Text, nullable=False),
    Column("codec", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Index("frames_unit", "unit_id", "received_at"),
    postgresql_partition_by="RANGE (received_at)",
)

quarantined_frames = Table(
    "quarantined_frames",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("unit_id", Text, nullable=False),
    Column("codec", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Index("quarantined_frames_unit", "unit_id", "received_at"),
    Index("quarantined_frames_received", "received_at"),
)
