"""What is in the inventory says what it is about as subjects, no longer as claims and a path."""

import json
from typing import Any

from alembic import op
from sqlalchemy import text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Each kept instance has what it provides and contains."""
    bind = op.get_bind()
    for address, kept in bind.execute(text("SELECT address, instance FROM inventory")).fetchall():
        instance = _converted(json.loads(kept))
        bind.execute(
            text("UPDATE inventory SET instance = :instance WHERE address = :address"),
            {"address": address, "instance": json.dumps(instance)},
        )


def _converted(instance: dict[str, Any]) -> dict[str, Any]:
    path, container = instance.pop("path", ""), instance.pop("container", False)
    claims = [claim.partition(":") for claim in instance.pop("claims", ())]
    provides = [["path", path]] if path else []
    provides += [pair for scheme, _, name in claims if (pair := [scheme, name]) not in provides]
    contains = [["path", path]] if container and path else []
    return {**instance, "provides": provides, "uses": [], "contains": contains}
