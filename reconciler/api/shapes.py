"""What comes in from outside as JSON, held to its shape as a whole by pydantic.

Invariants: an unknown field is refused, never ignored; nothing is converted, so that "1" is no number and 1 no text;
what is said of a mistake names the field. Importing this takes a while: a command that seldom needs it imports it then.
Knows no document in particular.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class Shape(BaseModel):
    """A JSON object. The description of a field completes the sentence "it has to be …"."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


S = TypeVar("S", bound=BaseModel)


def _not_empty(value: str) -> str:
    if not value:
        raise ValueError("it has to be text, and not empty")
    return value


# Not by a minimal length: pydantic would refuse what is not UTF-8, and names need not be.
Text = Annotated[str, AfterValidator(_not_empty)]
"""Text that says something."""


def held_to(shape: type[S], value: object) -> S:
    """`value`, as JSON gives it, if it has that shape.

    Raises:
        ValueError: it has not; says what is wrong first.
    """
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise ValueError(_sentence(shape, error.errors(include_url=False, include_input=False))) from error


def _sentence(shape: type[BaseModel], mistakes: Sequence[ErrorDetails]) -> str:
    """What is wrong. A field that does not exist explains the one that is missing, so it goes first."""
    unknown = [mistake for mistake in mistakes if mistake["type"] == "extra_forbidden"]
    mistake = (unknown or mistakes)[0]
    path = [str(part) for part in mistake["loc"]]
    if unknown:
        within = f" in {'.'.join(path[:-1])}" if path[1:] else f"; there is: {', '.join(shape.model_fields)}"
        return f"there is no field {path[-1]!r}{within}"
    if path and (field := shape.model_fields.get(path[0])) is not None and field.description:
        return f"{path[0]} has to be {field.description}"
    return f"{'.'.join(path) or 'it'}: {mistake['msg'].removeprefix('Value error, ')}"
