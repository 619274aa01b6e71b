"""A lock a feed and night, and the states of a backfill that is under way."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "feed_lock",
        sa.Column("feed", sa.String(64), primary_key=True),
        sa.Column("night", sa.Date(), primary_key=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(64)),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "staged_night",
        sa.Column("feed", sa.String(64), primary_key=True),
        sa.Column("night", sa.Date(), primary_key=True),
        sa.Column("state_id", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    """Remove both: they matter only while something runs."""
    op.drop_table("staged_night")
    op.drop_table("feed_lock")
