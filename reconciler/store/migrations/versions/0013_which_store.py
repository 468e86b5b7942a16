"""Which store it is, for targets that are told of the token of its lease."""

from alembic import op
from sqlalchemy import Column

from reconciler.store.schema import Text

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """It has a name as soon as its lease is taken."""
    with op.batch_alter_table("lease") as lease:
        lease.add_column(Column("store", Text, nullable=False, server_default=""))
