"""Tables of alarms. ``state`` is moved by ``lifecycle.py``; ``alarm_events`` only grows.

``changes`` is what desks follow: its ``seq`` is handed out in commit order, so a desk that has
seen N and asks for what came after N misses nothing.
"""

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from tracking.database import metadata

alarms = Table(
    "alarms",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation_id", Uuid, ForeignKey("organisations.id"), nullable=False),
    Column("asset_id", Uuid, ForeignKey("assets.id")),
    Column("device_id", Uuid, ForeignKey("devices.id")),
    Column("unit_id", Text, nullable=False),
    Column("cause", Text, nullable=False),
    # The rule that raised it; what raises an alarm without being set has none.
    Column("rule_id", Uuid),
    Column("rule_version", Integer),
    Column("priority", SmallInteger, nullable=False),
    Column("state", Text, nullable=False, server_default="raised"),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("raised_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("last_event_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("last_event_id", Uuid, nullable=False),
    Column("repeats", Integer, nullable=False, server_default="0"),
    Column("labels", ARRAY(Text), nullable=False, server_default="{}"),
    Column("geom", Geometry("POINT", srid=4326, spatial_index=False)),
    Column("fix_at", DateTime(timezone=True)),
    Column("fix_valid", Boolean),
    Column("acknowledged_at", DateTime(timezone=True)),
    Column("acknowledged_by", Uuid, ForeignKey("people.id")),
    Column("closed_at", DateTime(timezone=True)),
    Column("closed_by", Uuid, ForeignKey("people.id")),
    Column("close_code", Text),
    Column("close_note", Text),
    ForeignKeyConstraint(["rule_id", "rule_version"], ["rules.id", "rules.version"]),
    CheckConstraint("state IN ('raised', 'acknowledged', 'closed')", name="alarms_state"),
    CheckConstraint("priority BETWEEN 1 AND 5", name="alarms_priority"),
    Index("alarms_open", "unit_id", "cause", postgresql_where=text("state <> 'closed'")),
    Index("alarms_raised", "raised_at", "id"),
    Index("alarms_asset", "asset_id", "raised_at"),
)

alarm_events = Table(
    "alarm_events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("alarm_id", Uuid, ForeignKey("alarms.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("person_id", Uuid, ForeignKey("people.id")),
    Column("detail", JSONB),
    Index("alarm_events_alarm", "alarm_id", "recorded_at"),
)

changes = Table(
    "changes",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("alarm_id", Uuid, ForeignKey("alarms.id"), nullable=False),
    Column("organisation_id", Uuid, ForeignKey("organisations.id"), nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("sound", Boolean, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("changes_alarm", "alarm_id", "seq"),
)

alarm_shown = Table(
    "alarm_shown",
    metadata,
    Column("alarm_id", Uuid, ForeignKey("alarms.id"), primary_key=True),
    Column("person_id", Uuid, ForeignKey("people.id"), primary_key=True),
    Column("shown_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
