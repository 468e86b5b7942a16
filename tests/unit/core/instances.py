"""Instances as the tests of the core need them by the dozen."""

from __future__ import annotations

from reconciler.model.names import Address, Digest, Reference, TargetName
from reconciler.model.origin import Origin
from reconciler.model.resource import CommonSpec, Instance, Metadata
from reconciler.model.subjects import subject


def make_instance(ref: str, path: str = "", *, state: str = "", line: int = 0, **common: object) -> Instance:
    """An instance on target `t`; a Directory is a container."""
    kind, _, name = ref.partition("/")
    return Instance(
        address=Address(f"t/{ref}"),
        target=TargetName("t"),
        ref=Reference(ref),
        api_version="linux.froyo.dev/v1alpha1",
        kind=kind,
        metadata=Metadata(name),
        common=CommonSpec(**common),
        spec={"state": state} if state else {},
        digest=Digest("sha256:" + "0" * 64),
        provides=(subject("path", path),) if path else (),
        contains=(subject("path", path),) if path and kind == "Directory" else (),
        origin=Origin("site.yaml", line) if line else Origin(),
    )
