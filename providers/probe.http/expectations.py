"""What of an answer is not as it is declared."""

from __future__ import annotations

import fnmatch
import json
import re
from typing import TYPE_CHECKING, Any

from froyo_provider import PermanentError
from froyo_provider.probing import Differs, said

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STEP = re.compile(r'\.?([A-Za-z0-9_-]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]')
_NOTHING = object()


def differences(spec: Mapping[str, Any], url: str, answer: Mapping[str, Any], took: int) -> list[Differs]:
    """All that differs; of an answer with another status only that.

    Args:
        spec: as declared.
        url: what was asked for in the end.
        answer: to that.
        took: milliseconds, of all redirects together.
    """
    wrong = list(_status(spec, url, answer))
    if not wrong:
        wrong = [*_headers(spec, answer), *_body(spec, answer), *_json(spec, answer)]
    if "latency" in spec and took > spec["latency"]:
        wrong.append(Differs("latency", f"{took} ms", f"at most {spec['latency']} ms"))
    return wrong


def _status(spec: Mapping[str, Any], url: str, answer: Mapping[str, Any]) -> Iterator[Differs]:
    status = answer["status"]
    for one in spec["status"]:
        lowest, _, highest = str(one).partition("-")
        if int(lowest) <= status <= int(highest or lowest):
            return
    wanted = ", ".join(map(str, spec["status"]))
    to = next((value for name, value in answer["headers"] if name == "location"), "")
    message = f"{url} answers {status} {answer['reason']}".rstrip() + f", not {wanted}"
    if to:
        message += f"; it leads to {said(to)}, and `redirects` says how often that is followed"
    elif text := said(answer["body"]):
        message += f": {text}"
    yield Differs("status", str(status), wanted, message)


def _headers(spec: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[Differs]:
    for name, pattern in spec.get("responseHeaders", {}).items():
        values = [value for known, value in answer["headers"] if known == name.lower()]
        if not any(fnmatch.fnmatchcase(value, pattern) for value in values):
            found = said(", ".join(values)) or "not there"
            yield Differs(f"responseHeaders.{name}", found, pattern)


def _body(spec: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[Differs]:
    body, cut = answer["body"], " (of its beginning)" if answer["truncated"] else ""
    for text in spec.get("contains", ()):
        if text not in body:
            message = f"{text!r} is not in the answer{cut}, which is: {said(body)}"
            yield Differs("contains", said(body), text, message)
    if "matches" in spec and not _expression(spec["matches"]).search(body):
        message = f"nothing in the answer{cut} matches {spec['matches']!r}; it is: {said(body)}"
        yield Differs("matches", said(body), spec["matches"], message)


def _json(spec: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[Differs]:
    if "json" not in spec:
        return
    try:
        document = json.loads(answer["body"])
    except (ValueError, RecursionError):
        yield Differs("json", said(answer["body"]), "JSON", f"the answer is no JSON: {said(answer['body'])}")
        return
    for one in spec["json"]:
        found = _at(document, one["path"])
        shown = "nothing" if found is _NOTHING else said(json.dumps(found, ensure_ascii=False))
        field = f"json.{one['path']}"
        if "equals" in one:
            if not _same(found, one["equals"]):
                yield Differs(field, shown, json.dumps(one["equals"], ensure_ascii=False))
        elif "matches" in one:
            if not isinstance(found, str) or not _expression(one["matches"]).search(found):
                yield Differs(field, shown, f"a match of {one['matches']}")
        elif found is _NOTHING or found is None:
            yield Differs(field, shown, "anything")


def _same(found: object, wanted: object) -> bool:
    """Whether two values of JSON are the same; true is not 1."""
    return found is not _NOTHING and json.dumps(found, sort_keys=True) == json.dumps(wanted, sort_keys=True)


def _at(document: Any, path: str) -> Any:
    """What is at a path; _NOTHING where nothing is."""
    at, rest = document, path.removeprefix("$")
    while rest:
        step = _STEP.match(rest)
        if step is None:
            raise PermanentError(
                f"json.path {path!r} is none, such as checks[0].state; it is not one at {rest!r}"
            )
        name, place, quoted = step.groups()
        if place is not None:
            known = isinstance(at, list) and int(place) < len(at)
            at = at[int(place)] if known else _NOTHING
        else:
            key = name if name is not None else json.loads(f'"{quoted}"')
            at = at.get(key, _NOTHING) if isinstance(at, dict) else _NOTHING
        rest = rest[step.end() :]
    return at


def _expression(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.MULTILINE)
    except re.error as error:
        raise PermanentError(f"matches {text!r} is no regular expression: {error}") from error
