"""Alerts: what is wrong is looked for, put into an outbox, and told by the ways that are declared."""
