"""Carrying what a directory declares over to a cluster, and back: `froyo migrate` (`docs/guides/to-a-cluster.md`)."""
