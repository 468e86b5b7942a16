"""The kind Block."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from comments import comment_for
from edits import EditProvider

from froyo_provider import PermanentError

if TYPE_CHECKING:
    from edits import Json

    from froyo_provider import Resource


class Block(EditProvider):
    """Lines of a file, between two that say whose they are."""

    field = "content"
    beside = "marker"

    def sought(self, one: Resource) -> Json:
        """The lines that a block is between."""
        comment = one.spec.get("comment") or comment_for(one.spec["path"])
        if not comment:
            raise PermanentError(
                f"{one.spec['path']}: files of its kind have no comments, in which a block could be marked; if this one"
                " has, say by which signs in `comment`"
            )
        opens, _, closes = comment.partition(" ")
        marks = [f"{opens} {word} {one.spec['marker']} {closes}".rstrip() for word in ("BEGIN", "END")]
        return {"begin": marks[0], "end": marks[1]}

    def absence(self, resource: Resource) -> Resource:
        """Neither the lines nor the two around them."""
        marked = {name: resource.spec[name] for name in ("marker", "comment") if name in resource.spec}
        return replace(resource, spec=self.gone(resource.spec) | marked)
