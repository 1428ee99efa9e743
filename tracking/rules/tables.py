"""What rules remember of each unit between one report and the next."""

from sqlalchemy import Column, DateTime, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from tracking.database import metadata

rule_memory = Table(
    "rule_memory",
    metadata,
    Column("unit_id", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("memory", JSONB, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
