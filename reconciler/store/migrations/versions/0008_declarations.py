"""What an instance is about, and where it is declared, whether or not it is ours yet."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was not recorded is said again by the next look at what is declared."""
    op.add_column("resource_state", sa.Column("declared", sa.Text, nullable=False, server_default="[]"))
