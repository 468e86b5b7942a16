"""Which resources a person means: `File`, `files`, `File/motd`, `web-1/File/motd`, `web-1`, `motd`, `/etc/motd`.

Pure: works on the documents of `views`, so that a daemon and a command without one understand the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.api.views import Document
from reconciler.model.selector import Selector

EVERYTHING = ("", "*", "all", "resources")

EVERY_LABEL = Selector()

_SCHEME = re.compile(r"[a-z]+:")


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for; everything that is set has to hold.

    Attributes:
        what: a kind, `Kind/name`, an address, a target, a name, what it is about on the target, or one of EVERYTHING.
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
    def needs_specs(self) -> bool:
        """Whether the documents have to say how they are declared: their labels, or what they are about."""
        return self.labels != EVERY_LABEL or is_subject(self.what)


def _labels(view: Document) -> Mapping[str, str]:
    found: Mapping[str, str] = view.get("metadata", {}).get("labels", {})
    return found


def means(what: str, view: Document) -> bool:
    """Whether `what`, as a person writes it, means this resource."""
    if what in EVERYTHING:
        return True
    if is_subject(what) and view.get("subject", "") in (what, f"path:{what}"):
        return True
    # What may say what a resource is about may also be of a namespace: `web:here`.
    parts = what.split("/", 2)
    if len(parts) == 3:
        return what == view["address"] or (
            parts[0] == view["target"] and is_kind(parts[1], view["kind"]) and parts[2] == view["name"]
        )
    if len(parts) == 2:
        kind_and_name = is_kind(parts[0], view["kind"]) and parts[1] == view["name"]
        every = parts[1] in ("", "*")
        return kind_and_name or (parts[0] == view["target"] and (every or is_kind(parts[1], view["kind"])))
    return what in (view["target"], view["name"]) or is_kind(what, view["kind"])


def is_subject(what: str) -> bool:
    """Whether something a person writes says what a resource is about: a path, or a scheme with a name."""
    return what.startswith("/") or _SCHEME.match(what) is not None


def is_kind(word: str, kind: str) -> bool:
    """Whether a word names a kind: in any case, in the singular or the plural."""
    return word.lower() in (kind.lower(), plural(kind))


def plural(kind: str) -> str:
    """The plural of a kind, as people write it: `files`, `directories`."""
    low = kind.lower()
    return f"{low[:-1]}ies" if low.endswith("y") else f"{low}s"
