"""The tables, as SQLAlchemy knows them: the one truth that migrations and statements are checked against.

Invariant: nothing but portable types, so that another database needs another compilation and not another
schema. Text compares by its bytes in every database. Times are seconds since the epoch. Documents are JSON
text: the store never looks into them, and PostgreSQL's `jsonb` would refuse the lone surrogates that stand for
names which are not UTF-8.

Tables that a round writes have no row ids: one page less to write for each of them, at each commit.

Not imported when a store is opened (see `reconciler.store.compiler`).

It is all the tables, side by side, and so longer than a module should be.
"""

from __future__ import annotations

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
    MetaData,
    Table,
)
from sqlalchemy import Text as AnyText

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# By bytes, as SQLite compares: PostgreSQL would ask the language of whoever made the database.
Text = AnyText().with_variant(AnyText(collation="C"), "postgresql")

# SQLite counts rows only in a column of exactly this type.
Counter = BigInteger().with_variant(Integer, "sqlite")

lease = Table(
    "lease",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one"), primary_key=True, autoincrement=False),
    Column("token", BigInteger, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("since", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Column("locked", Boolean, nullable=False),
    # Which store this is, for those who are told of the token; "" until the lease is taken.
    Column("store", Text, nullable=False, server_default=""),
)

# The controllers that share the targets out among them, each for as long as it is one of them.
members = Table(
    "members",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("since", Float, nullable=False),
)

# Which of them has which part of the targets.
shards = Table(
    "shards",
    metadata,
    Column("shard", Integer, primary_key=True, autoincrement=False),
    # 0: none of them.
    Column("member", BigInteger, nullable=False),
    Column("token", BigInteger, nullable=False),
)

# What the one of them that leads has put in force: the others go by it.
decisions = Table(
    "decisions",
    metadata,
    Column("source", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("doubt", Text, nullable=False),
    # Of what is declared no longer, what waits for a person, and why.
    Column("held", Text, nullable=False),
)

blobs = Table(
    "blobs",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    # Small contents live here and cost no fsync of their own; larger ones are files, and this is NULL.
    Column("data", LargeBinary),
    Column("created_at", Float, nullable=False),
    Column("used_at", Float, nullable=False),
    Index(None, "used_at", "digest", "size"),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", Counter, primary_key=True),
    Column("source", Text, nullable=False),
    Column("revision", Text, nullable=False),
    Column("digest", Text, nullable=False),
    # JSON, for the same reason as the paths below.
    Column("root", Text, nullable=False),
    Column("left_out", Text, nullable=False),
    Column("taken_at", Float, nullable=False),
    Index(None, "source", "id"),
    sqlite_autoincrement=True,
)

snapshot_files = Table(
    "snapshot_files",
    metadata,
    Column("snapshot", ForeignKey(snapshots.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    # A JSON string: a name need not be UTF-8.
    Column("path", Text, primary_key=True),
    Column("digest", ForeignKey(blobs.c.digest), nullable=False, index=True),
    Column("executable", Boolean, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)

# Which snapshot of a source is in force in the place of the newest, for as long as a person wants it so.
rollbacks = Table(
    "rollbacks",
    metadata,
    Column("source", Text, primary_key=True),
    Column("snapshot", ForeignKey(snapshots.c.id), nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Float, nullable=False),
    Column("until", Float),
)

# How far the newest revision of a source is, where it reaches targets wave by wave.
rollouts = Table(
    "rollouts",
    metadata,
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

# What that is for each target: which snapshot is in force there until its turn, or was.
rollout_turns = Table(
    "rollout_turns",
    metadata,
    Column("source", Text, primary_key=True),
    Column("rollout", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    # NULL: nothing is, or need be known any more.
    Column("snapshot", ForeignKey(snapshots.c.id), index=True),
    Column("document", Text, nullable=False),
    sqlite_with_rowid=False,
)

inventory = Table(
    "inventory",
    metadata,
    Column("address", Text, primary_key=True),
    Column("ownership", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("instance", Text, nullable=False),
    Column("recorded_at", Float, nullable=False),
    # The body that the instance declares is kept while it is owned, where it is here at all.
    Column("body", Text, index=True),
    Column("preimage", ForeignKey(blobs.c.digest), index=True),
)

resource_state = Table(
    "resource_state",
    metadata,
    Column("address", Text, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("observed_generation", Integer, nullable=False),
    Column("observed", Text),
    Column("observed_at", Float, nullable=False),
    Column("owned", Boolean, nullable=False),
    Column("conditions", Text, nullable=False),
    Column("history", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    # "": not known, since it was recorded before sources were.
    Column("source", Text, nullable=False, server_default=""),
    Column("held", Text),
    # What it is about, and where that is declared: names of files, which may be no text.
    Column("declared", Text, nullable=False, server_default="[]"),
    sqlite_with_rowid=False,
)

# As they were last declared: what is left on one that no manifest names any more is removed through it.
targets = Table(
    "targets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    Column("address", Text, primary_key=True),
    Column("shown", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Float, nullable=False),
)

target_state = Table(
    "target_state",
    metadata,
    Column("name", Text, primary_key=True),
    Column("conditions", Text, nullable=False),
    Column("connected_since", Float),
)

facts = Table(
    "facts",
    metadata,
    Column("target", Text, primary_key=True),
    Column("section", Text, primary_key=True),
    Column("document", Text, nullable=False),
    Column("taken", Float, nullable=False),
    # Whether there is more of it than is kept.
    Column("cut", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

source_state = Table(
    "source_state",
    metadata,
    Column("name", Text, primary_key=True),
    Column("conditions", Text, nullable=False),
    Column("revision", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("problems", Text, nullable=False),
    Column("degraded", Text, nullable=False),
)

suspensions = Table(
    "suspensions",
    metadata,
    Column("object", Text, primary_key=True),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Float, nullable=False),
    Column("until", Float),
)

refresh_owed = Table(
    "refresh_owed",
    metadata,
    Column("address", Text, primary_key=True),
    Column("cause", Text, primary_key=True),
    Column("run", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("since", Float, nullable=False),
    # Whether the cause was seen to have changed; until then it may have.
    Column("certain", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

disruptions = Table(
    "disruptions",
    metadata,
    Column("target", Text, primary_key=True),
    Column("cause", Text, nullable=False),
    Column("since", Float, nullable=False),
    sqlite_with_rowid=False,
)

queue = Table(
    "queue",
    metadata,
    Column("target", Text, primary_key=True),
    Column("priority", Integer, nullable=False),
    Column("dirty", Text, nullable=False),
    Column("added_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("target", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("revision", Text, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("outcome", Text, nullable=False),
    Column("message", Text, nullable=False),
    sqlite_with_rowid=False,
)

plan_units = Table(
    "plan_units",
    metadata,
    Column("run", ForeignKey(runs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("address", Text, primary_key=True),
    Column("action", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("diffs", Text, nullable=False),
    Column("desired", Text, nullable=False),
    Column("observed", Text, nullable=False),
    Column("preimage", ForeignKey(blobs.c.digest), index=True),
    # NULL while the intent is on disk and its outcome is not: in doubt.
    Column("outcome", Text),
    Column("message", Text, nullable=False),
    # The path that the preimage was at, or the subject of what was to be created; "": not known.
    Column("preimage_at", Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)
in_doubt = plan_units.c.outcome.is_(None)
Index("ix_plan_units_in_doubt", plan_units.c.run, sqlite_where=in_doubt, postgresql_where=in_doubt)

events = Table(
    "events",
    metadata,
    Column("id", Counter, primary_key=True),
    Column("at", Float, nullable=False),
    Column("type", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("evidence", Text),
    Column("duration", Float),
    Column("data", Text, nullable=False),
    Index(None, "object", "id"),
    # An id is never given twice, also after the newest events were dropped: followers count on it.
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    Column("id", Counter, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("name", Text, primary_key=True),
    # The last event that was looked at.
    Column("cursor", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("next_try", Float, nullable=False),
    Column("sent", BigInteger, nullable=False),
    Column("sent_at", Float, nullable=False),
    Column("dropped", BigInteger, nullable=False),
)

alert_incidents = Table(
    "alert_incidents",
    metadata,
    Column("alert", Text, primary_key=True),
    Column("object", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("document", Text, nullable=False),
    sqlite_with_rowid=False,
)

# What is to be told, until somebody has taken it.
alert_outbox = Table(
    "alert_outbox",
    metadata,
    Column("number", Counter, primary_key=True),
    Column("id", Text, nullable=False),
    Column("alert", Text, nullable=False),
    Column("document", Text, nullable=False),
    # A number is never given twice: that is the order in which it is told.
    sqlite_autoincrement=True,
)

warm = Table(
    "warm",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one"), primary_key=True, autoincrement=False),
    Column("document", LargeBinary, nullable=False),
)

housekeeping = Table(
    "housekeeping",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one"), primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
)

# The database itself refuses to rewrite the past; retention may drop old events, and nothing drops an audit
# record. Each database has triggers of its own for it: by name, what they refuse, and where.
APPEND_ONLY = (
    ("events_are_not_changed", "UPDATE", "events"),
    ("audit_is_not_changed", "UPDATE", "audit"),
    ("audit_is_not_shortened", "DELETE", "audit"),
)
