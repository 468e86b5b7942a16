"""Values that are no part of a manifest: where a field's came from, for whoever reads a plan.

A string of a spec may hold expressions, as in `${vars.port + 1}`. What they gave on one target is in the spec that an
instance has; this is what is told of it. Knows nothing of the language.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from reconciler.model.origin import Origin
from reconciler.model.sensitive import HIDDEN

NOWHERE = Origin()


class Read(NamedTuple):
    """A value that an expression has read.

    Attributes:
        name: as it is written, such as `vars.port`.
        value: what it was.
        origin: where it was given; of no file where that is in none.
    """

    name: str
    value: Any
    origin: Origin = NOWHERE


@dataclass(frozen=True, slots=True)
class Rendered:
    """A field of a spec that was not written out.

    Attributes:
        field: which, such as `environment.PORT` or `argv[2]`.
        written: as it is in the manifest.
        value: what it is on this target; None where that is the text of a body, which the spec has not got either.
        reads: what it was made of, in the order in which it is named.
        body: it is the text of a body.
    """

    field: str
    written: str
    value: Any
    reads: tuple[Read, ...] = ()
    body: bool = False

    def document(self, *, hide: bool) -> dict[str, Any]:
        """For machines: in plans, and in what is told of a resource.

        Args:
            hide: the content of the resource is sensitive: the text of a body, and what it was made of, is nobody's
                business.
        """
        found: dict[str, Any] = {"field": self.field, "written": HIDDEN if hide else self.written}
        if self.body:
            found["body"] = True
        else:
            found["value"] = HIDDEN if hide else self.value
        found["reads"] = [
            {"name": read.name, "value": HIDDEN if hide else read.value, "declaredAt": str(read.origin)}
            for read in self.reads
        ]
        return found
