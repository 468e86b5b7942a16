"""Alembic's place: one numbered migration in `versions/` for each change of the schema. None is edited later.

To change the schema: change `schema.py`, write `versions/NNNN_what.py` (SQLite alters a table only through
`op.batch_alter_table`), set `migrate.HEAD`, and run `python -m reconciler.store.compiler`. Tests hold them
together.
"""
