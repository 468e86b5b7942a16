"""Who is told of what: how that gets on, what was found, and what is to be told."""

from alembic import op
from sqlalchemy import BigInteger, Column, Float, Integer

from reconciler.store.schema import Text

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody was told of anything until now."""
    op.create_table(
        "alerts",
        Column("name", Text, primary_key=True),
        Column("cursor", BigInteger, nullable=False),
        Column("failures", Integer, nullable=False),
        Column("error", Text, nullable=False),
        Column("next_try", Float, nullable=False),
        Column("sent", BigInteger, nullable=False),
        Column("sent_at", Float, nullable=False),
        Column("dropped", BigInteger, nullable=False),
    )
    op.create_table(
        "alert_incidents",
        Column("alert", Text, primary_key=True),
        Column("object", Text, primary_key=True),
        Column("topic", Text, primary_key=True),
        Column("document", Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alert_outbox",
        Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
        Column("id", Text, nullable=False),
        Column("alert", Text, nullable=False),
        Column("document", Text, nullable=False),
        sqlite_autoincrement=True,
    )
