"""Tables of the ledger: counts, hashes, states and events; never a value from a row."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

delivery = Table(
    "delivery",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("feed", String(64), nullable=False),
    Column("night", Date, nullable=False),
    Column("landed_on", Date, nullable=False),
    Column("state", String(16), nullable=False),
    Column("source", Text, nullable=False),
    Column("cursor", Text, nullable=False),
    Column("folder", Text, nullable=False),
    Column("files", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("contract_version", String(32), nullable=False),
    Column("agreement", String(64), nullable=False),
    Column("agreement_version", String(32), nullable=False),
    Column("landed_at", DateTime(timezone=True), nullable=False),
    Index("delivery_feed_night", "feed", "night"),
)

table_count = Table(
    "table_count",
    metadata,
    Column("delivery_id", String(64), primary_key=True),
    Column("table_name", String(64), primary_key=True),
    Column("received", BigInteger, nullable=False),
    Column("published", BigInteger, nullable=False),
    Column("quarantined", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("superseded", BigInteger, nullable=False),
    Column("deleted", BigInteger, nullable=False),
)

rule_count = Table(
    "rule_count",
    metadata,
    Column("delivery_id", String(64), primary_key=True),
    Column("table_name", String(64), primary_key=True),
    Column("rule", String(128), primary_key=True),
    Column("severity", String(16), nullable=False),
    Column("columns", Text, nullable=False),
    Column("elements", BigInteger, nullable=False),
    Column("missing", BigInteger, nullable=False),
    Column("unexpected", BigInteger, nullable=False),
)

column_count = Table(
    "column_count",
    metadata,
    Column("state_id", String(64), primary_key=True),
    Column("feed", String(64), primary_key=True),
    Column("table_name", String(64), primary_key=True),
    Column("column_name", String(64), primary_key=True),
    Column("rows", BigInteger, nullable=False),
    Column("present", BigInteger, nullable=False),
)

column_profile = Table(
    "column_profile",
    metadata,
    Column("delivery_id", String(64), primary_key=True),
    Column("table_name", String(64), primary_key=True),
    Column("column_name", String(64), primary_key=True),
    Column("rows", BigInteger, nullable=False),
    Column("present", BigInteger, nullable=False),
    Column("varied", Boolean, nullable=False),
)

healing = Table(
    "healing",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("night", Date, primary_key=True),
    Column("table_name", String(64), primary_key=True),
    Column("before", BigInteger, nullable=False),
    Column("added", BigInteger, nullable=False),
    Column("corrected", BigInteger, nullable=False),
    Column("released", BigInteger, nullable=False),
    Column("overridden", BigInteger, nullable=False),
    Column("replaced", BigInteger, nullable=False),
    Column("withdrawn", BigInteger, nullable=False),
    Column("waiting", BigInteger, nullable=False),
)

deletion = Table(
    "deletion",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("night", Date, primary_key=True),
    Column("persons", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
)

cross_check = Table(
    "cross_check",
    metadata,
    Column("night", Date, primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("matched", BigInteger, nullable=False),
    Column("compared", BigInteger, nullable=False),
)

feed_night = Table(
    "feed_night",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("night", Date, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("state_id", String(64)),
    Column("code", String(64)),
    Column("detail", Text),
    Column("remedy", Text),
    Column("at", DateTime(timezone=True), nullable=False),
)

watermark = Table(
    "watermark",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("cursor", Text, nullable=False),
    Column("night", Date, nullable=False),
)

transport_memory = Table(
    "transport_memory",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

feed_lock = Table(
    "feed_lock",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("night", Date, primary_key=True),
    Column("token", BigInteger, nullable=False),
    Column("holder", String(64)),
    Column("expires", DateTime(timezone=True), nullable=False),
)

staged_night = Table(
    "staged_night",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("night", Date, primary_key=True),
    Column("state_id", String(64), nullable=False),
)

linkage_run = Table(
    "linkage_run",
    metadata,
    Column("night", Date, primary_key=True),
    Column("persons_id", String(64), nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("persons", BigInteger, nullable=False),
    Column("model_version", String(32), nullable=False),
    Column("inputs", JSON, nullable=False),
    Column("measures", JSON, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)

release = Table(
    "release",
    metadata,
    Column("profile", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("night", Date, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("persons_id", String(64), nullable=False),
    Column("rows", JSON, nullable=False),
    Column("inputs", JSON, nullable=False),
    Column("risk", JSON, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)

release_event = Table(
    "release_event",
    metadata,
    Column("profile", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("by", String(128), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("facts", JSON, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
)

audit_event = Table(
    "audit_event",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("night", Date, nullable=False),
    Column("feed", String(64)),
    Column("facts", JSON, nullable=False),
)
