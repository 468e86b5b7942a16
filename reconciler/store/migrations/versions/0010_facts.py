"""What targets are, as they said themselves."""

from alembic import op
from sqlalchemy import Boolean, Column, Float, Text

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing was known of them until now."""
    op.create_table(
        "facts",
        Column("target", Text, primary_key=True),
        Column("section", Text, primary_key=True),
        Column("document", Text, nullable=False),
        Column("taken", Float, nullable=False),
        Column("cut", Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
