"""Who looked at whose whereabouts. The application may add to it and never change it."""

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Table, Text, Uuid, func

from tracking.database import metadata

location_reads = Table(
    "location_reads",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("person_id", Uuid, nullable=False),
    Column("organisation_id", Uuid, nullable=False),
    Column("asset_id", Uuid),
    Column("what", Text, nullable=False),
    Index("location_reads_asset", "asset_id", "at"),
)
