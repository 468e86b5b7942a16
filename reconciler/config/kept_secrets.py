"""The schemas of fields that say where a secret is that the controller itself needs."""

from __future__ import annotations

from typing import Any

from reconciler.config.builtin import text

_FILE = text("A file of mode 0600: an absolute path, or one below the controller's secrets.", minLength=1)
_AGE = text("The secret itself, encrypted with age: what `froyo secrets encrypt` prints.", minLength=1)


def kept_secret(description: str) -> dict[str, Any]:
    """Such a field, by what it is for, whose secret is in a file."""
    return _of_secret(description, {"required": ["file"], "properties": {"file": _FILE}})


def any_secret(description: str) -> dict[str, Any]:
    """The same of one that may stand there encrypted, too."""
    either = {"oneOf": [{"required": ["file"]}, {"required": ["age"]}]}
    return _of_secret(description, {**either, "properties": {"file": _FILE, "age": _AGE}})


def _of_secret(description: str, said: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "required": ["secret"],
        "properties": {
            "secret": {
                "type": "object",
                "description": "Where it is to be had.",
                **said,
            }
        },
    }
