"""The few sentences that more than one command says. Imports nothing: the short way of `apply` needs it."""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """Such as "1 instance" or "2,000 instances"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def nothing_to_do(instances: int, targets: int) -> str:
    """What `apply` and `plan` say when everything is as declared."""
    return f"nothing to do: {count(instances, 'instance')} on {count(targets, 'target')} as declared"
