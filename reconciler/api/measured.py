"""What `/metrics` says, in short: for who wants numbers, and keeps no time series."""

from __future__ import annotations


def summed(text: str) -> dict[str, float]:
    """What `/metrics` says of work and drift: the samples of each metric that is no histogram, added up."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith("froyo_") and "_bucket" not in line:
            name, _, rest = line.partition("{") if "{" in line else line.partition(" ")
            found[name] = found.get(name, 0.0) + float(rest.rpartition(" ")[2])
    return found
