"""The few sentences that more than one command says. Imports nothing: the short way of `apply` needs it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

DRIFT = "↻"
"""The sign of what nobody declared, and is put back."""


def count(number: int, noun: str) -> str:
    """Such as "1 instance" or "2,000 instances": as `core.spoken` has it, which a test holds it to."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def nothing_to_do(instances: int, targets: int) -> str:
    """What `apply` and `plan` say when everything is as declared."""
    verb = "is" if instances == 1 else "are"
    return f"nothing to do: {count(instances, 'instance')} on {count(targets, 'target')} {verb} as declared"


def without_name(target: str, text: str) -> str:
    """What is said of a target, where its name stands beside it already."""
    return text.removeprefix(f"{target}: ")


def advised(view: Mapping[str, Any]) -> str:
    """What is said of a resource, and what a person can do about it where it waits for one."""
    return f"{view['message']}; {view['advice']}" if view.get("advice") else str(view["message"])


def nothing_declared(directory: str) -> str:
    """What they say when there is nothing that could be as declared."""
    return (
        f"nothing to do: nothing is declared in {directory}; manifests are files that end in .yaml, .yml or .json, "
        "and `froyo init` writes the first ones"
    )


def nobody_looks(where: str) -> str:
    """That an answer comes from the store in that place: nobody looks, as far as can be told from here.

    Args:
        where: the place, as it may be shown.
    """
    here = " here" if "://" in where else ""
    return f"no daemon runs{here}; this is what the store in {where} knows"
