"""What is to be refreshed because something else has changed, or may have."""

from alembic import op
from sqlalchemy import Boolean, Column, Float, Text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """There was nothing to be refreshed until now."""
    op.create_table(
        "refresh_owed",
        Column("address", Text, primary_key=True),
        Column("cause", Text, primary_key=True),
        Column("run", Text, nullable=False),
        Column("before", Text, nullable=False),
        Column("since", Float, nullable=False),
        Column("certain", Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
