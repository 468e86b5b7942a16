"""Which files of a snapshot are executable."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was not recorded is not executable; the next snapshot says how it is."""
    op.add_column("snapshot_files", sa.Column("executable", sa.Boolean, nullable=False, server_default="0"))
