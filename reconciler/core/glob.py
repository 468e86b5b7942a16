"""Globs over absolute paths, such as grants of capabilities name them.

    *       any run of characters within one component
    ?       one character within one component
    [a-c]   one of these characters; [!a-c] one of the others
    **      as a whole component: any run of components, also none, but at the end at least one

So `/etc/**` is all that lies below /etc and not /etc itself, and `/**` is every path. Everything else
stands for itself; a name may begin with a dot. Matching takes time in proportion to pattern times path,
whatever either is made
of: the paths may come from a hostile provider. This module must not know what the paths are for.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from functools import lru_cache

Match = Callable[[str], bool]


@lru_cache(maxsize=1024)
def compile_glob(pattern: str) -> Match:
    """A function that says whether a path matches `pattern`.

    Example:
        >>> matches = compile_glob("/etc/*/conf.d/**")
        >>> matches("/etc/nginx/conf.d/sites/a.conf"), matches("/etc/nginx/conf.d")
        (True, False)
    """
    parts = pattern.split("/")
    if parts[-1] == "**" and not any(character in part for part in parts[:-1] for character in "*?["):
        prefix = "/".join(parts[:-1]) + "/" if len(parts) > 1 else ""
        return lambda path: path.startswith(prefix)
    if parts[-1] == "**":
        # At least one component: what `*` asks for, after any number of others.
        parts.append("*")
    components = tuple(None if part == "**" else re.compile(fnmatch.translate(part)).match for part in parts)
    return lambda path: _matches(components, path.split("/"))


def _matches(components: tuple[Callable[[str], object] | None, ...], path: list[str]) -> bool:
    """The classic matcher with one place to go back to; None stands for any run of components."""
    at = index = 0
    back: tuple[int, int] | None = None
    while index < len(path):
        if at < len(components) and (component := components[at]) is None:
            back = (at, index)
            at += 1
        elif at < len(components) and component is not None and component(path[index]):
            at += 1
            index += 1
        elif back is not None:
            back = (back[0], back[1] + 1)
            at, index = back[0] + 1, back[1]
        else:
            return False
    return all(component is None for component in components[at:])
