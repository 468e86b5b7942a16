"""At which path a content was that was there before us: what its instance is about may be another one by now."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was not recorded is taken for what its instance is about."""
    op.add_column("plan_units", sa.Column("preimage_at", sa.Text, nullable=False, server_default=""))
