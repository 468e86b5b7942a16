"""Common fields that are understood and kept, and do not act yet: whoever writes one is told what happens instead.

Invariant: what is said here is what the engine does today; a field that comes to act leaves this list. One warning
for each field, at the first manifest that has it, because a thousand equal ones hide what else there is to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reconciler.config.complaints import Complaints
from reconciler.config.declared import Manifest
from reconciler.model.resource import CommonSpec


@dataclass(frozen=True, slots=True)
class _Reserved:
    """A field that does not do all that it says.

    Attributes:
        field: its name.
        written: whether these common fields have it, with a value that promises something.
        today: what it does, and what it does not.
        instead: what a person can do.
    """

    field: str
    written: Callable[[CommonSpec], bool]
    today: str
    instead: str


RESERVED = (
    _Reserved(
        "notify",
        lambda common: bool(common.notify),
        "notify only orders yet: what it names is looked at after this, and is not refreshed when this has changed",
        "",
    ),
)
"""All of them."""


def check_reserved(manifests: Iterable[Manifest], complaints: Complaints) -> None:
    """Warn of every such field that is used."""
    found: dict[str, list[Manifest]] = {}
    for manifest in manifests:
        for reserved in RESERVED:
            if reserved.written(manifest.common):
                found.setdefault(reserved.field, []).append(manifest)
    for reserved in RESERVED:
        if not (users := found.get(reserved.field)):
            continue
        others = len(users) - 1
        also = f"; so in {others} more manifest{'s' * (others > 1)}" if others else ""
        complaints.warning(users[0], ("spec", reserved.field), reserved.today + also, reserved.instead)
