"""Which fields go together, in words: `oneOf`, `anyOf` and `not` of a schema over which fields there are.

An alternative asks for fields (`required`), perhaps only where others say something of a few values (`properties` with
an `enum`), and may refuse some (`not`). Invariant: what is said to be missing would be enough, and what is said not to
go with another field is there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, TypeAlias

import jsonschema_rs

from reconciler.config import naming
from reconciler.core.spoken import listed, lowered

Schema: TypeAlias = dict[str, Any]
Complaint: TypeAlias = tuple[str | None, str, str]
"""At which field, what is wrong, and what to do about it."""


def complaints(
    schema: Schema, whole: Schema, keyword: str, value: Schema, name: str, meant: Collection[str]
) -> Iterator[Complaint]:
    """What is wrong with the fields of `value`; nothing where it is something else, or was told already.

    Args:
        schema: what does not hold.
        whole: the schema of the object, of which that is a part.
        keyword: `oneOf`, `anyOf` or `not`: which part.
        value: the object.
        name: what it is called.
        meant: fields of which a misspelt one was told.
    """
    asked = groups(schema.get(keyword))
    given = [one for one in asked if jsonschema_rs.is_valid(one, value)]
    if keyword == "not" and not given:
        return  # it is refused for something else than which fields there are
    if keyword == "not" and "properties" in schema["not"]:
        yield _excluded(value, schema["not"]["properties"], [one["required"] for one in given], whole)
    elif keyword == "not":
        some = given[0]["required"]
        yield _last(some, value), f"{listed(some, 'and')} do not go together in {name}", "keep one"
    elif keyword == "oneOf" and len(given) > 1:
        both = listed([listed(one["required"], "and") for one in given], "and")
        yield None, f"{both} do not go together in {name}", "keep one"
    elif not any(field in meant for one in asked for field in one["required"]):
        yield from _incomplete(asked, whole, value, name)


def groups(schema: Any) -> list[Schema]:
    """The alternatives that ask for fields."""
    return list(_groups(schema))


def _groups(schema: Any) -> Iterator[Schema]:
    for child in schema if isinstance(schema, list) else [schema]:
        if isinstance(child, dict):
            if isinstance(child.get("required"), list):
                yield child
            yield from _groups([*child.get("anyOf", ()), *child.get("oneOf", ())])


def fields(schema: Any) -> set[str]:
    """All the fields of which alternatives say something."""
    found: set[str] = set()
    for child in schema if isinstance(schema, list) else [schema]:
        if isinstance(child, dict):
            found |= {*child.get("required", ()), *child.get("properties", ())}
            found |= fields([*child.get("anyOf", ()), *child.get("oneOf", ()), child.get("not")])
    return found


def wanted_of_one(schema: Any) -> str:
    """The pattern that one item at least has to have, where `schema`, under `not`, says that none has it; else ""."""
    match schema:
        case {"items": {"not": {"pattern": str(pattern)}}}:
            return pattern
    return ""


def _incomplete(asked: Collection[Schema], whole: Schema, value: Schema, name: str) -> Iterator[Complaint]:
    """No alternative holds: what would make one of them hold, or what is too much for the one that is meant."""
    ways: dict[str, list[str]] = {}
    found: list[Complaint] = []
    for one in asked:
        if _otherwise(one, value):
            continue
        lacking = [field for field in one["required"] if field not in value]
        tells = one.get("properties", {})
        refused = [some["required"] for some in groups(one.get("not")) if jsonschema_rs.is_valid(some, value)]
        if refused and any(field in lacking for field in tells):
            continue  # it is another one that is meant
        found += [_apart(some, tells, value, "leave it out") for some in refused]
        if lacking and not _is_refused(whole, value, lacking):
            ways[listed([_written(field, tells) for field in lacking], "and")] = lacking
    ways = {said: way for said, way in ways.items() if not any(set(one) < set(way) for one in ways.values())}
    if ways:
        [(said, way), *more] = ways.items()
        hint = "add one of them" if more else _to_add(said, way, whole)
        found.insert(0, (None, f"{name} is not complete without {listed(list(ways), 'or')}", hint))
    yield from found or _meant_otherwise(asked, value) or [_without_any(asked, name)]


def _is_refused(whole: Schema, value: Schema, lacking: Collection[str]) -> bool:
    """Whether something else would be wrong if what is lacking was there."""
    refused = whole.get("not", {})
    there = {**dict.fromkeys(lacking), **value}
    return "properties" not in refused and any(jsonschema_rs.is_valid(one, there) for one in groups(refused))


def _without_any(asked: Collection[Schema], name: str) -> Complaint:
    choice = listed([listed(one["required"], "and") for one in asked], "or")
    return None, f"{name} is not complete without {choice}", "add one of them"


def _meant_otherwise(asked: Collection[Schema], value: Schema) -> list[Complaint]:
    """What is there asks for another field to say something else."""
    for one in asked:
        others = _otherwise(one, value)
        some = [field for field in one["required"] if field not in others]
        if others and some and all(field in value for field in some):
            return [_apart(some, others, value, "")]
    return []


def _written(field: str, tells: Schema) -> str:
    """A field that is missing, with its value where there is but one."""
    values = tells.get(field, {}).get("enum", ())
    return f"{field}: {values[0]}" if len(values) == 1 else field


def _otherwise(one: Schema, value: Schema) -> Schema:
    """The fields that say something else than an alternative is for."""
    return {
        field: child
        for field, child in one.get("properties", {}).items()
        if field in value and not jsonschema_rs.is_valid(child, value[field])
    }


def _to_add(said: str, way: list[str], whole: Schema) -> str:
    meaning = naming.first_sentence(whole.get("properties", {}).get(way[0], {}))
    return f"add {said}: {lowered(meaning)}" if [said] == way and meaning else f"add {said}"


def _excluded(value: Schema, others: Schema, named: list[list[str]], whole: Schema) -> Complaint:
    """`not` over `properties`, and over fields that are named beside them: which do not go together with what is said.

    A description that says in a sentence of its own when its field is "Refused" has that told as what to do.
    """
    some = next(filter(None, ([field for field in one if field not in others] for one in named)), None)
    if some is None:
        return _last(named[0], value), f"{_said(named[0], value)} cannot be", ""
    field = whole.get("properties", {}).get(_last(some, value), {})
    sentences = str(field.get("description", "")).split(". ")
    hint = next((one.rstrip(".") for one in sentences if one.startswith("Refused")), "")
    return _apart(some, others, value, lowered(hint))


def _apart(some: list[str], others: Collection[str], value: Schema, hint: str) -> Complaint:
    verb = "does" if len(some) == 1 else "do"
    return (
        _last(some, value),
        f"{listed(some, 'and')} {verb} not go together with {_said(others, value)}",
        hint,
    )


def _said(fields_: Collection[str], value: Schema) -> str:
    said = [f"the {one} {naming.short(value[one])}" if one in value else f"no {one}" for one in fields_]
    return listed(said, "and")


def _last(some: list[str], value: Schema) -> str:
    return max(some, key=list(value).index)
