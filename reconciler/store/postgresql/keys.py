"""The keys of the advisory locks of a store."""

from __future__ import annotations

LEASE = 0x66726F79
"""Of the two keys the first, for who holds the lease; the second is the schema that the store is in."""
WRITING = LEASE + 1
"""The same for who writes."""
OF_THIS_SCHEMA = "hashtext(current_schema())"
MEMBER = LEASE + 2
"""The same for each controller that shares the store with others; the second says which one it is, too."""


def of_member(number: int) -> str:
    """Both keys of one of those controllers."""
    return f"{MEMBER}, hashtext(current_schema() || '/{number}')"
