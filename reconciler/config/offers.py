"""What to write in the place of something that a schema refuses.

Invariant: an offer is tried before it is made. What the schema would refuse as well is never offered.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import jsonschema_rs

from reconciler.documents.scalars import resolve
from reconciler.model.catalog import Elsewhere

_VALUES = frozenset(
    {
        "enum",
        "pattern",
        "minLength",
        "maxLength",
        "items",
        "minItems",
        "maxItems",
        "not",
        "anyOf",
        "oneOf",
        "allOf",
    }
)
_ALL = ("all", "*")
"""What stands for every target elsewhere."""
_OPERATOR = re.compile(r"[|&;<>]+")
"""What is a word by itself to a shell only."""
_EXPANDED = re.compile(r"\$\(|\$\w|`")
"""What only a shell would put something in the place of."""
_PYTHON: dict[str, type] = {"integer": int, "number": float, "boolean": bool}


def quoted(plain: str, value: object, schema: Mapping[str, Any]) -> str:
    """What to write in quotes in the place of something that YAML takes for no text; "" where nothing like it is right.

    Only what the field would take is offered. A small number may be a mode in octal, as it is written or as it is read.
    """
    octal = f"{value:04o}" if type(value) is int and 0 <= value <= 0o777 else ""
    meant = [text for text in dict.fromkeys((plain, octal)) if text and fits(text, schema)]
    if not meant:
        return ""
    if len(meant) == 1 or plain.lstrip("0") == octal.lstrip("0") or "pattern" not in schema:
        return f'quote it: "{meant[0]}"'
    return f'quote it: "{plain}", or write "{octal}" if the number {value} is meant'


def ours(elsewhere: Elsewhere, path: Sequence[str | int], field: object = None) -> Mapping[str, str]:
    """What we call what other tools have in a spec: its fields, or the values of one, by their words."""
    if tuple(path) != ("spec",):
        return {}
    return elsewhere.fields if field is None else elsewhere.values.get(str(field), {})


def unquoted(text: str, types: list[str]) -> str:
    """That a text would be of one of the wanted types without its quotes."""
    return "write it without quotes" if type(resolve(text)) in {_PYTHON.get(kind) for kind in types} else ""


def truth(value: object) -> str:
    """A boolean in the place of a number that stands for one elsewhere."""
    return f"write {str(bool(value)).lower()}" if value in (0, 1) else ""


def instead(value: object, types: list[str], schema: Mapping[str, Any]) -> str:
    """What to write in the place of a value of another type; "" where nothing like it is right."""
    if types[0] == "array" and not isinstance(value, list | dict):
        return as_list(value, schema)
    if value in _ALL and _selects(schema):
        return "write {} for all of them"
    if isinstance(value, str):
        return unquoted(value, types)
    return truth(value) if types[0] == "boolean" else ""


def label(name: str, value: object, schema: Mapping[str, Any]) -> str:
    """A label that stands where a selector says what it looks at."""
    return f"matchLabels: {{{name}: {value}}}" if _selects(schema) and isinstance(value, str) else ""


def _selects(schema: Mapping[str, Any]) -> bool:
    return "matchLabels" in schema.get("properties", ())


def as_list(value: object, schema: Mapping[str, Any]) -> str:
    """A value as the list that was meant: of the words of a command, of what has commas between, or of itself."""
    if isinstance(value, str):
        lists = [_for_a_shell(value), _words(value), _between_commas(value)]
        return next((_list(words) for words in lists if words and fits(words, schema)), "")
    return f"[{json.dumps(value)}]" if fits([value], schema) else ""


def apart(value: object, path: Sequence[str | int], pattern: str) -> str:
    """One item that was to be several: `["noexec,nosuid"]`."""
    words = _between_commas(value) if isinstance(value, str) and path and isinstance(path[-1], int) else []
    several = len(words) > 1 and all(re.search(pattern, word) for word in words)
    return f"each is an item of its own: {_list(words)}" if several else ""


def behind(
    elsewhere: Elsewhere, value: object, path: Sequence[str | int], pattern: str, schema: Mapping[str, Any]
) -> str:
    """What was written behind something else and has a field of its own: `version: "1.6"` for `jq=1.6`.

    Args:
        elsewhere: which fields are written behind which ones there.
        value: what was written.
        path: of the field, or of an item of it.
        pattern: what that has to be.
        schema: of the whole document.
    """
    field = next((str(part) for part in path[1:2] if path[0] == "spec"), "")
    other = elsewhere.behind.get(field, "")
    parts = re.fullmatch(r"([^<>=]+?) *(==?|[<>]=?) *(.+)", str(value))
    if not other or parts is None:
        return ""
    first, sign, rest = parts.groups()
    second = rest if sign in {"=", "=="} else f"{sign}{rest}"
    if not re.search(pattern, first) or not fits(second, schema["properties"]["spec"]["properties"][other]):
        return ""
    told = f'{other}: "{second}"'
    return (
        f"let {first} be one by itself, with {told}"
        if len(path) > 2
        else f"did you mean {field}: {first}, {told}?"
    )


def named(value: object, pattern: str, _: str = "") -> str:
    """A name or reference that is allowed and close to what was written."""
    text = str(value)
    reference = re.sub(r"\A(\w+)\[(.+)\]\Z", r"\1/\2", text)
    made = re.sub(r"[^-a-z0-9.]+", "-", text.lower()).strip("-.")
    meant = (one for one in (reference[:1].upper() + reference[1:], made) if one and re.search(pattern, one))
    return next((f"such as {one!r}" for one in meant), "")


def completed(value: object, pattern: str, description: str) -> str:
    """What a field is, and the value with the end of an example of that, where it lacks only that: `nginx.service`."""
    words = re.split(r"[\s,:()]+", description)
    ends = ["." + word.rpartition(".")[2] for word in words if "." in word and re.search(pattern, word)]
    meant = next((f"{value}{end}" for end in ends if re.search(pattern, f"{value}{end}")), "")
    return f"did you mean {meant!r}? {description}" if meant else description


def fits(value: object, schema: Mapping[str, Any]) -> bool:
    """Whether a value would be taken, apart from its type."""
    known = {key: item for key, item in schema.items() if key in _VALUES}
    return bool(jsonschema_rs.is_valid(known, value))


def _list(words: Sequence[str]) -> str:
    return f"[{', '.join(map(_in_a_list, words))}]"


def _between_commas(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _words(text: str) -> list[str]:
    """What a shell would make of a command, which is what somebody had in mind who wrote one as text."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _for_a_shell(text: str) -> list[str]:
    """A command that takes a shell, as an argument of one; nothing where it takes none."""
    words = shlex.shlex(text, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    try:
        apart = list(words)
    except ValueError:
        return []
    takes = len(apart) > 1 and (any(_OPERATOR.fullmatch(word) for word in apart) or _EXPANDED.search(text))
    return ["sh", "-c", text] if takes else []


def _in_a_list(word: str) -> str:
    """A word as it can stand between brackets and stay text."""
    plain = re.fullmatch(r"(--?[A-Za-z]|[A-Za-z0-9_./])[-A-Za-z0-9_./+=]*", word)
    return word if plain and isinstance(resolve(word), str) else json.dumps(word, ensure_ascii=False)


def singular_or_plural(name: str, value: Any, beside: Mapping[str, Any]) -> str:
    """The field that is called as `name` with an s, or without, and would take the value; or "".

    Args:
        name: of the field in which it stands.
        value: which that one does not take.
        beside: the schemas of all fields there.
    """
    other = name.removesuffix("s") if name.endswith("s") else f"{name}s"
    return (
        f"did you mean {other!r}?" if other in beside and jsonschema_rs.is_valid(beside[other], value) else ""
    )
