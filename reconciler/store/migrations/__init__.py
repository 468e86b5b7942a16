"""Alembic's place: one numbered migration in `versions/` for each change of the schema. None is edited later.

To change the schema:

1. Change `schema.py`; a new column comes last, since a migration can put it nowhere else.
2. Write `versions/NNNN_what.py`. `op.add_column` does for a column that may be NULL or has a `server_default`. All else
   rebuilds the table, with `op.batch_alter_table`. A rebuild keeps indexes and constraints and loses the rest: for a
   table that is WITHOUT ROWID say `table_kwargs={"sqlite_with_rowid": False}`, for one with AUTOINCREMENT
   `table_kwargs={"sqlite_autoincrement": True}`, and make its triggers again with `op.execute` (`schema.TRIGGERS` has
   today's; write them out, since a migration is not edited when they change).
3. Set `migrate.HEAD`, and run `python -m reconciler.store.compiler`.
4. Keep a store of the schema that was the newest until now, with rows, as `tests/unit/store/schemas/NNNN.sql`.

Columns of text are of `schema.Text`, which compares by bytes on PostgreSQL, too. A table with triggers has those of
each database: `op.get_bind().dialect.name` says which it is. What each schema from 0011 on is on PostgreSQL is kept
beside the others, as `schemas/postgresql/NNNN.sql`: the statements of `postgresql/sql.py` as they were.

All migrations are one transaction. Foreign keys are not enforced in it, and are checked before it is committed. Tests
hold it together: the migrations lead to exactly what a new store gets, and what old stores hold is read afterwards.
"""
