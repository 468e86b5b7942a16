"""The kind Line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edits import EditProvider

if TYPE_CHECKING:
    from edits import Json

    from froyo_provider import Resource


class Line(EditProvider):
    """One line of a file."""

    field = "line"
    beside = "several"

    def sought(self, one: Resource) -> Json:
        """By what lines that stand for it are found."""
        return {name: one.spec[name] for name in ("match", "several") if name in one.spec}

    def remark(self, others: int) -> str:
        """That there are lines which may say otherwise."""
        if others == 1:
            return "another line matches, too, and is left alone; `several: all` would take it out"
        return f"{others} other lines match, too, and are left alone; `several: all` would take them out"

    def absence(self, resource: Resource) -> Resource:
        """Not that line: of others that would match nobody knows who put them there."""
        return replace(resource, spec=self.gone(resource.spec))
