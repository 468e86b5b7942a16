"""Which snapshot of a source is in force in the place of the newest."""

from alembic import op
from sqlalchemy import BigInteger, Column, Float, ForeignKey, Integer, Text

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The newest was in force until now."""
    op.create_table(
        "rollbacks",
        Column("source", Text, primary_key=True),
        Column(
            "snapshot",
            BigInteger().with_variant(Integer, "sqlite"),
            ForeignKey("snapshots.id", name="fk_rollbacks_snapshot"),
            nullable=False,
        ),
        Column("by", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("since", Float, nullable=False),
        Column("until", Float),
    )
