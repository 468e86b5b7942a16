"""What the API takes: the bodies of its POST routes, held to their shape before anything is done with them.

Invariant: what cannot be understood in full is refused with a sentence that names the field; nothing is guessed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal, TypeVar

from pydantic import Field

from reconciler.api.queries import seconds
from reconciler.api.shapes import Shape, Text, held_to
from reconciler.errors import UsageError
from reconciler.model.names import Address
from reconciler.model.scope import EVERYTHING, Scope
from reconciler.model.state import Suspension


class Reconcile(Shape):
    """Look at these, or at everything, now."""

    addresses: list[str] | None = Field(default=None, description="a list of addresses")


class Suspend(Shape):
    """Leave something alone, until a time or until it is resumed."""

    object: Text = Field(description="text, and not empty")
    by: Text = Field(description="text, and not empty")
    reason: Text = Field(description="text, and not empty")
    until: float | str | None = Field(
        default=None, description="a time such as 2026-01-31T12:00:00Z, or seconds since the epoch"
    )


class Resume(Shape):
    """Do not leave it alone any longer."""

    object: Text = Field(description="text, and not empty")
    by: str = Field(default="", description="text")


class ProveAlert(Shape):
    """Have an alert tell of nothing, by hand."""

    name: Text = Field(description="the name of an alert")
    by: Text = Field(description="text, and not empty")


class GatherFacts(Shape):
    """Ask a target what it is."""

    target: Text = Field(description="the name of a target")


class Approve(Shape):
    """Have done what waits for a person, or remove what nobody declares any more."""

    addresses: list[str] = Field(description="a list of addresses")
    by: Text = Field(description="text, and not empty")
    reason: Text = Field(description="text, and not empty")


class Forget(Shape):
    """Leave these as they are, for good."""

    addresses: list[str] = Field(default=[], description="a list of addresses")
    source: str = Field(default="", description="the name of a source")
    by: Text = Field(description="text, and not empty")


class ForeseeRestore(Shape):
    """Show what it would change to put back what was there before us."""

    address: Text = Field(description="text, and not empty")


class Restore(ForeseeRestore):
    """Put back what was there before us."""

    by: Text = Field(description="text, and not empty")
    reason: Text = Field(description="text, and not empty")


class StartRollback(Shape):
    """Put an earlier revision of a source in force, until a time or until that is ended."""

    revision: Text = Field(description="text, and not empty")
    source: str = Field(default="", description="the name of a source")
    by: Text = Field(description="text, and not empty")
    reason: Text = Field(description="text, and not empty")
    until: float | str | None = Field(
        default=None, description="a time such as 2026-01-31T12:00:00Z, or seconds since the epoch"
    )


class EndRollback(Shape):
    """Put the newest good revision of a source in force again."""

    source: str = Field(default="", description="the name of a source")
    by: Text = Field(description="text, and not empty")


class SteerRollout(Shape):
    """Pause, resume, promote or abort a rollout."""

    action: Literal["pause", "resume", "promote", "abort"] = Field(
        description="pause, resume, promote or abort"
    )
    name: Text = Field(description="text, and not empty")
    source: str = Field(default="", description="the name of a source")
    by: Text = Field(description="text, and not empty")
    reason: str = Field(default="", description="text")
    full: bool = Field(default=False, description="true or false")


B = TypeVar("B", bound=Shape)


def body(shape: type[B], text: bytes) -> B:
    """The body of a request; an empty one is an object without fields.

    Raises:
        UsageError: it is not JSON, or has not that shape.
    """
    try:
        fields = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise UsageError(f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise UsageError("the body is nested too deeply") from error
    if not isinstance(fields, dict):
        raise UsageError("the body has to be a JSON object")
    try:
        return held_to(shape, fields)
    except ValueError as error:
        raise UsageError(str(error)) from error


def scope(text: bytes) -> Scope[Address]:
    """What is to be looked at.

    Raises:
        UsageError: something about the request is not as it should be.
    """
    wanted = body(Reconcile, text).addresses
    return EVERYTHING if wanted is None else Scope.of(map(Address, wanted))


def suspension(text: bytes, *, now: float) -> Suspension:
    """The suspension that is asked for.

    Raises:
        UsageError: something about it is not as it should be.
    """
    wanted = body(Suspend, text)
    until = _end(wanted.until, now=now)
    return Suspension(object=wanted.object, by=wanted.by, reason=wanted.reason, since=now, until=until)


@dataclass(frozen=True, slots=True)
class RollbackWanted:
    """A rollback that is asked for: which revision, of which source, by whom, why, and until when."""

    revision: str
    source: str
    by: str
    reason: str
    until: float | None


def rollback(text: bytes, *, now: float) -> RollbackWanted:
    """The rollback that is asked for.

    Raises:
        UsageError: something about it is not as it should be.
    """
    wanted = body(StartRollback, text)
    until = _end(wanted.until, now=now)
    return RollbackWanted(wanted.revision, wanted.source, wanted.by, wanted.reason, until)


def _end(until: float | str | None, *, now: float) -> float | None:
    """When something is to end by itself; None for never."""
    found = None if until is None else seconds("until", until)
    if found is not None and found <= now:
        raise UsageError("until has to be in the future")
    return found
