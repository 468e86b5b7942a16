"""What the API takes: the bodies of its POST routes, held to their shape before anything is done with them.

Invariant: what cannot be understood in full is refused with a sentence that names the field; nothing is guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.api.answers import seconds
from reconciler.errors import UsageError
from reconciler.model.names import Address
from reconciler.model.state import Suspension


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON object, of which each field is asked for by name.

    Attributes:
        fields: as they came.
    """

    fields: Mapping[str, Any]

    @classmethod
    def parse(cls, text: bytes, *, allowed: tuple[str, ...]) -> Body:
        """A body of which no other fields than those are `allowed`.

        Raises:
            UsageError: it is no JSON object, or has other fields.
        """
        try:
            fields = json.loads(text) if text.strip() else {}
        except ValueError as error:
            raise UsageError(f"the body is not JSON: {error}") from error
        except RecursionError as error:
            raise UsageError("the body is nested too deeply") from error
        if not isinstance(fields, dict):
            raise UsageError("the body has to be a JSON object")
        unknown = sorted(fields.keys() - set(allowed))
        if unknown:
            raise UsageError(f"there is no field {unknown[0]!r}; there is: {', '.join(allowed)}")
        return cls(fields)

    def text(self, name: str, default: str | None = None) -> str:
        """A field that has to be text, and not empty unless there is a default."""
        value = self.fields.get(name, default)
        if not isinstance(value, str) or (not value and default is None):
            raise UsageError(f"{name} has to be text")
        return value

    def addresses(self, name: str) -> list[Address] | None:
        """A field that is a list of addresses, or left out."""
        value = self.fields.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise UsageError(f"{name} has to be a list of addresses")
        return [Address(item) for item in value]

    def instant(self, name: str) -> float | None:
        """A field that is a time, or left out."""
        value = self.fields.get(name)
        return None if value is None else seconds(name, value)


def suspension(text: bytes, *, now: float) -> Suspension:
    """The suspension that is asked for.

    Raises:
        UsageError: something about it is not as it should be.
    """
    body = Body.parse(text, allowed=("object", "by", "reason", "until"))
    until = body.instant("until")
    if until is not None and until <= now:
        raise UsageError("until has to be in the future")
    return Suspension(
        object=body.text("object"),
        by=body.text("by"),
        reason=body.text("reason"),
        since=now,
        until=until,
    )
