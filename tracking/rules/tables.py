"""Tables of rules: what somebody set, what is remembered of each unit, what time will bring."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REAL

from tracking.database import metadata

rule_memory = Table(
    "rule_memory",
    metadata,
    Column("unit_id", Text, primary_key=True),
    # The name of a watch, or the id of a rule.
    Column("rule", Text, primary_key=True),
    Column("memory", JSONB, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""What watches and rules remember of each unit between one report and the next."""

rules = Table(
    "rules",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    # The highest is in force; an event points at the one that it was judged by.
    Column("version", Integer, nullable=False),
    # Whose rule it is: it is about that client's assets, or, for the centre's, of all its clients.
    Column("organisation_id", Uuid, ForeignKey("organisations.id"), nullable=False),
    Column("name", Text, nullable=False),
    # The condition, as geofence.kinds reads it; a zone may also be named by a label: "label:depot".
    Column("setting", JSONB, nullable=False),
    Column("cause", Text, nullable=False),
    Column("for_s", REAL, nullable=False, server_default="0"),
    Column("schedule", JSONB),
    # Whom it is for: organisations, kinds, assets, groups, tags; what is absent asks nothing.
    Column("scope", JSONB, nullable=False, server_default=text("'{}'")),
    # 0: an event and no alarm; 1 to 5: the priority of its alarms.
    Column("severity", SmallInteger, nullable=False),
    # A message in each language, with names of facts in braces; absent: the kind's own words.
    Column("messages", JSONB, nullable=False, server_default=text("'{}'")),
    # Who is told: desk, client.
    Column("told", ARRAY(Text), nullable=False, server_default="{desk}"),
    Column("enabled", Boolean, nullable=False, server_default="true"),
    Column("removed", Boolean, nullable=False, server_default="false"),
    Column("note", Text, nullable=False, server_default=""),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("created_by", Uuid, ForeignKey("people.id")),
    PrimaryKeyConstraint("id", "version"),
    CheckConstraint("severity BETWEEN 0 AND 5", name="rules_severity"),
    CheckConstraint("for_s >= 0", name="rules_for"),
    CheckConstraint("told <@ '{desk,client}'", name="rules_told"),
    Index("rules_organisation", "organisation_id"),
)

timers = Table(
    "timers",
    metadata,
    Column("unit_id", Text, nullable=False),
    Column("rule_id", Uuid, nullable=False),
    Column("edition", Text, nullable=False),
    Column("asset_id", Uuid, nullable=False),
    # The newest sighting when it was set.
    Column("as_of", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("unit_id", "rule_id"),
    Index("timers_due", "due_at"),
)
"""When the clock alone will change what a rule says of a unit, unless it is heard before."""

rule_failures = Table(
    "rule_failures",
    metadata,
    Column("rule_id", Uuid, nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("times", Integer, nullable=False, server_default="1"),
    Column("first_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("last_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("asset_id", Uuid),
    # The sighting that broke it.
    Column("input", JSONB, nullable=False),
    PrimaryKeyConstraint("rule_id", "rule_version", "error"),
    ForeignKeyConstraint(["rule_id", "rule_version"], ["rules.id", "rules.version"]),
)
"""Rules that could not judge; the others went on."""

previews = Table(
    "previews",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("organisation_id", Uuid, ForeignKey("organisations.id"), nullable=False),
    Column("created_by", Uuid, ForeignKey("people.id"), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("rule_id", Uuid),
    # The rule as it was tried, and for a noise report what it was tried against.
    Column("tried", JSONB, nullable=False),
    Column("from_at", DateTime(timezone=True), nullable=False),
    Column("until_at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False, server_default="running"),
    Column("assets", Integer, nullable=False, server_default="0"),
    Column("assets_done", Integer, nullable=False, server_default="0"),
    Column("positions", Integer, nullable=False, server_default="0"),
    Column("events", Integer, nullable=False, server_default="0"),
    # How much of the work is done, 0 to 1.
    Column("share", REAL, nullable=False, server_default="0"),
    # The first thousand of them.
    Column("found", JSONB, nullable=False, server_default=text("'[]'")),
    # All of them, by asset, by day, by candidate; and how the rule failed.
    Column("counts", JSONB, nullable=False, server_default=text("'{}'")),
    Column("error", Text, nullable=False, server_default=""),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("state IN ('running', 'done', 'cancelled', 'failed')", name="previews_state"),
)
"""What a rule would have raised: one question about the past, while it is answered and after."""
