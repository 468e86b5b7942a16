"""Alembic's place: a numbered migration in `versions/` for each change of the schema. None is edited."""
