"""The first schema."""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    text,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Counter = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """The first schema."""
    _about_the_store()
    _about_contents()
    _about_things()
    _about_runs()
    _journals()


def _key(name: str, kind: Any = Text) -> Column[Any]:
    return Column(name, kind, primary_key=True)


def _needed(kind: Any, *names: str) -> list[Column[Any]]:
    return [Column(name, kind, nullable=False) for name in names]


def _only_one() -> Column[Any]:
    return Column("id", Integer, CheckConstraint("id = 1", name="one"), primary_key=True, autoincrement=False)


def _about_the_store() -> None:
    op.create_table(
        "lease",
        _only_one(),
        *_needed(BigInteger, "token"),
        *_needed(Text, "host"),
        *_needed(Integer, "pid"),
        *_needed(Text, "boot_id"),
        *_needed(Float, "since", "expires"),
        *_needed(Boolean, "locked"),
    )
    op.create_table("housekeeping", _only_one(), *_needed(Float, "at"))
    op.create_table("warm", _only_one(), *_needed(LargeBinary, "document"))


def _about_contents() -> None:
    op.create_table(
        "blobs",
        _key("digest"),
        *_needed(BigInteger, "size"),
        Column("data", LargeBinary),
        *_needed(Float, "created_at", "used_at"),
        Index("ix_blobs_used_at_digest_size", "used_at", "digest", "size"),
    )
    op.create_table(
        "snapshots",
        _key("id", Counter),
        *_needed(Text, "source", "revision", "digest", "root", "left_out"),
        *_needed(Float, "taken_at"),
        Index("ix_snapshots_source_id", "source", "id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "snapshot_files",
        Column(
            "snapshot",
            Counter,
            ForeignKey("snapshots.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        _key("path"),
        Column("digest", Text, ForeignKey("blobs.digest"), nullable=False, index=True),
        sqlite_with_rowid=False,
    )


def _about_things() -> None:
    op.create_table(
        "inventory",
        _key("address"),
        *_needed(Text, "ownership", "digest", "instance"),
        *_needed(Float, "recorded_at"),
        Column("body", Text, index=True),
        Column("preimage", Text, ForeignKey("blobs.digest"), index=True),
    )
    op.create_table(
        "resource_state",
        _key("address"),
        *_needed(Integer, "generation"),
        *_needed(Text, "digest"),
        *_needed(Integer, "observed_generation"),
        Column("observed", Text),
        *_needed(Float, "observed_at"),
        *_needed(Boolean, "owned"),
        *_needed(Text, "conditions", "history"),
        *_needed(Integer, "failures"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "target_state",
        _key("name"),
        *_needed(Text, "conditions"),
        Column("connected_since", Float),
    )
    op.create_table(
        "source_state",
        _key("name"),
        *_needed(Text, "conditions", "revision", "digest", "problems", "degraded"),
    )
    op.create_table(
        "suspensions",
        _key("object"),
        *_needed(Text, "by", "reason"),
        *_needed(Float, "since"),
        Column("until", Float),
    )


def _about_runs() -> None:
    op.create_table(
        "queue",
        _key("target"),
        *_needed(Integer, "priority"),
        *_needed(Text, "dirty"),
        *_needed(Float, "added_at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "runs",
        _key("id"),
        *_needed(Text, "target", "cause", "revision"),
        *_needed(Float, "started_at"),
        Column("finished_at", Float),
        *_needed(Text, "outcome", "message"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "plan_units",
        Column("run", Text, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        _key("address"),
        *_needed(Text, "action", "cause", "diffs", "desired", "observed"),
        Column("preimage", Text, ForeignKey("blobs.digest"), index=True),
        Column("outcome", Text),
        *_needed(Text, "message"),
        sqlite_with_rowid=False,
    )
    in_doubt = text("outcome IS NULL")
    op.create_index(
        "ix_plan_units_in_doubt", "plan_units", ["run"], sqlite_where=in_doubt, postgresql_where=in_doubt
    )


def _journals() -> None:
    op.create_table(
        "events",
        _key("id", Counter),
        *_needed(Float, "at"),
        *_needed(Text, "type", "reason", "object", "message", "cause"),
        Column("evidence", Text),
        Column("duration", Float),
        *_needed(Text, "data"),
        Index("ix_events_object_id", "object", "id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit",
        Column("id", Counter, primary_key=True, autoincrement=False),
        *_needed(Float, "at"),
        *_needed(Text, "actor", "action", "object", "data", "previous", "hash"),
    )
    if op.get_context().dialect.name == "sqlite":
        for name, verb, table in (
            ("events_are_not_changed", "UPDATE", "events"),
            ("audit_is_not_changed", "UPDATE", "audit"),
            ("audit_is_not_shortened", "DELETE", "audit"),
        ):
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
