"""The composition root, and the ways in which one engine is run: as a daemon, and once."""
