"""Who shares the targets of a store out, who has which part of them, and what has been put in force for all."""

from alembic import op
from sqlalchemy import BigInteger, Column, Float, Integer

from reconciler.store.schema import Text

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody shares anything yet."""
    op.create_table(
        "members",
        Column("number", BigInteger, primary_key=True, autoincrement=False),
        Column("host", Text, nullable=False),
        Column("pid", Integer, nullable=False),
        Column("boot_id", Text, nullable=False),
        Column("since", Float, nullable=False),
    )
    op.create_table(
        "shards",
        Column("shard", Integer, primary_key=True, autoincrement=False),
        Column("member", BigInteger, nullable=False),
        Column("token", BigInteger, nullable=False),
    )
    op.create_table(
        "decisions",
        Column("source", Text, primary_key=True),
        Column("digest", Text, nullable=False),
        Column("doubt", Text, nullable=False),
        Column("held", Text, nullable=False),
    )
