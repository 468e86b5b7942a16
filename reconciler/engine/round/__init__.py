"""One round of one target: read, plan, apply, read again, and what follows from it."""
