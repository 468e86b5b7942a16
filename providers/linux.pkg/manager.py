"""What linux.pkg has to know of a package manager: one interface.

A manager says in which runs something is done, how its programs are told, and by which files one sees that something
has changed. What is installed, and what would come of a change, the runner says of each in the same words (`pkg.query`,
`pkg.simulate`). So nothing beside these modules knows which one a target has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Json: TypeAlias = "dict[str, Any]"
Argv: TypeAlias = "tuple[str, ...]"

Verb: TypeAlias = "Literal['manual', 'hold', 'unhold', 'mend', 'tidy', 'free']"
"""`manual`: somebody asked for it. `hold`, `unhold`. `mend`: it is there, and has to be set up anew. `tidy`: it is
gone, and its absence is not to be a wish of its own. `free`: it was installed, and is not to be on hold with that."""

INSTALL, REMOVE, PURGE = "install", "remove", "purge"


@dataclass(frozen=True)
class Manager:
    """A package manager.

    Attributes:
        name: as facts have it: `apt`.
        status: subjects of what is installed, and of what is on hold.
        sources: subjects with which there may be a version that there was not.
        step: the argv of one run of it, from a step and from `removing`, whether anything may be removed.
        refresh: by which it learns what there is.
        renews: how a person does that.
        lift: with what a person lifts a hold, with `{}` for the package.
        source: what a person declares where packages come from somewhere else, with `{}` for a name.
        beside: what the name of a configuration file ends in that came with a package and was not taken.
        marks: by verb (see Verb), the argv that does that to packages, from their installed versions by name. Where one
            is missing there is nothing of the kind.
        repair: by which it goes on where it was cut off; None where it has nothing of the kind.
        order: the parts of a transaction that are runs by themselves, each with what is done in it, in their order.
        weak: whether it can leave out what is only recommended.
        files: whether it installs from a file.
        relock: whether a hold has to be lifted while a package is changed.
        environment: of its programs.
        noise: lines that say nothing which is not known already.
        headings: lines with which something else begins.
    """

    name: str
    status: Argv
    sources: Argv
    step: Callable[..., Argv]
    refresh: Argv
    renews: str
    lift: str
    source: str
    beside: str
    marks: Mapping[Verb, Callable[[Mapping[str, str]], Argv]]
    repair: Argv | None = None
    order: Sequence[Sequence[str]] = ((INSTALL, REMOVE),)
    weak: bool = True
    files: bool = False
    relock: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    noise: re.Pattern[str] = re.compile(r"$.")
    headings: re.Pattern[str] = re.compile(r"$.")

    def done(self, verb: str) -> str:
        """What it calls that: one that leaves nothing behind in any case, or always the same, knows of no purge."""
        return REMOVE if verb == PURGE and not any(PURGE in verbs for verbs in self.order) else verb


def named(*argv: str) -> Callable[[Mapping[str, str]], Argv]:
    """A program that is told names, behind `--`."""
    return lambda versions: (*argv, "--", *sorted(versions))
