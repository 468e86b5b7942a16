"""The names of things, each with a type of its own so that mypy tells them apart.

An address is `target/Kind/name`, or `target/Kind/namespace:name` outside the namespace `default`; a reference, as users
write it in `require`, is the same without the target. So is a target called `namespace:name` outside of it. What had a
name that means another thing by now is `target/Kind/name~digits`, which nobody can declare.
"""

from __future__ import annotations

import hashlib
from typing import NewType

Address = NewType("Address", str)
Reference = NewType("Reference", str)
TargetName = NewType("TargetName", str)
SourceName = NewType("SourceName", str)
Digest = NewType("Digest", str)
"""`sha256:` and 64 hexadecimal digits."""

DEFAULT_NAMESPACE = "default"


def reference(kind: str, name: str, namespace: str = DEFAULT_NAMESPACE) -> Reference:
    """`Kind/name` as users write it."""
    return Reference(f"{kind}/{name}" if namespace == DEFAULT_NAMESPACE else f"{kind}/{namespace}:{name}")


def target_name(name: str, namespace: str = DEFAULT_NAMESPACE) -> TargetName:
    """What a target is called: `web-1`, or `site:web-1`."""
    return TargetName(name if namespace == DEFAULT_NAMESPACE else f"{namespace}:{name}")


def split_target(name: TargetName) -> tuple[str, str]:
    """The namespace of a target, and its name in there."""
    namespace, separator, rest = name.partition(":")
    return (namespace, rest) if separator else (DEFAULT_NAMESPACE, name)


def address(target: TargetName, ref: Reference) -> Address:
    """The address of the instance of `ref` on `target`."""
    return Address(f"{target}/{ref}")


def target_object(name: TargetName) -> str:
    """What events about a target are about: `Target/web-1`."""
    return f"Target/{name}"


def source_object(name: SourceName) -> str:
    """What events about a source are about: `Source/site`, and for a directory `Source/srv/site`, with one slash."""
    return f"Source{name}" if name.startswith("/") else f"Source/{name}"


def split_address(value: Address) -> tuple[TargetName, Reference]:
    """The target and the reference of an address."""
    target, _, rest = value.partition("/")
    return TargetName(target), Reference(rest)


def former(value: Address, subject: str) -> Address:
    """The address of what `value` was about while that was `subject`."""
    return Address(f"{value}~{hashlib.sha256(subject.encode(errors='surrogateescape')).hexdigest()[:8]}")
