"""Whether a daemon lives and is ready, as text in the form that Kubernetes' own programs give it.

    [+]loop ok
    [-]source /etc/froyo failed: has not been heard of for 190 s
    readyz check failed

Invariant: a check that fails says why. This module must not know what is checked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One thing that has to be well.

    Attributes:
        name: of it.
        wrong: why it is not well; "" where it is.
        alive: whether the daemon lives all the same: then it is not ready, and a restart would not mend it.
    """

    name: str
    wrong: str = ""
    alive: bool = False


def lives(checks: Iterable[HealthCheck]) -> list[HealthCheck]:
    """Those by which it is told whether a daemon lives."""
    return [check for check in checks if not check.alive]


def report(
    title: str, checks: Iterable[HealthCheck], *, verbose: bool, exclude: Collection[str] = ()
) -> tuple[bool, str]:
    """Whether all is well, and the text that says so.

    Args:
        title: `healthz`, `livez` or `readyz`.
        checks: to be told.
        verbose: whether to tell each of them also where all is well.
        exclude: names of those that are not to be looked at.
    """
    lines, well = ["[+]ping ok"], True
    for check in checks:
        if check.name in exclude:
            lines.append(f"[+]{check.name} excluded: ok")
        elif check.wrong:
            well = False
            lines.append(f"[-]{check.name} failed: {' '.join(check.wrong.split())}")
        else:
            lines.append(f"[+]{check.name} ok")
    if well and not verbose:
        return True, "ok"
    lines.append(f"{title} check {'passed' if well else 'failed'}")
    return well, "\n".join(lines) + "\n"
