"""The ledger's first schema.

The revision states its tables itself, so that a later change of the schema module
cannot rewrite history.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT, BIG, DAY = sa.Text(), sa.BigInteger(), sa.Date()
MOMENT, JSON = sa.DateTime(timezone=True), sa.JSON()


def _key(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True)


def _must(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _may(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind)


def upgrade() -> None:
    """Create the tables."""
    s = sa.String
    op.create_table(
        "delivery",
        _key("id", s(64)),
        _must("feed", s(64)),
        _must("night", DAY),
        _must("landed_on", DAY),
        _must("state", s(16)),
        _must("source", TEXT),
        _must("cursor", TEXT),
        _must("folder", TEXT),
        _must("files", sa.Integer()),
        _must("bytes", BIG),
        _must("rows", BIG),
        _must("contract_version", s(32)),
        _must("agreement", s(64)),
        _must("agreement_version", s(32)),
        _must("landed_at", MOMENT),
    )
    op.create_index("delivery_feed_night", "delivery", ["feed", "night"])
    op.create_table(
        "table_count",
        _key("delivery_id", s(64)),
        _key("table_name", s(64)),
        *(
            _must(name, BIG)
            for name in (
                "received",
                "published",
                "quarantined",
                "rejected",
                "superseded",
                "deleted",
            )
        ),
    )
    op.create_table(
        "rule_count",
        _key("delivery_id", s(64)),
        _key("table_name", s(64)),
        _key("rule", s(128)),
        _must("severity", s(16)),
        _must("columns", TEXT),
        _must("elements", BIG),
        _must("missing", BIG),
        _must("unexpected", BIG),
    )
    op.create_table(
        "column_count",
        _key("state_id", s(64)),
        _key("feed", s(64)),
        _key("table_name", s(64)),
        _key("column_name", s(64)),
        _must("rows", BIG),
        _must("present", BIG),
    )
    op.create_table(
        "feed_night",
        _key("feed", s(64)),
        _key("night", DAY),
        _must("status", s(16)),
        _may("state_id", s(64)),
        _may("code", s(64)),
        _may("detail", TEXT),
        _may("remedy", TEXT),
        _must("at", MOMENT),
    )
    op.create_table(
        "watermark", _key("feed", s(64)), _must("cursor", TEXT), _must("night", DAY)
    )
    op.create_table(
        "transport_memory",
        _key("feed", s(64)),
        _key("name", s(64)),
        _must("value", TEXT),
    )
    op.create_table(
        "linkage_run",
        _key("night", DAY),
        _must("persons_id", s(64)),
        _must("records", BIG),
        _must("persons", BIG),
        _must("model_version", s(32)),
        _must("inputs", JSON),
        _must("measures", JSON),
        _must("at", MOMENT),
    )
    op.create_table(
        "release",
        _key("profile", s(64)),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        _must("night", DAY),
        _must("digest", s(64)),
        _must("persons_id", s(64)),
        _must("rows", JSON),
        _must("inputs", JSON),
        _must("risk", JSON),
        _must("at", MOMENT),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        _must("at", MOMENT),
        _must("kind", s(32)),
        _must("night", DAY),
        _may("feed", s(64)),
        _must("facts", JSON),
    )


def downgrade() -> None:
    """Refuse: the ledger is a record, and records are not unmade."""
    raise RuntimeError("the ledger's first schema cannot be undone")
