"""What outlives the process: a database, and a digest store beside it. Start at `reconciler.store.store`.

Importing this package costs nothing. SQLAlchemy and Alembic describe the schema, its migrations and every
statement, but are loaded only to migrate an older store: see `reconciler.store.compiler` for how and why.
"""
