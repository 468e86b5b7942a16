"""linux.account: users, groups and the keys that let users in, kept as they are declared.

Each is read with one call, all of them in one round trip, compared field by field, and put right with one call,
which the plan writes down in full.

Invariants: what is not declared is left alone. Nothing is known here of a password but whether its hash is the one
that is declared. docs/spec/linux.account.md is normative.
"""

from __future__ import annotations

from authorized import AuthorizedKey
from groups import Group
from users import User

__all__ = ["AuthorizedKey", "Group", "User"]
