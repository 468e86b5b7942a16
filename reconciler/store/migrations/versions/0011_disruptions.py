"""Which targets are disrupted by what was done to them."""

from alembic import op
from sqlalchemy import Column, Float, Text

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """None was counted until now."""
    op.create_table(
        "disruptions",
        Column("target", Text, primary_key=True),
        Column("cause", Text, nullable=False),
        Column("since", Float, nullable=False),
        sqlite_with_rowid=False,
    )
