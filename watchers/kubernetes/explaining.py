"""What is wrong with an object, for who wrote it with kubectl: the field and the object, no line of a virtual file."""

from __future__ import annotations

import re

from reconciler.errors import Problem
from reconciler.model.cluster import OWN_GROUP
from watchers.kubernetes.objects import parts_of

_PATH = re.compile(r"[a-z0-9-]+/([A-Z]\w*)\.[a-z0-9.-]+/([a-z0-9.-]+)\.json(?::\d+)*")
_SAID_TWICE = re.compile(r"; (\S+) (?:is declared|gives it) at \1(?!\S)")
_KEY = re.compile(r'"((?:[^"\\]|\\.)*)": ')
_INDENT = 2


def shared(path: str) -> bool:
    """Whether others read what an object declares: it is one of froyo's own kinds."""
    _, kind, _ = parts_of(path)
    return kind.partition(".")[2] == OWN_GROUP


def mentions(path: str, text: str) -> bool:
    """Whether a text is about an object."""
    namespace, kind, name = parts_of(path)
    kind = kind.partition(".")[0]
    words = [path, f"{kind}/{name}", f"{kind}/{namespace}:{name}", f"{kind.lower()} {name}"]
    words += [f"{kind.lower()} {namespace}:{name}"]
    return any(re.search(rf"(?<![\w./-]){re.escape(word)}(?![\w-]|\.\w)", text) for word in words)


def explained(path: str, problem: Problem, content: bytes) -> str:
    """What is wrong with an object.

    Args:
        path: of the object.
        problem: what is wrong.
        content: of the object, if the problem is in there; else it is in one that needs this one.

    Example:
        `spec.target: there is no target web-2 (did you mean 'web-1'?)`
    """
    where = field_at(content, problem.line) if problem.file == path else _PATH.sub(r"\1/\2", problem.file)
    message = _SAID_TWICE.sub("", _PATH.sub(r"\1/\2", problem.message))
    if where and not message.startswith(where):
        message = f"{where}: {message}"
    hint = _PATH.sub(r"\1/\2", problem.hint)
    return f"{message} ({hint})" if hint else message


def field_at(content: bytes, line: int) -> str:
    """Which field stands on a line of an object, as `objects.py` writes one; "" for none.

    Example:
        `spec.require[0]`
    """
    lines = content.decode().splitlines()
    if not 0 < line <= len(lines):
        return ""
    found, at = "", line - 1
    while (depth := _depth(lines[at])) > 0:
        above = next(i for i in range(at - 1, -1, -1) if _depth(lines[i]) < depth)
        if (key := _KEY.match(lines[at].strip())) is not None:
            step = f".{key[1]}"
        else:
            step = f"[{sum(_opens(one, depth) for one in lines[above + 1 : at])}]"
        found, at = step + found, above
    return found.removeprefix(".")


def _depth(line: str) -> int:
    return (len(line) - len(line.lstrip(" "))) // _INDENT


def _opens(line: str, depth: int) -> bool:
    """Whether an entry of a list begins there."""
    return _depth(line) == depth and line.strip()[0] not in "]}"
