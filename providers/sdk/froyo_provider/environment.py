"""What a plugin.py finds around it: the same in WebAssembly as in CPython, where its tests run.

A provider's answers depend on nothing but its inputs. So it can import what computes, and not what reaches
for a clock, randomness, a file, a process or a socket. This is a convenience for authors, who get an
ImportError that says so; what keeps a hostile provider inside is WebAssembly.
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any, NoReturn

from froyo_provider.faults import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MODULES = (
    *("__future__", "abc", "array", "ast", "base64", "binascii", "bisect", "calendar", "codecs"),
    *("collections", "collections.abc", "colorsys", "configparser", "contextlib", "copy", "csv"),
    *("dataclasses", "datetime", "decimal", "difflib", "enum", "fnmatch", "fractions", "functools"),
    *("graphlib", "hashlib", "heapq", "hmac", "html", "io", "ipaddress", "itertools", "json"),
    *("keyword", "math", "numbers", "operator", "pathlib", "posixpath", "pprint", "re", "shlex"),
    *("stat", "statistics", "string", "struct", "sys", "textwrap", "tomllib", "types", "typing"),
    *("unicodedata", "urllib.parse", "warnings", "zlib"),
)
"""The part of the standard library that a plugin may import."""

_IMPORTABLE = frozenset(MODULES) | {name.partition(".")[0] for name in MODULES}


def plugin_builtins() -> dict[str, Any]:
    """The built-in names of a plugin."""
    names = dict(vars(builtins))
    names["__import__"] = _import
    names["open"] = names["input"] = names["breakpoint"] = _nothing_outside
    return names


def _import(
    name: str,
    globals: Mapping[str, object] | None = None,  # noqa: A002 - the names are Python's
    locals: Mapping[str, object] | None = None,  # noqa: A002
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    known = name in _IMPORTABLE or name.partition(".")[0] == "froyo_provider"
    # What a module of the standard library imports while one of its functions runs is its own business. One
    # that is written in C asks in its caller's name, but with a list where the import statement has a tuple.
    asked_by_plugin = globals is None or globals.get("__file__") == "plugin.py"
    asked_by_plugin = asked_by_plugin and not isinstance(fromlist, list)
    if asked_by_plugin and (level or not known):
        raise ImportError(
            f"a provider cannot import {name!r}: it has no clock, randomness, files, processes or network, "
            "and is one file; docs/spec/provider-interface.md lists the modules that there are"
        )
    return builtins.__import__(name, globals, locals, fromlist or (), level)


def _nothing_outside(*args: object, **named: object) -> NoReturn:
    del args, named
    raise PermanentError("a provider has no files and no terminal: it asks the target with call()")
