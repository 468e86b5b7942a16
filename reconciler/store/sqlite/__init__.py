"""The store in SQLite: one file, its log, and the digest store beside it. Start at `connecting`."""
