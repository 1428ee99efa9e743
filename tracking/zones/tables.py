"""Tables of zones. A version is never changed: an event points at the shape it was judged by."""

from geoalchemy2 import Geometry
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REAL

from tracking.database import metadata

zones = Table(
    "zones",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    # The highest is in force; those before it say what was.
    Column("version", Integer, nullable=False),
    Column("organisation_id", Uuid, ForeignKey("organisations.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # How it was drawn: a circle's centre, a corridor's line. What it covers is in geom.
    Column("definition", JSONB, nullable=False, server_default=text("'{}'")),
    # Nowhere for a zone that moves: it is where its anchor is.
    Column("geom", Geometry("GEOMETRY", srid=4326, spatial_index=False)),
    Column("anchor_asset_id", Uuid, ForeignKey("assets.id")),
    Column("radius_m", REAL),
    Column("colour", Text, nullable=False, server_default=""),
    Column("labels", ARRAY(Text), nullable=False, server_default="{}"),
    Column("speed_limit_kmh", REAL),
    Column("hours", JSONB),
    Column("note", Text, nullable=False, server_default=""),
    Column("removed", Boolean, nullable=False, server_default="false"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("created_by", Uuid, ForeignKey("people.id")),
    PrimaryKeyConstraint("id", "version"),
    CheckConstraint(
        "kind IN ('polygon', 'circle', 'corridor', 'area', 'moving')", name="zones_kind"
    ),
    CheckConstraint(
        "(kind = 'moving') = (geom IS NULL) AND (kind = 'moving') = (anchor_asset_id IS NOT NULL)",
        name="zones_somewhere",
    ),
    CheckConstraint("radius_m > 0", name="zones_radius"),
    CheckConstraint("speed_limit_kmh > 0", name="zones_speed_limit"),
    Index("zones_organisation", "organisation_id"),
    Index("zones_geom", "geom", postgresql_using="gist"),
)
