"""What the checks of later nights compare with: profiles, healing, deletions, rates."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()


def _key(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True)


def _counts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, BIG, nullable=False) for name in names]


def upgrade() -> None:
    """Create the tables."""
    name, day = sa.String(64), sa.Date()
    op.create_table(
        "column_profile",
        _key("delivery_id", name),
        _key("table_name", name),
        _key("column_name", name),
        *_counts("rows", "present"),
        sa.Column("varied", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "healing",
        _key("feed", name),
        _key("night", day),
        _key("table_name", name),
        *_counts("before", "added", "corrected", "released", "overridden"),
        *_counts("replaced", "withdrawn", "waiting"),
    )
    op.create_table(
        "deletion",
        _key("feed", name),
        _key("night", day),
        *_counts("persons", "rows"),
    )
    op.create_table(
        "cross_check",
        _key("night", day),
        _key("name", name),
        *_counts("matched", "compared"),
    )


def downgrade() -> None:
    """Refuse: the ledger is a record, and records are not unmade."""
    raise RuntimeError("the ledger's history cannot be undone")
