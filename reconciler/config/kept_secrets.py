"""The schema of a field that says where a secret is that the controller itself needs."""

from __future__ import annotations

from typing import Any

from reconciler.config.builtin import text


def kept_secret(description: str) -> dict[str, Any]:
    """Such a field, by what it is for."""
    return {
        "type": "object",
        "description": description,
        "required": ["secret"],
        "properties": {
            "secret": {
                "type": "object",
                "description": "Where it is to be had.",
                "required": ["file"],
                "properties": {
                    "file": text(
                        "A file of mode 0600: an absolute path, or one below the controller's secrets.",
                        minLength=1,
                    )
                },
            }
        },
    }
