"""Values and limits as messages of a schema name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def limit(keyword: str, about: Any, value: Any, name: str) -> str:
    """A value that is too short, too long, too small or too large."""
    limit = getattr(about, "limit", None)
    match keyword:
        case "minLength" | "minItems" | "minProperties":
            return f"{name} is empty" if not value else f"{name} is too short: {len(value)}, at least {limit}"
        case "maxLength" | "maxItems" | "maxProperties":
            return f"{name} is too long: {len(value)}, at most {limit}"
        case "minimum":
            return f"{name} is {value}; at least {limit} is wanted"
        case "exclusiveMinimum":
            return f"{name} is {value}; more than {limit} is wanted"
        case "maximum":
            return f"{name} is {value}; at most {limit} is wanted"
        case "exclusiveMaximum":
            return f"{name} is {value}; less than {limit} is wanted"
    return ""


def what(value: Any) -> str:
    """A value with the word for its type."""
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {short(value)}"
    return "a list" if isinstance(value, list) else "a mapping"


def short(value: Any) -> str:
    """A value on a line."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…" + text[0]


def first_sentence(schema: Mapping[str, Any]) -> str:
    """What a schema says of itself, in short, without the full stop."""
    text = str(schema.get("description", ""))
    return text.split(". ", 1)[0].rstrip(".")
