"""Units in systemd's words, and orders to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scopes import unit_in

if TYPE_CHECKING:
    from freshness import Json

RUNS = frozenset({"active", "reloading"})
ENDED = frozenset({"inactive", "failed"})
PASSING = frozenset({"activating", "deactivating"})


def order(spec: Json, actions: list[str], **more: Any) -> Json:
    """The arguments of `unit.control`."""
    limits = {"timeout_ms": spec["timeout"] * 1000, "settle_ms": spec["settle"] * 1000}
    return {"unit": unit_in(spec, spec["unit"]), "actions": actions, **limits, **more}


def described(unit: Json) -> str:
    """What a unit is doing that passes."""
    if unit["sub"] == "auto-restart":
        times = f"{unit['result']}, {unit['restarts']} times so far"
        return f"about to be started again by systemd, after a failure ({times})"
    return f"{unit['active']} just now ({unit['sub']})"
