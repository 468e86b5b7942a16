"""Saved plans: what `froyo plan --out` writes and `froyo apply --plan` reads.

Invariant: a file that was changed, cut off or written by something else is refused as a whole. What it says is not
carried out blindly: each part is compared with what is declared and observed then, and refused if either has moved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field

from reconciler import __version__
from reconciler.api.shapes import Shape, held_to
from reconciler.app.systems import write_whole
from reconciler.errors import UsageError, why
from reconciler.model.conditions import Reason
from reconciler.model.envelope import envelope
from reconciler.model.names import Address, Digest
from reconciler.model.plan import Action, Cause, Operation, PlanUnit

if TYPE_CHECKING:
    from reconciler.age.recipients import Recipient

KIND = "SavedPlan"


class UnitShape(Shape):
    """What is read of a unit. The other fields tell a person about it; what is done is planned anew."""

    # Strictly, the text of an enum's value is none of its members.
    model_config = ConfigDict(strict=False)

    address: str
    action: Action
    cause: Cause
    diffs: list[dict[str, Any]]
    desired: str
    observed: str
    held: Reason | None = None
    heldBecause: str = ""  # noqa: N815 - documents are in camel case
    advice: str = ""
    fails: str = ""
    remark: str = ""
    declaredAt: str = ""  # noqa: N815 - as above
    subject: str = ""
    rendered: list[dict[str, Any]] = Field(default_factory=list)


class PlanShape(Shape):
    """The plan of one target."""

    target: str
    revision: str
    observedAt: str | None  # noqa: N815 - as above
    units: list[UnitShape]
    errors: dict[str, str]
    declaredAt: dict[str, str] = Field(default_factory=dict)  # noqa: N815 - as above
    decisions: list[dict[str, Any]] = Field(default_factory=list)


class SavedPlanShape(Shape):
    """The file, without its digest."""

    apiVersion: Literal["froyo.dev/v1alpha1"]  # noqa: N815 - as above
    kind: Literal["SavedPlan"]
    version: str
    directory: str
    revision: str
    createdAt: str | None  # noqa: N815 - as above
    settings: dict[str, str] = Field(default_factory=dict)
    plans: list[PlanShape]


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved plan.

    Attributes:
        directory: the source that it was made from, absolute.
        revision: of the source then.
        created_at: when, as documents have it.
        targets: those that were planned.
        units: by address.
        settings: what was set for the source then, by name.
    """

    directory: str
    revision: str
    created_at: str | None
    targets: tuple[str, ...]
    units: Mapping[Address, PlanUnit]
    settings: Mapping[str, str] = field(default_factory=dict)


def write_plan(
    path: str,
    plans: Sequence[Mapping[str, Any]],
    *,
    directory: str,
    revision: str,
    created_at: str | None,
    settings: Mapping[str, str] = MappingProxyType({}),
    recipients: Sequence[Recipient] = (),
) -> str:
    """Write a plan to a file that only its owner can read, and only recipients where there are any; returns its digest.

    Raises:
        UsageError: the file cannot be written.
    """
    body = {
        **envelope(KIND),
        "version": __version__,
        "directory": directory,
        "revision": revision,
        "createdAt": created_at,
        **({"settings": dict(settings)} if settings else {}),
        "plans": list(plans),
    }
    digest = _digest(body)
    text = json.dumps({**body, "digest": digest}, indent=1)
    if recipients:
        from reconciler.age.sealing import sealed

        text = sealed(text.encode(), recipients, naming=False)
    write_whole(path, text, what="the plan", mode=0o600)
    return digest


def read_plan(path: str, opened: Callable[[bytes], bytes] = bytes) -> Saved:
    """A plan from a file.

    Args:
        path: of the file.
        opened: gives what is in it as it was before it was encrypted, if it was. Raises UsageError.

    Raises:
        UsageError: it cannot be read, or is not what was written.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise UsageError(
            f"{path}: the plan cannot be read: {why(error)}; `froyo plan --out {path}` makes one"
        ) from error
    try:
        document = json.loads(opened(content))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: it is no saved plan; make one with `froyo plan --out {path}`") from error
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise UsageError(f"{path}: it is no saved plan; make one with `froyo plan --out {path}`")
    digest = document.pop("digest", "")
    if digest != _digest(document):
        raise UsageError(f"{path}: it was changed after it was saved; plan again")
    try:
        saved = held_to(SavedPlanShape, document)
    except ValueError as error:
        raise UsageError(
            f"{path}: it was saved by another version of froyo ({document.get('version')}; {error}); plan again"
        ) from error
    return Saved(
        saved.directory,
        saved.revision,
        saved.createdAt,
        tuple(plan.target for plan in saved.plans),
        {Address(unit.address): _unit(unit) for plan in saved.plans for unit in plan.units},
        saved.settings,
    )


def _unit(unit: UnitShape) -> PlanUnit:
    return PlanUnit(
        address=Address(unit.address),
        action=unit.action,
        cause=unit.cause,
        diffs=(),
        operation=Operation(Address(unit.address), unit.action),
        desired=Digest(unit.desired),
        observed=Digest(unit.observed),
        held=unit.held,
    )


def _digest(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    return f"sha256:{hashlib.sha256(text).hexdigest()}"
