"""The words that are Starlark's own. Imports nothing: who makes helpers by their names asks here, too."""

from __future__ import annotations

# fmt: off
RESERVED = frozenset({
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except",
    "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "load", "nonlocal", "not", "or", "pass",
    "raise", "return", "try", "while", "with", "yield",
})
"""Those that nothing can be called."""
FUNCTIONS = frozenset({
    "abs", "any", "all", "bool", "bytes", "chr", "dict", "dir", "enumerate", "fail", "float", "getattr", "hasattr",
    "hash", "int", "json", "len", "list", "max", "min", "ord", "print", "range", "repr", "reversed", "set", "sorted",
    "str", "struct", "tuple", "type", "zip",
})
"""Those that something is called already."""
# fmt: on
