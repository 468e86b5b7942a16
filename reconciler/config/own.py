"""The kinds that are froyo's own."""

from __future__ import annotations

from reconciler.config.builtin import TARGET, VARS
from reconciler.config.inventory.kind import INVENTORY
from reconciler.config.own_alerts import ALERT
from reconciler.config.own_rollouts import LOCK, ROLLOUT
from reconciler.config.own_sources import SOURCE

OWN = (TARGET, SOURCE, VARS, INVENTORY, ALERT, ROLLOUT, LOCK)
