"""What rules noticed. An event never changes; it points at the rule and shape it was judged by."""

from geoalchemy2 import Geometry
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from tracking.database import metadata

events = Table(
    "events",
    metadata,
    # Derived from rule, unit and time, so that the same is noticed once; also in its alarm.
    Column("id", Uuid, primary_key=True),
    # Whose rule it was: they see it.
    Column("organisation_id", Uuid, ForeignKey("organisations.id"), nullable=False),
    Column("asset_id", Uuid, ForeignKey("assets.id"), nullable=False),
    Column("device_id", Uuid, ForeignKey("devices.id")),
    Column("unit_id", Text, nullable=False),
    Column("rule_id", Uuid, nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("cause", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("since", DateTime(timezone=True)),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    # The fix that it was noticed in, or the last one known.
    Column("fix_at", DateTime(timezone=True)),
    Column("geom", Geometry("POINT", srid=4326, spatial_index=False)),
    Column("zone_id", Uuid),
    Column("zone_version", Integer),
    Column("facts", JSONB, nullable=False, server_default=text("'{}'")),
    Column("late", Boolean, nullable=False, server_default="false"),
    Column("clock", Boolean, nullable=False, server_default="false"),
    # Whether the client whose asset it is is told.
    Column("client_told", Boolean, nullable=False, server_default="false"),
    ForeignKeyConstraint(["rule_id", "rule_version"], ["rules.id", "rules.version"]),
    ForeignKeyConstraint(["zone_id", "zone_version"], ["zones.id", "zones.version"]),
    CheckConstraint("phase IN ('began', 'ended')", name="events_phase"),
    Index("events_at", "at", "id"),
    Index("events_asset", "asset_id", "at"),
    Index("events_rule", "rule_id", "at"),
)
