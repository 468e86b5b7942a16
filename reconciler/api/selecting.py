"""Which resources a person means: `File`, `files`, `File/motd`, `web-1/File/motd`, `web-1`, and label selectors.

Pure: works on the documents of `views`, so that a daemon and a command without one understand the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.api.views import Document
from reconciler.errors import UsageError
from reconciler.model.selector import Operator, Requirement, Selector

EVERYTHING = ("", "*", "all", "resources")

_KEY = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_SET = re.compile(rf"\s*({_KEY})\s+(in|notin)\s*\(([^()]*)\)\s*")
_EQUAL = re.compile(rf"\s*({_KEY})\s*(==|=|!=)\s*([-A-Za-z0-9_.]*)\s*")
_EXISTS = re.compile(rf"\s*(!?)\s*({_KEY})\s*")


EVERY_LABEL = Selector()


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for; everything that is set has to hold.

    Attributes:
        what: a kind, `Kind/name`, an address, a target, or one of EVERYTHING.
        targets: names; empty for all.
        labels: of the resource.
    """

    what: str = ""
    targets: tuple[str, ...] = ()
    labels: Selector = EVERY_LABEL

    def narrow(self, resources: Iterable[Document]) -> list[Document]:
        """Those of `resources` that are meant."""
        return [
            view
            for view in resources
            if means(self.what, view)
            and (not self.targets or view["target"] in self.targets)
            and self.labels.matches(_labels(view))
        ]

    @property
    def needs_labels(self) -> bool:
        """Whether the documents have to have their metadata."""
        return self.labels != EVERY_LABEL


def _labels(view: Document) -> Mapping[str, str]:
    found: Mapping[str, str] = view.get("metadata", {}).get("labels", {})
    return found


def means(what: str, view: Document) -> bool:
    """Whether `what`, as a person writes it, means this resource."""
    if what in EVERYTHING:
        return True
    parts = what.split("/", 2)
    if len(parts) == 3:
        return what == view["address"] or (
            parts[0] == view["target"] and is_kind(parts[1], view["kind"]) and parts[2] == view["name"]
        )
    if len(parts) == 2:
        kind_and_name = is_kind(parts[0], view["kind"]) and parts[1] == view["name"]
        return kind_and_name or (parts[0] == view["target"] and parts[1] in ("", "*", view["kind"]))
    return what == view["target"] or is_kind(what, view["kind"])


def is_kind(word: str, kind: str) -> bool:
    """Whether a word names a kind: in any case, in the singular or the plural."""
    low, name = word.lower(), kind.lower()
    plural = name[:-1] + "ies" if name.endswith("y") else name + "s"
    return low in (name, plural)


def parse_labels(text: str) -> Selector:
    """A label selector as `kubectl -l` takes it: `role=web,tier!=db,zone in (a, b),canary,!old`.

    Raises:
        UsageError: it cannot be understood; says which part.
    """
    labels: list[tuple[str, str]] = []
    requirements: list[Requirement] = []
    for part in _parts(text):
        if match := _SET.fullmatch(part):
            values = tuple(value.strip() for value in match[3].split(",") if value.strip())
            operator = Operator.IN if match[2] == "in" else Operator.NOT_IN
            requirements.append(Requirement(match[1], operator, values))
        elif match := _EQUAL.fullmatch(part):
            if match[2] == "!=":
                requirements.append(Requirement(match[1], Operator.NOT_IN, (match[3],)))
            else:
                labels.append((match[1], match[3]))
        elif match := _EXISTS.fullmatch(part):
            operator = Operator.DOES_NOT_EXIST if match[1] else Operator.EXISTS
            requirements.append(Requirement(match[2], operator))
        else:
            raise UsageError(
                f"the selector {text!r} cannot be understood at {part.strip()!r}; "
                "write it as in: role=web,tier!=db,zone in (a,b),canary,!old"
            )
    return Selector(tuple(labels), tuple(requirements))


def _parts(text: str) -> list[str]:
    """Split at the commas that are not within parentheses."""
    return [part for part in re.split(r",(?![^()]*\))", text) if part.strip()] if text.strip() else []
