"""What is asked of a provider and what it answers, as values; they are JSON only in `plugins`.

What it plans is in `plan`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.model.names import Address
from reconciler.model.resource import Instance
from reconciler.model.subjects import Subject


@dataclass(frozen=True, slots=True)
class Resource:
    """What is to be read and planned.

    Attributes:
        instance: as it is declared.
        owned: whether what is there is ours.
        managed: the paths below it that other instances manage; None where it contains nothing.
    """

    instance: Instance
    owned: bool = False
    managed: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Actual:
    """A resource as it is.

    Attributes:
        address: the instance.
        exists: whether there is anything at all.
        state: the provider's account of it.
        watch: the subjects on which it depends, such as `path:/etc/motd`.
        remark: what a person should know of it although nothing is to be done about it, or "".
        unfinished: whether what was begun here is known to have been cut off.
    """

    address: Address
    exists: bool
    state: Mapping[str, Any]
    watch: tuple[str, ...] = ()
    remark: str = ""
    unfinished: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is on a target, as it would be declared.

    Attributes:
        kind: of which kind it is.
        name: what its provider calls it.
        spec: its provider's part of the declaration.
        remark: what a person should know before it is declared, or "".
        replaces: subjects of which all findings that name them say everything, together.
    """

    kind: str
    name: str
    spec: Mapping[str, Any]
    remark: str = ""
    replaces: tuple[Subject, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What was done.

    Attributes:
        changed: whether that changed anything.
        output: what a program said, for a person.
    """

    changed: bool
    output: str = ""
