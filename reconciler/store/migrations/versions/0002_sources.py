"""Which source declares an instance. What only one source can have declared is its own."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Each state has its source."""
    op.add_column("resource_state", Column("source", Text, nullable=False, server_default=""))
    op.execute(
        "UPDATE resource_state SET source = (SELECT min(source) FROM snapshots) "
        "WHERE (SELECT count(DISTINCT source) FROM snapshots) = 1"
    )
