"""What a plugin.py finds around it: the same in WebAssembly as in CPython, where its tests run.

A provider's answers depend on nothing but its inputs. So it can import what computes and what lies beside it in its
package, and not what reaches for a clock, randomness, a file, a process or a socket. This is a convenience for
authors, who get an ImportError that says so; what keeps a hostile provider inside is WebAssembly.
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any, NoReturn

from froyo_provider.faults import PermanentError

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Mapping, Sequence

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


def file_of(module: str) -> str:
    """How a module of a plugin is called in tracebacks; nothing else there is without a directory."""
    return f"{module}.py"


def is_of_a_plugin(file: object) -> bool:
    """Whether a file in a traceback is a module of a plugin."""
    return isinstance(file, str) and file.endswith(".py") and "/" not in file


def plugin_builtins(own: Callable[[str], types.ModuleType | None]) -> dict[str, Any]:
    """The built-in names of a plugin.

    Args:
        own: gives a module of its package, or None.
    """

    def importing(
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - the names are Python's
        locals: Mapping[str, object] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        # What a module of the standard library imports while one of its functions runs is its own business. One
        # that is written in C asks in its caller's name, but with a list where the import statement has a tuple.
        by_plugin = globals is None or globals.get("__builtins__") is names
        if by_plugin and not isinstance(fromlist, list):
            known = name in _IMPORTABLE or name.partition(".")[0] == "froyo_provider"
            # A module of the standard library comes before one of the package that has its name.
            if not level and not known and (module := own(name)) is not None:
                return module
            if level or not known:
                raise ImportError(
                    f"a provider cannot import {name!r}: it has no clock, randomness, files, processes or network; "
                    "there are the modules beside plugin.py, by their own names, and those that "
                    "docs/spec/provider-interface.md lists"
                )
        return builtins.__import__(name, globals, locals, fromlist or (), level)

    names = dict(vars(builtins))
    names["__import__"] = importing
    names["open"] = names["input"] = names["breakpoint"] = _nothing_outside
    return names


def _nothing_outside(*args: object, **named: object) -> NoReturn:
    del args, named
    raise PermanentError("a provider has no files and no terminal: it asks the target with call()")
