"""The compiler: a process that evaluates CUE and compiles Rego, which exist as Go libraries only.

`compiler().ask(operation, arguments)` is all that others need; `docs/spec/compiler.md` has the operations. The process
is started when something is first asked and ends after a while of idleness. It gets files as text and reads none
itself; what it may take of memory and time is limited, and one that takes more is ended, which fails the one request.

The Go program lies in this directory, too: `main.go` and `internal/`.
"""

from __future__ import annotations

from functools import cache

from reconciler.config.compiler.answers import Texts, problem_of
from reconciler.config.compiler.client import Compiler
from reconciler.config.compiler.faults import CompilerError, CompilerExceeded, CompilerMissing

__all__ = [
    "Compiler",
    "CompilerError",
    "CompilerExceeded",
    "CompilerMissing",
    "Texts",
    "compiler",
    "problem_of",
]


@cache
def compiler() -> Compiler:
    """The one of this process."""
    return Compiler()
