"""The store in PostgreSQL, for controllers that share one. Start at `connecting`."""
