"""How far the newest revision of a source is, where it reaches targets wave by wave."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Integer

from reconciler.store.schema import Text

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Each reached all of them at once until now."""
    op.create_table(
        "rollouts",
        Column("source", Text, primary_key=True),
        Column("name", Text, primary_key=True),
        Column("document", Text, nullable=False),
    )
    op.create_table(
        "rollout_turns",
        Column("source", Text, primary_key=True),
        Column("rollout", Text, primary_key=True),
        Column("target", Text, primary_key=True),
        Column(
            "snapshot",
            BigInteger().with_variant(Integer, "sqlite"),
            ForeignKey("snapshots.id", name="fk_rollout_turns_snapshot"),
        ),
        Column("document", Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_rollout_turns_snapshot", "rollout_turns", ["snapshot"])
