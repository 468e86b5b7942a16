"""What is wanted of one package, and what is to be done about it: a function of its declaration and of `pkg.query`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from manager import INSTALL, PURGE, REMOVE

from froyo_provider import FieldDiff, Resource

if TYPE_CHECKING:
    from collections.abc import Collection

Json: TypeAlias = "dict[str, Any]"

SPOOL = "/var/cache/froyo"
"""Where files lie that are installed from; apt's own user has to be able to read them."""


@dataclass(frozen=True)
class Wish:
    """What is wanted of one package.

    Attributes:
        name: of the package, perhaps with an architecture behind a colon.
        state: `present`, `latest`, `absent` or `purged`.
        version: a version or a range; "" for any.
        hold: whether it is to be on hold; None where nobody says.
        ignored: what of it is left alone: `version`, `state`, `hold`, `automatic`.
        prefix: of its fields in a plan.
        body: of the file that it is to be installed from, `{"digest", "size"}`; None where apt has it.
    """

    name: str
    state: str
    version: str = ""
    hold: bool | None = None
    ignored: Collection[str] = ()
    prefix: str = ""
    body: Json | None = None

    @property
    def file(self) -> str:
        """Where the file that it is installed from lies while that goes on."""
        digest = "" if self.body is None else self.body["digest"].partition(":")[2][:16]
        return f"{SPOOL}/{self.name.partition(':')[0]}_{self.version.replace(':', '%3a')}_{digest}.deb"

    @property
    def gone(self) -> bool:
        """Whether it is to be removed."""
        return self.state in {"absent", "purged"}

    def question(self) -> Json:
        """What to ask about it, as `pkg.query` takes it."""
        asked: Json = {"name": self.name}
        if self.version:
            asked["version"] = self.version
        if self.gone:
            asked["absent"] = True
        if self.state == "latest":
            asked["latest"] = True
        return asked

    def to_json(self) -> Json:
        """For a payload."""
        return {
            "name": self.name,
            "state": self.state,
            "version": self.version,
            "hold": self.hold,
            "ignored": sorted(self.ignored),
            "body": self.body,
        }


def wishes_of(one: Resource) -> list[Wish]:
    """What is declared, for each package by itself."""
    spec = one.spec
    several = "packages" in spec
    names = spec["packages"] if several else [spec["package"]]
    return [
        Wish(
            name,
            spec.get("state", "present"),
            spec.get("version", ""),
            spec.get("hold"),
            frozenset(one.ignore),
            f"packages.{name}." if several else "",
            spec.get("body"),
        )
        for name in names
    ]


@dataclass(frozen=True)
class Change:
    """What is to be done about one package.

    Attributes:
        verb: `install`, `remove` or `purge`; "" where its files are as they should be.
        target: the version to be installed; "" where it is not known yet.
        hold: to be set or to be lifted; None for neither.
        manual: whether it is no longer to count as installed for the sake of another.
        mends: whether it is there in that version, and has to be set up anew.
    """

    verb: str = ""
    target: str = ""
    hold: bool | None = None
    manual: bool = False
    mends: bool = False

    def __bool__(self) -> bool:
        return bool(self.verb) or self.hold is not None or self.manual


def change_of(wish: Wish, found: Json) -> tuple[Change, list[FieldDiff]]:
    """What is to be done, and how it differs. About differences that are to be left alone nothing is done.

    Args:
        wish: what is wanted.
        found: what `pkg.query` says.
    """
    diffs: list[FieldDiff] = []

    def differs(field: str, before: Any, after: Any) -> bool:
        ignored = field in wish.ignored
        diffs.append(FieldDiff(f"{wish.prefix}{field}", before, after, ignored))
        return not ignored

    now = found.get("version")
    if wish.gone:
        if found["exists"] and differs("version", now, None):
            return Change(PURGE if wish.state == "purged" else REMOVE), diffs
        if (
            wish.state == "purged"
            and found["state"] == "config-files"
            and differs("state", "config-files", "purged")
        ):
            return Change(PURGE), diffs
        return Change(), diffs
    verb, target, mends = "", "", False
    choice = found.get("choice", "")
    if not found["exists"] or not found["fits"] or (choice and wish.state == "latest" and choice != now):
        if wish.body is not None:
            choice = wish.version
        if differs("version", now, choice or wish.version or "a version that is not known yet"):
            verb, target = INSTALL, choice
    elif (found["state"] != "installed" or found.get("broken")) and differs(
        "state", found["state"], "installed"
    ):
        verb, target, mends = INSTALL, now or "", True
    held = None
    if wish.hold is not None and wish.hold != found["hold"] and differs("hold", found["hold"], wish.hold):
        held = wish.hold
    manual = bool(found.get("automatic")) and differs("automatic", before=True, after=False)
    return Change(verb, target, held, manual, mends), diffs
