"""Whether two sources declare the same: whatever is carried from one home to another is evaluated there, and compared.

What is left out of that is where something was declared, and by which file or key a secret, a private key or host keys
are named, since that is another one in each home.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from reconciler.model.origin import Origin
from reconciler.model.secrets import Whereabouts

if TYPE_CHECKING:
    from reconciler.model.desired import Desired

_ELSEWHERE = frozenset({"origin", "rendered", "identity_file", "known_hosts"})
_OF = {"Target": frozenset({"digest"}), "Alert": frozenset({"name", "digest"})}
"""The same of some: a digest of all of it, and a name that has the namespace in it."""


def canonical(desired: Desired) -> dict[str, Any]:
    """All that is declared, by what it is called, as JSON has it."""
    found: dict[str, Any] = {f"{address}": _plain(one) for address, one in desired.instances.items()}
    found |= {f"Target/{name}": _plain(one) for name, one in desired.targets.items()}
    # In a cluster an alert is called after its namespace, too.
    found |= {f"Alert/{one.name.rpartition(':')[2]}": _plain(one) for one in desired.alerts.values()}
    found |= {f"Rollout/{name}": _plain(one) for name, one in desired.rollouts.items()}
    found |= {f"Lock/{name}": _plain(one) for name, one in desired.locks.items()}
    return found | {f"Source/{name}": _plain(one) for name, one in desired.sources.items()}


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """What is declared otherwise, by what it is called, with the first field that differs."""
    found = []
    for name in sorted(one.keys() | other.keys()):
        if name not in other:
            found.append(f"{name} is missing")
        elif name not in one:
            found.append(f"{name} is new")
        elif (where := _first(one[name], other[name], "")) is not None:
            found.append(f"{name}: {where.removeprefix('.')}")
    return found


def _first(one: Any, other: Any, path: str) -> str | None:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            if key not in one or key not in other:
                return f"{path}.{key}"
            if (where := _first(one[key], other[key], f"{path}.{key}")) is not None:
                return where
        return None
    return None if one == other and type(one) is type(other) else path


def _plain(value: Any) -> Any:
    if isinstance(value, Whereabouts):
        return "(secret)"
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Origin):
        return None
    if is_dataclass(value) and not isinstance(value, type):
        hidden = _ELSEWHERE | _OF.get(type(value).__name__, frozenset())
        named = {one.name: getattr(value, one.name) for one in fields(value) if one.name not in hidden}
        return {name: _plain(one) for name, one in named.items()}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
