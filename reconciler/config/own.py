"""The kinds that are froyo's own."""

from __future__ import annotations

from reconciler.config.builtin import SOURCE, TARGET, VARS
from reconciler.config.inventory.kind import INVENTORY

OWN = (TARGET, SOURCE, VARS, INVENTORY)
