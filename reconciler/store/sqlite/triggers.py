"""SQLite itself refuses to rewrite the past."""

from __future__ import annotations

from reconciler.store.schema import APPEND_ONLY

TRIGGERS = {
    name: f"CREATE TRIGGER {name} BEFORE {verb} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    for name, verb, table in APPEND_ONLY
}
