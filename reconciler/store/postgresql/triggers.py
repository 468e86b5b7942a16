"""PostgreSQL itself refuses to rewrite the past."""

from __future__ import annotations

from reconciler.store.schema import APPEND_ONLY

REFUSING = (
    "CREATE FUNCTION froyo_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; "
    "END $$"
)

TRIGGERS = {
    name: f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH ROW EXECUTE FUNCTION froyo_is_append_only()"
    for name, verb, table in APPEND_ONLY
}
