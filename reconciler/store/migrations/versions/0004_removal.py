"""Removal of what is declared no longer: what waits for a person, what they approved, and how targets were reached."""

from alembic import op
from sqlalchemy import Column, Float, Text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A state may wait for a person, and what is left on a target can be removed though nobody declares that."""
    op.add_column("resource_state", Column("held", Text))
    op.create_table(
        "targets",
        Column("name", Text, primary_key=True),
        Column("document", Text, nullable=False),
    )
    op.create_table(
        "approvals",
        Column("address", Text, primary_key=True),
        Column("shown", Text, nullable=False),
        Column("by", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("at", Float, nullable=False),
    )
